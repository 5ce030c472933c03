#include "worker/data/prepare/case_hint.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "common/base/status.h"
#include "worker/data/text/show_text.h"

namespace rubato {

std::optional<Warning> HintAtCase(const std::string& name, const std::vector<std::string>& levels) {
  absl::flat_hash_map<std::string, const std::string*> first;  // by lower case
  std::pair<const std::string*, const std::string*> shown;
  size_t again = 0;
  for (const std::string& level : levels) {
    const auto [found, fresh] = first.emplace(absl::AsciiStrToLower(level), &level);
    if (!fresh && again++ == 0) shown = {found->second, &level};
  }
  if (again == 0) return std::nullopt;
  return Warning{
      name, "case",
      absl::StrFormat("column '%s': %d of %d levels differ only by case from another, as "
                      "'%s' from '%s'; if they are the same, write them alike, here and "
                      "in files to score",
                      ShowText(name), again, levels.size(), ShowText(*shown.second),
                      ShowText(*shown.first))};
}

}  // namespace rubato
