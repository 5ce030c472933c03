#include "worker/data/text/show_text.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "common/base/utf8.h"

namespace rubato {
namespace {

// Requires one whole sequence. Beyond ASCII: C1 controls, zero-width characters, line and paragraph
// separators, what turns the direction of writing, and the byte order mark.
bool IsVisible(absl::string_view sequence) {
  if (sequence.size() == 1) return sequence[0] >= ' ' && sequence[0] != '\x7f';
  const auto last = static_cast<unsigned char>(sequence.back());
  const absl::string_view lead = sequence.substr(0, sequence.size() - 1);
  if (lead == "\xc2") return last >= 0xa0;
  if (lead == "\xe2\x80") return last < 0x8b || (last > 0x8f && last < 0xa8) || last > 0xae;
  if (lead == "\xe2\x81") return last < 0xa0 || last > 0xaf;
  return sequence != "\xef\xbb\xbf";
}

void AppendEscaped(absl::string_view bytes, std::string* out) {
  for (const char c : bytes) {
    switch (c) {
      case '\n':
        out->append("\\n");
        break;
      case '\r':
        out->append("\\r");
        break;
      case '\t':
        out->append("\\t");
        break;
      default:
        absl::StrAppendFormat(out, "\\x%02x", static_cast<unsigned char>(c));
    }
  }
}

}  // namespace

std::string ShowRows(uint64_t rows) {
  return absl::StrFormat("%d row%s", rows, rows == 1 ? "" : "s");
}

absl::string_view BeginningOf(absl::string_view text, size_t bytes) {
  constexpr size_t kLongest = 4;  // of a sequence
  size_t end = std::min(bytes, text.size());
  const auto inside = [&text](size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
  };
  for (size_t i = 1; i < kLongest && end > 0 && inside(end); ++i) --end;
  return text.substr(0, end);
}

std::string ShowText(absl::string_view text) {
  std::string shown;
  for (size_t at = 0; at < text.size();) {
    const size_t length = Utf8Length(text.substr(at));
    const absl::string_view bytes = text.substr(at, std::max<size_t>(length, 1));
    at += bytes.size();
    if (at > kShownBytes) return shown + "...";
    if (length > 0 && IsVisible(bytes)) {
      shown.append(bytes.data(), bytes.size());
    } else {
      AppendEscaped(bytes, &shown);
    }
  }
  return shown;
}

}  // namespace rubato
