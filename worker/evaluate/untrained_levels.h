// Weights for the levels "other" and missing where training had no rows of them, or next to none:
// what a row of theirs began with is chance (an embedding) or zero, and either may score above the
// riskiest level that is known.
//
// They get the mean of their column's known levels, weighted by training rows, in every table: the
// weight that says least about such a row. For missing "other" is one of them, where it is trained:
// all there are where each level is rare. It is a function of the trained weights alone, so that
// evaluation and predict agree, on any device, and training is left as it is.
#pragma once

#include <vector>

#include "worker/compute/model.h"
#include "worker/data/encode/encoding.h"
#include "worker/evaluate/known_weights.h"

namespace rubato {

// Training rows below which a level counts as untrained.
inline constexpr uint64_t kTrainedRows = 5;
// Known levels, the most frequent, that a mean is taken of: as many are pulled for it.
inline constexpr size_t kMeanLevels = 1024;

class UntrainedLevels {
 public:
  // Of a model over data of `encoding`.
  UntrainedLevels(const Encoding& encoding, const ModelSpec& model);
  // Adds to keys the levels whose mean is wanted for them; they stay sorted and distinct.
  void AddKeys(Parameters* keys) const;
  // `rows`: of such keys, with their values.
  void Fill(Parameters* rows) const;

 private:
  struct Level {
    RowKey key;
    float share = 0.0F;  // of the rows of the levels that the mean is of
  };
  struct Blank {
    RowKey key;                 // of "other" or missing
    std::vector<Level> levels;  // by key
  };
  static std::vector<Level> TrainedLevels(const CategoryEncoding& column, uint64_t first_key,
                                          uint64_t blank);
  static void AddBlanks(const CategoryEncoding& column, uint64_t first_key,
                        std::vector<Blank>* blanks);

  std::vector<std::vector<Blank>> blanks_;  // by table
};

// `pull` with the untrained levels filled; may return more rows than it is asked for.
PullRows PullFilled(UntrainedLevels levels, PullRows pull);

}  // namespace rubato
