// What a model predicts. A target is a type that says how a row's margin becomes a prediction and
// what it loses; CPU and GPU compile it in (VisitTarget), so that a formula stands once.
//
//   binary   label 0 or 1; the prediction is the probability of 1, by the logistic link. A linear
//            model is then a logistic regression.
#pragma once

#include <cstdint>

#include "common/base/status.h"
#include "worker/spec/row_loss.h"

namespace rubato {

enum class TargetKind : uint8_t { kBinary };

struct BinaryTarget {
  LogisticLoss loss;
  RUBATO_HOST_DEVICE static float Predict(float margin) { return ProbabilityOf(margin); }
};

// visit(target) with the type that `kind` names.
template <class Visit>
auto VisitTarget(TargetKind kind, const Visit& visit) {
  switch (kind) {
    case TargetKind::kBinary:
      return visit(BinaryTarget{});
  }
  CHECK(false, "a TargetKind without a type");
  return visit(BinaryTarget{});
}

}  // namespace rubato
