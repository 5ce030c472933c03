// When training has run away: weights that are no numbers any more, or a loss far above that of
// knowing nothing. Going on makes it no better, and a snapshot of it would replace a good one.
#pragma once

#include "absl/status/status.h"
#include "common/base/ids.h"
#include "worker/data/dataset/dataset.h"
#include "worker/spec/target.h"

namespace rubato {

// A pass may begin badly and still end well; ten times the loss of a constant, on average over a
// whole pass, is no beginning.
inline constexpr double kDivergedLoss = 10.0;

// Mean training loss of a model that has `margin` for every row and adds the row's offset.
double ConstantLoss(const Target& target, double margin, const Dataset& train);

class DivergenceCheck {
 public:
  // `constant_loss`: ConstantLoss where training begins; `learning_rate` is named in the error.
  DivergenceCheck(double constant_loss, double learning_rate)
      : constant_loss_(constant_loss), learning_rate_(learning_rate) {}

  // Training goes on amid a pass: what is left of it is too little to judge by.
  void BeginMidPass() { whole_ = false; }
  // Takes the mean training loss of `rows` rows, up to `clock`. FailedPrecondition: not finite.
  absl::Status Take(double mean_loss, uint64_t rows, Clock clock);
  // A pass has ended at `clock`. FailedPrecondition: it was taken whole, and its mean loss is
  // beyond the bound.
  absl::Status EndPass(Clock clock);

 private:
  absl::Status Diverged(double loss, Clock clock) const;

  double constant_loss_;
  double learning_rate_;
  double loss_sum_ = 0.0;  // of this pass
  uint64_t rows_ = 0;
  bool whole_ = true;
};

}  // namespace rubato
