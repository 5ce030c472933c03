#include "common/telemetry/json_text.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"

namespace rubato {

std::string QuotedText(absl::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string ShortestDigits(double value) {
  if (!std::isfinite(value)) return "null";
  char text[32];  // 24 at most
  return std::string(text, std::to_chars(text, text + sizeof(text), value).ptr);
}

std::string MicrosecondDigits(Duration time) { return absl::StrFormat("%.6f", time.seconds()); }

}  // namespace rubato
