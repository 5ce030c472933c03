#include "worker/spec/target.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace rubato {
namespace {

template <size_t... kIndices>
std::vector<Target> AllTargets(std::index_sequence<kIndices...>) {
  return {Target(std::in_place_index<kIndices>)...};
}

}  // namespace

absl::StatusOr<Target> FindTarget(absl::string_view kind) {
  std::vector<std::string> kinds;
  for (const Target& target : AllTargets(std::make_index_sequence<std::variant_size_v<Target>>())) {
    if (DescriptionOf(target).kind == kind) return target;
    kinds.push_back(absl::StrFormat("\"%s\"", DescriptionOf(target).kind));
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("target.kind is not one of %s: \"%s\"", absl::StrJoin(kinds, ", "), kind));
}

}  // namespace rubato
