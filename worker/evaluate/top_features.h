// What a trained model looks at: its largest features, with names that a person knows.
//
// A linear model has a weight for each feature: per standard deviation of a numeric column, for
// being of a level, for being missing, or per unit of a LIBSVM feature. An MLP has none; there a
// column counts by what the metric that a report leads with (AUC) loses when its values are
// shuffled among the rows, so that it says nothing of its own row any more (permutation importance,
// Breiman 2001). Columns that say the same share their importance: shuffling one leaves the other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "worker/compute/model.h"
#include "worker/data/dataset/dataset.h"
#include "worker/data/encode/encoding.h"
#include "worker/evaluate/scoring.h"

namespace rubato {

inline constexpr size_t kTopFeatures = 20;
// Rows shuffled: as many as keep the predictions of all columns at about a million.
inline constexpr uint64_t kMostImportanceRows = 8192;
inline constexpr uint64_t kFewestImportanceRows = 512;
inline constexpr uint64_t kImportancePredictions = uint64_t{1} << 20;

struct TopFeature {
  std::string name;
  double size = 0.0;  // a weight, or an importance > 0
};

// Name of a key of a linear term's table (worker/spec/model_spec.h): "column",
// "column=level", "column is missing", "column is rare or new", "feature N".
std::string FeatureName(const Encoding& encoding, RowKey key);

// The weights of largest absolute value, at most kTopFeatures, none of them 0.
std::vector<TopFeature> LargestWeights(const Encoding& encoding, const ParameterRows& weights);

struct WeightedRows {
  const Dataset& data;
  const Parameters& weights;  // all that `data` needs
};

// The columns whose shuffling costs skill, at most kTopFeatures, the costliest first. Empty when
// the sampled rows cannot be judged (they are of one class), or have no columns (LIBSVM). `go_on`
// is asked before each column; its error ends the work.
absl::StatusOr<std::vector<TopFeature>> PermutationImportance(const Encoding& encoding,
                                                              Model* model,
                                                              const WeightedRows& rows,
                                                              uint64_t seed, const GoOn& go_on);

// [{"name": ..., KEY: ...}, ...]
std::string FormatTopFeatures(const std::vector<TopFeature>& features, const char* key);

}  // namespace rubato
