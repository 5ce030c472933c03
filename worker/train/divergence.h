// When training has run away: weights that are no numbers any more, or a loss far above that of
// knowing nothing. Going on makes it no better, and a snapshot of it would replace a good one.
#pragma once

#include <limits>

#include "absl/status/status.h"
#include "common/base/ids.h"
#include "worker/data/dataset/dataset.h"
#include "worker/spec/target.h"

namespace rubato {

// A pass may begin badly and still end well; ten times what a constant loses above the least that
// can be lost, on average over a whole pass, is no beginning.
inline constexpr double kDivergedLoss = 10.0;

// Mean training losses.
struct LossRange {
  double least = 0.0;                                         // of a model that knows each label
  double constant = std::numeric_limits<double>::infinity();  // of one that knows no row
};
// Of labels as they are taught. The second has `margin` for every row, in each output, and adds the
// row's offset.
LossRange LossRangeOf(const Target& target, double margin, const Dataset& train);

class DivergenceCheck {
 public:
  // `range`: where training begins; `learning_rate` is named in the error.
  DivergenceCheck(const LossRange& range, double learning_rate)
      : range_(range), learning_rate_(learning_rate) {}

  // What is left of a pass is too little to judge it by.
  enum class Pass { kWhole, kRest };
  // Training begins here: what was taken before is no part of this pass.
  void Begin(Pass pass);
  // Takes the mean training loss of `rows` rows, up to `clock`. FailedPrecondition: not finite.
  absl::Status Take(double mean_loss, uint64_t rows, Clock clock);
  // A pass has ended at `clock`. FailedPrecondition: it was taken whole, and its mean loss is
  // beyond the bound.
  absl::Status EndPass(Clock clock);

 private:
  absl::Status Diverged(double loss, Clock clock) const;

  LossRange range_;
  double learning_rate_;
  double loss_sum_ = 0.0;  // of this pass
  uint64_t rows_ = 0;
  bool whole_ = true;
};

}  // namespace rubato
