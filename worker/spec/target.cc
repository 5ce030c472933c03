#include "worker/spec/target.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "common/base/status.h"

namespace rubato {
namespace {

template <size_t... kIndices>
std::vector<Target> AllTargets(std::index_sequence<kIndices...>) {
  return {Target(std::in_place_index<kIndices>)...};
}

absl::StatusOr<Target> FindTarget(absl::string_view kind) {
  std::vector<std::string> kinds;
  for (const Target& target : AllTargets(std::make_index_sequence<std::variant_size_v<Target>>())) {
    if (DescriptionOf(target).kind == kind) return target;
    kinds.push_back(absl::StrFormat("\"%s\"", DescriptionOf(target).kind));
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("target.kind is not one of %s: \"%s\"", absl::StrJoin(kinds, ", "), kind));
}

absl::Status CheckKeys(const TargetConfig& config, const TargetDescription& target) {
  const TargetConfig unset;
  const TargetKeys& reads = target.keys;
  const bool exposure = reads.exposure != ExposureUse::kNone;
  const struct {
    const char* key;
    bool given;
    bool read;
  } keys[] = {{"target.offset", !config.offset.empty(), reads.offset},
              {"target.exposure", !config.exposure.empty(), exposure},
              {"target.cap_exposure", config.cap_exposure != unset.cap_exposure, exposure},
              {"target.cap", config.cap != unset.cap, reads.cap},
              {"target.power", config.power != unset.power, reads.power},
              {"target.huber", config.huber != unset.huber, reads.huber}};
  for (const auto& [key, given, read] : keys) {
    if (!given || read) continue;
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s means nothing where target.kind = \"%s\"; leave it out", key, target.kind));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Target> MakeTarget(const TargetConfig& config) {
  ASSIGN_OR_RETURN(Target target, FindTarget(config.kind));
  RETURN_IF_ERROR(CheckKeys(config, DescriptionOf(target)));
  std::visit(
      [&config](auto& of) {
        if constexpr (requires { of.Configure(config); }) of.Configure(config);
      },
      target);
  return target;
}

Target Fitted(Target target, const Prior& prior) {
  std::visit(
      [&prior](auto& of) {
        if constexpr (requires { of.Fit(prior); }) of.Fit(prior);
      },
      target);
  return target;
}

double PredictConstant(const Target& target, double prediction, float offset) {
  return std::visit(
      [&](const auto& of) {
        if constexpr (requires { of.AtConstant(prediction, offset); }) {
          return of.AtConstant(prediction, offset);
        } else {
          return prediction;
        }
      },
      target);
}

}  // namespace rubato
