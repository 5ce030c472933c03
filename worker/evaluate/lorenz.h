// How predicted means above 0 order the rows, and how true their level is: Lorenz curve, Gini, and
// observed against expected by tenths of the rows.
#pragma once

#include <vector>

#include "worker/evaluate/judge.h"

namespace rubato {

// `size` is what the rows are measured in: exposure, or weight.
struct MeanRow {
  double rate = 0.0;  // predicted, by unit of size
  double size = 0.0;
  double actual = 0.0;
  double expected = 0.0;
};

class LorenzRows {
 public:
  explicit LorenzRows(std::vector<MeanRow> rows);

  const MeanRow& total() const { return total_; }  // sums, without a rate
  // 1 - 2 x the area under the Lorenz curve: the share of what happened against the share of size,
  // rows by rising rate; equal rates are one step (Frees, Meyers and Cummings 2011). 0 where
  // nothing happened.
  double Gini() const;
  // At most this many points of that curve, ends and all.
  FigureTable Curve(size_t points) const;
  // Tenths of the rows by rising rate, fewer where there are fewer rows: size, and predicted and
  // observed rate.
  FigureTable Calibration() const;

 private:
  // Calls step(size, actual) for each group of equal rates, by rising rate.
  template <class Step>
  void ForEachTie(Step step) const;

  std::vector<MeanRow> rows_;  // by rising rate
  MeanRow total_;
};

}  // namespace rubato
