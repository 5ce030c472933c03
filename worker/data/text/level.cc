#include "worker/data/text/level.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "worker/data/text/digits.h"

namespace rubato {
namespace {

// Decimal digits that a double always keeps.
constexpr size_t kExactDigits = 15;

// As most levels that are numbers are: 0, or digits that begin with another.
bool IsPlain(absl::string_view field) {
  return field.size() <= kExactDigits && std::all_of(field.begin(), field.end(), IsDigit) &&
         !HasLeadingZero(field);
}

bool CannotBeNumber(absl::string_view field) {
  const char first = field.empty() ? '\0' : field[0];
  return !IsDigit(first) && first != '+' && first != '-' && first != '.' && first != ',';
}

// 0E3 and 1E2 are codes; a program that means a number writes 1.5e3, 1e+20 or 1e-05.
bool LooksLikeCode(absl::string_view field) {
  const size_t e = field.find_first_of("eE");
  return e != absl::string_view::npos && field.find_first_of(".,") == absl::string_view::npos &&
         field.find_first_of("+-", e) == absl::string_view::npos;
}

// Whether all that the text says is in its value.
bool IsExact(absl::string_view field) {
  if (field[0] == '+' || field[0] == '-') field.remove_prefix(1);
  const absl::string_view mantissa = field.substr(0, field.find_first_of("eE"));
  const auto digits = std::count_if(mantissa.begin(), mantissa.end(), IsDigit);
  return !HasLeadingZero(field) && static_cast<size_t>(digits) <= kExactDigits;
}

}  // namespace

absl::string_view LevelOf(absl::string_view field, DecimalComma comma, std::string* memory) {
  if (CannotBeNumber(field) || IsPlain(field)) return field;
  const auto value = ParseNumber(field, comma);
  if (!value || !IsExact(field) || LooksLikeCode(field) || std::abs(*value) >= kLargestNumber)
    return field;
  std::array<char, 32> text;  // the shortest digits that give the value back: 24 at most
  const double unsigned_zero = *value == 0.0 ? 0.0 : *value;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), unsigned_zero).ptr;
  memory->assign(text.data(), end);
  return *memory;
}

uint64_t LevelHash(absl::string_view level) { return XXH3_64bits(level.data(), level.size()); }

}  // namespace rubato
