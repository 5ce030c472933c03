#include "worker/data/text_form.h"

#include <algorithm>

#include "worker/data/digits.h"

namespace rubato {
namespace {

// Day, month and year in any order, between two of the same `.` `/` `-`; a time of day may follow.
bool LooksLikeDate(absl::string_view text) {
  text = text.substr(0, text.find_first_of(" T"));
  char between = '\0';
  size_t parts = 0;
  for (;; text.remove_prefix(1)) {
    const size_t digits = LeadingDigits(text);
    if (digits == 0 || digits == 3 || digits > 4) return false;
    ++parts;
    text.remove_prefix(digits);
    if (text.empty()) return parts == 3;
    if (parts == 3 || (parts == 2 && text[0] != between)) return false;
    between = text[0];
    if (between != '.' && between != '/' && between != '-') return false;
  }
}

}  // namespace

bool LooksLikeIsoTime(absl::string_view field) {
  static constexpr absl::string_view kShape = "0000-00-00T00:00:00";  // '0' stands for a digit
  if (field.size() != 10 && field.size() != 16 && field.size() < kShape.size()) return false;
  for (size_t i = 0; i < std::min(field.size(), kShape.size()); ++i) {
    const char c = field[i];
    const bool fits = kShape[i] == '0'   ? IsDigit(c)
                      : kShape[i] == '-' ? c == '-' || c == '/'
                      : kShape[i] == 'T' ? c == 'T' || c == ' '
                                         : c == ':';
    if (!fits) return false;
  }
  return true;
}

TextForm FormOf(absl::string_view field) {
  if (LooksLikeIsoTime(field)) return TextForm::kIsoTime;
  if (LooksLikeDate(field)) return TextForm::kDate;
  return TextForm::kOther;
}

}  // namespace rubato
