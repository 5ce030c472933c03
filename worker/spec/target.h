// What a model predicts. A target is a type that says what a label may be, how a row's margin
// becomes a prediction, what it loses, where training begins, and what its predictions are judged
// by; CPU and GPU compile it in, so that a formula stands once. Everybody else reads its
// description.
//
// A new target is a type in a header of its own, here in the list, and its judge in
// worker/evaluate/judge.h. Beside what all have, one may have Configure(config), which takes its
// numbers from the run file, Fit(prior), which takes them from the training rows, and AtConstant,
// if a constant's prediction is another one for each offset.
#pragma once

#include <type_traits>
#include <variant>

#include "absl/status/statusor.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/binary_target.h"
#include "worker/spec/mean_targets.h"
#include "worker/spec/prior.h"
#include "worker/spec/real_target.h"
#include "worker/spec/target_description.h"

namespace rubato {

using Target = std::variant<BinaryTarget, CountTarget, AmountTarget, TweedieTarget, RealTarget>;

template <class... T>
constexpr bool AreWhole(std::type_identity<std::variant<T...>>) {
  return (IsWhole(T::kDescription) && ...);
}
static_assert(AreWhole(std::type_identity<Target>()));

inline const TargetDescription& DescriptionOf(const Target& target) {
  return std::visit(
      [](const auto& type) -> const auto& { return type.kDescription; }, target);
}

// What predicting the constant of `prior` for all rows says of a row with this offset.
double PredictConstant(const Target& target, double prediction, float offset);

// The target of section [target]. InvalidArgument: a kind that there is not, or a key that this one
// does not read.
absl::StatusOr<Target> MakeTarget(const TargetConfig& config);
// With what the training rows say of the label.
Target Fitted(Target target, const Prior& prior);

}  // namespace rubato
