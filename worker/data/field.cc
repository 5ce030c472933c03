#include "worker/data/field.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "fast_float/fast_float.h"

namespace rubato {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool IsInfinity(absl::string_view field) {
  if (!field.empty() && (field[0] == '+' || field[0] == '-')) field.remove_prefix(1);
  return absl::EqualsIgnoreCase(field, "inf") || absl::EqualsIgnoreCase(field, "infinity");
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
  if (field.size() == 1) return field[0] == '?' || field[0] == '.';
  // The first letter rules nearly every field out before any comparison.
  if (std::strchr("nN#iI+-", field[0]) == nullptr || field.size() > sizeof("-infinity")) {
    return false;
  }
  static constexpr std::array<const char*, 5> kWords = {"na", "nan", "n/a", "#n/a", "null"};
  const auto equals = [field](const char* word) { return absl::EqualsIgnoreCase(field, word); };
  return std::any_of(kWords.begin(), kWords.end(), equals) || IsInfinity(field);
}

std::optional<double> ParseNumber(absl::string_view field, DecimalComma comma) {
  if (field.size() > 1 && field[0] == '+' && field[1] != '-') field.remove_prefix(1);
  if (field.empty()) return std::nullopt;
  // fast_float reads "nan", "inf" and "infinity" as numbers; here they are missing or texts.
  const char last = field.back();
  if ((last < '0' || last > '9') && last != '.' && last != ',') return std::nullopt;
  std::optional<double> value = ParseWith(field, '.');
  if (!value && comma == DecimalComma::kYes) value = ParseWith(field, ',');
  return value;
}

}  // namespace rubato
