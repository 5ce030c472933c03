// What the texts of a column look like, where they are no words: a person meant dates, and as a
// category every one of them would be a level of its own. Only warnings depend on it.
//
//   2015-03-31, 2015/03/31 23:59:07     kIsoTime: what data.time reads
//   31.03.2015, 3/31/15                 kDate: which is day and which month is not said
//   Dec-2015, 1 January 2019, 2023-01   kDate: a name for the month, or no day
//   31DEC2015                           kDate
//
// Dates may be whole numbers too, 20150331 and 201503: told from amounts where all of a column are.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace rubato {

enum class TextForm : uint8_t { kOther, kIsoTime, kDate };
inline constexpr size_t kTextForms = 3;

// Requires a trimmed field that is neither missing nor a number.
TextForm FormOf(absl::string_view field);
bool LooksLikeIsoTime(absl::string_view field);
// A year of 1900 to 2099, a month of it and perhaps a day, in digits alone. Requires a trimmed
// field.
bool LooksLikeDigitsOfDate(absl::string_view field);

}  // namespace rubato
