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
//
// A value is open when its only mark may stand before decimals or between thousands: 1.234, 1,234.
// The other values of the column decide it: such as can be read in one way only, else numbers below
// a thousand without a mark, beside which it stands between thousands (decimals that are cut where
// they are whole are cut to one or two elsewhere). Then those of the other columns decide
// (FileDecimals). Where decimals stand behind a comma, and in files that may hold such columns, an
// open value of a column that was never seen with thousands apart is no number: as 1234 it may be a
// thousand times what was meant, and as 1.234 a thousandth.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "worker/data/text/field.h"

namespace rubato {

struct NumberForm {
  char decimal = '\0';        // '.' or ','; '\0': plain, read by ParseNumber alone
  std::string currency = {};  // "$", "EUR"; "" for none
  std::string unit = {};      // "%", "month"; "" for none
  bool grouped = false;       // the other one of point and comma stands between thousands
  bool mixed = false;         // decimals stand behind either
  bool plain() const { return decimal == '\0'; }
  friend bool operator==(const NumberForm&, const NumberForm&) = default;
};

// A field with its marks taken off.
struct MarkedNumber {
  std::string currency;
  std::string unit;
  std::optional<double> with_point;  // where a point separates the decimals
  std::optional<double> with_comma;
  bool grouped = false;  // whichever it is, points or commas stand between groups of digits
  bool IsOpen() const { return with_point && with_comma && *with_point != *with_comma; }
};
// nullopt for what is no number whichever separates its decimals. Requires a trimmed field.
std::optional<MarkedNumber> ReadMarks(absl::string_view field);

// The number that the trimmed `field` is in some form, an open one with thousands apart unless it
// is plain.
std::optional<double> ParseInAnyForm(absl::string_view field);
// The number that the trimmed `field` is in this form, nullopt when it is written otherwise.
// `comma` is heeded by plain columns only.
std::optional<double> ParseNumberIn(const NumberForm& form, absl::string_view field,
                                    DecimalComma comma);

// What stands before the decimals in a file, as far as it tells.
struct FileDecimals {
  DecimalComma allowed = DecimalComma::kNo;  // by its separator
  char seen = '\0';  // the one of point and comma that more columns have decimals behind
};

// The marks seen in a column, counted.
class NumberMarks {
 public:
  // A field that ParseNumber reads with a decimal point.
  void AddPlain(absl::string_view field, double number) {
    if (field.size() >= 5 && field[field.size() - 4] == '.') {
      AddPoint(field, number);
    } else if (std::trunc(number) != number) {
      AddFraction();
    } else {
      AddUnmarked(number);
    }
  }
  // A field that is no plain number; whether it is one by its marks.
  bool AddText(absl::string_view field);

  // Fields that are numbers by their marks only.
  uint64_t marked() const { return marked_; }
  // Whether all that speaks for decimal commas are dots between four numbers of a byte each, as in
  // 192.168.100.200: an address of a computer, and no amount.
  bool AreAddresses() const { return addresses_ > 0 && addresses_ == needs_comma_; }
  // Whether any value is written with more than digits and a point before the decimals, or may be.
  bool any() const { return marked_ > 0 || open_points_.values > 0; }
  // The one of point and comma that some have decimals behind, if not both do; else '\0'.
  char SeenDecimal() const;
  // The form of the whole column of so many numbers, nullopt when they disagree.
  std::optional<NumberForm> Agreed(uint64_t numbers, const FileDecimals& file) const;
  // Numbers that are not whole in such a form; nullopt: as plain ones.
  uint64_t Fractions(const std::optional<NumberForm>& form) const;

 private:
  // With one mark, and those of them that are not whole where it stands before the decimals.
  struct OpenValues {
    uint64_t values = 0;
    uint64_t fractions = 0;
    void Add(bool whole) {
      ++values;
      if (!whole) ++fractions;
    }
  };
  void AddPoint(absl::string_view field, double number);
  void AddFraction() {
    ++fractions_;
    ++needs_point_;
    ++behind_point_;
  }
  void AddUnmarked(double whole) {
    if (std::abs(whole) >= 1000.0) {
      ++thousands_;
    } else if (whole != 0.0) {
      ++below_thousand_;
    }
  }
  // Whether a mark of the open values can only stand between thousands.
  bool SeparateThousands(const OpenValues& open, const OpenValues& others) const {
    return open.values > 0 && others.values == 0 && below_thousand_ > 0 && thousands_ == 0;
  }
  void AddMarked(absl::string_view field, const MarkedNumber& number);
  // The first mark of its kind is kept, another one is a disagreement.
  void Note(const std::string& mark, std::string* first);
  char DecimalOf(const FileDecimals& file) const;

  uint64_t marked_ = 0;
  uint64_t needs_point_ = 0;   // numbers whose decimals cannot stand behind a comma
  uint64_t needs_comma_ = 0;   // nor those behind a point
  uint64_t behind_point_ = 0;  // numbers with decimals behind a point, and no other reading
  uint64_t behind_comma_ = 0;
  uint64_t below_thousand_ = 0;  // whole numbers without point and comma, 0 left out
  uint64_t thousands_ = 0;       // 1000 and more of these
  uint64_t grouped_ = 0;         // of those that need a point or a comma
  uint64_t addresses_ = 0;       // of those that need a comma
  uint64_t fractions_ = 0;       // of all but the open ones
  OpenValues open_points_;
  OpenValues open_commas_;
  uint64_t with_unit_ = 0;
  bool differ_ = false;  // two units, or two currencies
  NumberForm first_;     // the first currency, the first unit
};

// What is special about a form, for a person: "'$' dropped", "in months"; "" when it is plain.
std::string DescribeForm(const NumberForm& form);

}  // namespace rubato
