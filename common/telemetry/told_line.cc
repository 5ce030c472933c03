#include "common/telemetry/told_line.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "common/base/status.h"

namespace rubato {
namespace {

using Json = nlohmann::json;

constexpr std::array kAboutALine = {"time_ms", "process", "event"};

// Those of the object itself, as they come: two of one name are two, whatever a parser makes of it.
bool BeginsAsEventsDo(const std::vector<std::string>& names) {
  if (names.size() < kAboutALine.size()) return false;
  return std::ranges::equal(kAboutALine, std::span(names).first(kAboutALine.size())) &&
         std::ranges::all_of(
             kAboutALine, [&](const char* name) { return std::ranges::count(names, name) == 1; });
}

}  // namespace

absl::StatusOr<ToldLine> ReadToldLine(const std::string& line) {
  std::vector<std::string> names;
  const auto note = [&names](int depth, Json::parse_event_t what, Json& parsed) {
    if (what == Json::parse_event_t::key && depth == 1) names.push_back(parsed.get<std::string>());
    return true;
  };
  const Json told = Json::parse(line, note, /*allow_exceptions=*/false);
  if (told.is_discarded() || !told.is_object() || !BeginsAsEventsDo(names) ||
      !told["time_ms"].is_number_integer() || !told["process"].is_string() ||
      !told["event"].is_string()) {
    return absl::InvalidArgumentError("a line that is no event");
  }
  return ToldLine{told["process"].get<std::string>(), told["event"].get<std::string>()};
}

}  // namespace rubato
