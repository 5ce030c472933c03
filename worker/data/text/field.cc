#include "worker/data/text/field.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "fast_float/fast_float.h"
#include "worker/data/text/digits.h"

namespace rubato {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// `words` in lower case.
template <size_t size>
bool IsOneOf(absl::string_view field, const std::array<absl::string_view, size>& words) {
  return std::any_of(words.begin(), words.end(), [field](absl::string_view word) {
    return absl::EqualsIgnoreCase(field, word);
  });
}

// What programs print where a calculation gave no number: "-nan", "1.#QNAN", "-1.#IND00".
bool IsNoNumber(absl::string_view field) {
  static constexpr std::array<absl::string_view, 6> kWords = {"nan",    "inf",     "infinity",
                                                              "1.#ind", "1.#qnan", "1.#inf"};
  if (!field.empty() && (field[0] == '+' || field[0] == '-')) field.remove_prefix(1);
  while (!field.empty() && field.back() == '0') field.remove_suffix(1);
  return IsOneOf(field, kWords);
}

std::optional<double> ParseWith(absl::string_view field, char decimal_point) {
  double value = 0.0;
  const char* end = field.data() + field.size();
  const fast_float::parse_options options(fast_float::chars_format::general, decimal_point);
  const auto result = fast_float::from_chars_advanced(field.data(), end, value, options);
  if (result.ptr != end) return std::nullopt;
  if (result.ec != std::errc() && result.ec != std::errc::result_out_of_range) return std::nullopt;
  if (std::isnan(value)) return std::nullopt;
  return std::clamp(value, -kLargestNumber, kLargestNumber);
}

}  // namespace

absl::string_view TrimField(absl::string_view field) {
  while (!field.empty() && IsBlank(field.front())) field.remove_prefix(1);
  while (!field.empty() && IsBlank(field.back())) field.remove_suffix(1);
  return field;
}

bool IsMissing(absl::string_view field) {
  if (field.empty()) return true;
  // The ends rule nearly every field out before any comparison.
  if (IsDigit(field.back())) {
    return field.size() > 6 && (field[2] == '#' || field[3] == '#') && IsNoNumber(field);
  }
  if (field.size() == 1) return field[0] == '?' || field[0] == '.';
  if (std::strchr("nN#iI+-1(<\\", field[0]) == nullptr || field.size() > sizeof("-infinity")) {
    return false;
  }
  static constexpr std::array<absl::string_view, 13> kWords = {
      "na",      "n/a",   "#n/a",    "null",   "(null)", "<na>",  "\\n",
      "#div/0!", "#ref!", "#value!", "#name?", "#num!",  "#null!"};
  return IsOneOf(field, kWords) || IsNoNumber(field);
}

bool IsMissingAmongNumbers(absl::string_view field) {
  if (field.size() == 2 && field[0] == '.') {
    return absl::ascii_isalpha(static_cast<unsigned char>(field[1])) || field[1] == '_';
  }
  static constexpr std::array<absl::string_view, 14> kWords = {
      "-",       "--",      "---",  "\u2013", "\u2014",        "none",           "nil",
      "unknown", "missing", "n.a.", "n.a",    "not available", "not applicable", "undefined"};
  return IsOneOf(field, kWords);
}

std::optional<double> ParseAnyDecimal(absl::string_view field, char mark) {
  if (field.size() > 1 && field[0] == '+' && field[1] != '-') field.remove_prefix(1);
  if (field.empty()) return std::nullopt;
  // fast_float reads "nan", "inf" and "infinity" as numbers; here they are missing or texts.
  const char last = field.back();
  if (!IsDigit(last) && last != '.' && last != ',') return std::nullopt;
  return ParseWith(field, mark);
}

std::optional<double> ParseAnyNumber(absl::string_view field, DecimalComma comma) {
  const std::optional<double> value = ParseAnyDecimal(field, '.');
  return value || comma == DecimalComma::kNo ? value : ParseDecimal(field, ',');
}

}  // namespace rubato
