// Decimal digits of ASCII, whatever the locale.
#pragma once

#include <algorithm>
#include <cstddef>

#include "absl/strings/string_view.h"

namespace rubato {

inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// How many `text` begins with.
inline size_t LeadingDigits(absl::string_view text) {
  return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), IsDigit) - text.begin());
}

// Digits of which the first is a 0 that says nothing, as in 01 and 007.
inline bool HasLeadingZero(absl::string_view field) {
  return field.size() > 1 && field[0] == '0' && IsDigit(field[1]);
}

}  // namespace rubato
