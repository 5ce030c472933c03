// How the numbers of a column are written where it is not plainly: with a sign or code of a
// currency, with separators between groups of digits, with a decimal comma, as a percentage, with a
// unit behind them.
//
//   $1,234.50   1.234,50   1 234   EUR 5   5 €     the number; marks may be left out
//   (1,200)   1,200-                               negative, as in accounts
//   10.65%   36 months   < 1 year   10+ years      a unit that every value must carry
//
// A unit is "%" or a word, the singular of a plural. "10+" is 10 and "> 10" too; "< 1" is half of
// it, 0.5. The form is found once, from all values (NumberMarks), kept in the encoding, and what is
// written otherwise later is no number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "worker/data/field.h"

namespace rubato {

struct NumberForm {
  char decimal = '\0';        // '.' or ','; '\0': plain, read by ParseNumber alone
  std::string currency = {};  // "$", "EUR"; "" for none
  std::string unit = {};      // "%", "month"; "" for none
  bool plain() const { return decimal == '\0'; }
  friend bool operator==(const NumberForm&, const NumberForm&) = default;
};

// A field with its marks taken off.
struct MarkedNumber {
  std::string currency;
  std::string unit;
  std::optional<double> with_point;  // where a point separates the decimals
  std::optional<double> with_comma;
};
// nullopt for what is no number whichever separates its decimals. Requires a trimmed field.
std::optional<MarkedNumber> ReadMarks(absl::string_view field);

// The number that the trimmed `field` is in this form, nullopt when it is written otherwise.
// `comma` is heeded by plain columns only.
std::optional<double> ParseNumber(absl::string_view field, const NumberForm& form,
                                  DecimalComma comma);

// The marks seen in a column, counted.
class NumberMarks {
 public:
  // A field that ParseNumber reads with a decimal point as what is not whole.
  void AddFraction(absl::string_view field);
  // A field that is no plain number; its number, where it is one.
  std::optional<double> AddText(absl::string_view field);

  // Fields that are numbers by their marks only.
  uint64_t marked() const { return marked_; }
  // The form of the whole column of so many numbers, nullopt when they disagree. `comma`: what a
  // separator that may be both is taken for.
  std::optional<NumberForm> Agreed(uint64_t numbers, DecimalComma comma) const;

 private:
  // The first mark of its kind is kept, another one is a disagreement.
  void Note(const std::string& mark, std::string* first);

  uint64_t marked_ = 0;
  uint64_t needs_point_ = 0;  // numbers whose decimals cannot stand behind a comma
  uint64_t needs_comma_ = 0;  // nor those behind a point
  uint64_t with_unit_ = 0;
  bool differ_ = false;  // two units, or two currencies
  NumberForm first_;     // the first currency, the first unit
};

// What is special about a form, for a person: "'$' dropped", "in months"; "" when it is plain.
std::string DescribeForm(const NumberForm& form);

}  // namespace rubato
