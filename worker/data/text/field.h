// What one field of a text file says: nothing (missing), a number, or a text. One rule for
// training and for predict, so that a value never changes its meaning between the two.
//
// Missing in every column: empty, "?", ".", "NA", "N/A", "#N/A", "NaN", "null", "(null)", "<NA>",
// "\N", the errors of spreadsheets ("#DIV/0!", "#VALUE!", ...), "1.#QNAN", "1.#IND" and infinities
// ("inf" is no measurement), in any case and with blanks around them. Numbers are decimal with an
// optional sign and exponent; where a file separates its fields by `;`, also with a decimal comma.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace rubato {

enum class DecimalComma : uint8_t { kNo, kYes };

// Numbers beyond it are taken as it: its third power, summed over 1e15 rows, stays below 1e308.
inline constexpr double kLargestNumber = 1e90;

// `field` without blanks at both ends.
absl::string_view TrimField(absl::string_view field);
// Requires a trimmed field.
bool IsMissing(absl::string_view field);
// What stands for no value among numbers, and may be a word elsewhere: "-", "--", "None", "nil",
// "unknown", "missing", "n.a.", and ".A" to ".Z" of SAS and Stata. Requires a trimmed field.
bool IsMissingAmongNumbers(absl::string_view field);
// The number that a trimmed field is whose decimals stand behind `mark`, or nullopt. Always finite.
std::optional<double> ParseDecimal(absl::string_view field, char mark);
// The same for a point, or for a comma where a file may have them.
std::optional<double> ParseNumber(absl::string_view field, DecimalComma comma);

}  // namespace rubato
