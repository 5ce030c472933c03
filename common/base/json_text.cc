#include "common/base/json_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/str_format.h"
#include "common/base/utf8.h"

namespace rubato {
namespace {

void AppendEscaped(char c, std::string* quoted) {
  constexpr absl::string_view kNamed = "\"\"\\\\\bb\ff\nn\rr\tt";  // each with its letter
  const size_t named = kNamed.find(c);
  if (named != absl::string_view::npos && named % 2 == 0) {
    absl::StrAppend(quoted, "\\", kNamed.substr(named + 1, 1));
  } else if (c < ' ' || c == '\x7f') {
    absl::StrAppendFormat(quoted, "\\u%04x", static_cast<unsigned>(c));
  } else {
    quoted->push_back(c);
  }
}

}  // namespace

std::string QuotedText(absl::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const size_t bytes = Utf8Length(text);
    if (bytes == 1) {
      AppendEscaped(text[0], &quoted);
    } else if (bytes == 0) {
      quoted.append("\xef\xbf\xbd");  // U+FFFD, which stands for what is no character
    } else {
      quoted.append(text.data(), bytes);
    }
    text.remove_prefix(std::max<size_t>(bytes, 1));
  }
  return quoted + "\"";
}

// Whole numbers below it are doubles, and are written without an exponent.
constexpr double kWholeBelow = 0x1p53;

std::string ShortestDigits(double value) {
  if (!std::isfinite(value)) return "null";
  char text[32];  // 24 at most
  if (std::abs(value) < kWholeBelow && std::trunc(value) == value) {
    return absl::StrFormat("%.0f", value);
  }
  return std::string(text, std::to_chars(text, text + sizeof(text), value).ptr);
}

std::string MicrosecondDigits(Duration time) { return absl::StrFormat("%.6f", time.seconds()); }

}  // namespace rubato
