// When training has run away: weights that are no numbers any more, or a loss far above that of
// knowing nothing. Going on makes it no better, and a snapshot of it would replace a good one.
//
// A loss that is no number may also be this worker's own: of a bad row, a broken device. Where
// strikes are allowed, so many are not taken for more; whose worker has made them all is judged by
// nobody here, as nothing of it is trained any more (ARCHITECTURE.md, "Quarantine").
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
  // `range`: where training begins; `learning_rate` is named in the error. `strikes`: allowed
  // losses that are no numbers; with 0 the first one ends training.
  DivergenceCheck(const LossRange& range, double learning_rate, uint64_t strikes)
      : range_(range), learning_rate_(learning_rate), strikes_left_(strikes), strikes_(strikes) {}

  // What is left of a pass is too little to judge it by.
  enum class Pass { kWhole, kRest };
  // Training begins here: what was taken before is no part of this pass.
  void Begin(Pass pass);
  // Takes the mean training loss of `rows` rows, up to `clock`. OutOfRange: not finite, and no
  // strike is allowed.
  absl::Status Take(double mean_loss, uint64_t rows, Clock clock);
  // Whether the last loss of this pass was no number: then its weights may be none either. Who ends
  // a pass so is not to be trusted any more, which ends training where it is all workers.
  bool broken() const { return broken_; }
  // A pass has ended at `clock`. OutOfRange: it was taken whole, and its mean loss is beyond the
  // bound.
  absl::Status EndPass(Clock clock);

 private:
  absl::Status Diverged(double loss, Clock clock) const;

  LossRange range_;
  double learning_rate_;
  uint64_t strikes_left_;
  uint64_t strikes_;
  bool broken_ = false;    // the last loss of this pass was no number
  double loss_sum_ = 0.0;  // of this pass
  uint64_t rows_ = 0;
  bool whole_ = true;
};

}  // namespace rubato
