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
#include "worker/data/text/short_decimal.h"

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
// As ParseDecimal and ParseNumber, and slower for the short numbers that those read themselves.
std::optional<double> ParseAnyDecimal(absl::string_view field, char mark);
std::optional<double> ParseAnyNumber(absl::string_view field, DecimalComma comma);

// The number that a trimmed field is whose decimals stand behind `mark`, or nullopt. Always finite.
// Inline as is ParseNumber: an optional that a call returns is waited for in memory, which takes
// longer than to read the number.
inline std::optional<double> ParseDecimal(absl::string_view field, char mark) {
  double value = 0.0;
  const char* const end = field.data() + field.size();
  const bool read = ReadShortDecimal(field.data(), end, mark, &value) == end;
  if (read && !field.empty()) return value;
  return ParseAnyDecimal(field, mark);
}
// The same for a point, or for a comma where a file may have them.
inline std::optional<double> ParseNumber(absl::string_view field, DecimalComma comma) {
  double value = 0.0;
  const char* const end = field.data() + field.size();
  const bool read = ReadShortDecimal(field.data(), end, '.', &value) == end;
  if (read && !field.empty()) return value;
  return ParseAnyNumber(field, comma);
}

}  // namespace rubato
