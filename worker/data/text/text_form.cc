#include "worker/data/text/text_form.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "worker/data/text/digits.h"

namespace rubato {
namespace {

constexpr int kFirstYear = 1900;
constexpr int kLastYear = 2099;

constexpr std::array<absl::string_view, 35> kMonths = {
    "jan",      "feb",      "mar",     "apr",       "may",      "jun",      "jul",
    "aug",      "sep",      "sept",    "oct",       "nov",      "dec",      "january",
    "march",    "february", "april",   "june",      "july",     "august",   "october",
    "mai",      "okt",      "dez",     "september", "november", "december", "mrz",
    "m\u00e4r", "januar",   "februar", "juni",      "juli",     "oktober",  "dezember"};

constexpr size_t kShortestMonth = 3;
constexpr char kNothing = '\0';  // between the parts of a date

bool IsLetter(char c) {
  return absl::ascii_isalpha(static_cast<unsigned char>(c)) || static_cast<uint8_t>(c) >= 0x80;
}

// The parts of what may be a date.
struct DateParts {
  int parts = 0;
  int names = 0;                      // of months
  std::array<size_t, 3> digits = {};  // of each; 0: a name
  std::array<int, 3> values = {};
  char between = kNothing;
};

// Takes a part off `text`; false for what can be none.
bool TakePart(absl::string_view* text, DateParts* date) {
  if (date->parts == 3) return false;
  const auto part = static_cast<size_t>(date->parts++);
  size_t size = LeadingDigits(*text);
  date->digits[part] = size;
  if (size == 3 || size > 4) return false;
  if (size == 0) {
    const auto end = std::find_if_not(text->begin(), text->end(), IsLetter);
    size = static_cast<size_t>(end - text->begin());
    const absl::string_view word = text->substr(0, size);
    if (word.size() < kShortestMonth) return false;
    const auto same = [word](absl::string_view month) {
      return absl::EqualsIgnoreCase(month, word);
    };
    if (std::none_of(kMonths.begin(), kMonths.end(), same)) return false;
    ++date->names;
  }
  for (size_t i = 0; i < date->digits[part]; ++i) {
    date->values[part] = 10 * date->values[part] + ((*text)[i] - '0');
  }
  text->remove_prefix(size);
  return true;
}

bool IsYear(int value) { return value >= kFirstYear && value <= kLastYear; }
bool IsMonth(int value) { return value >= 1 && value <= 12; }

// A year of four digits and the number of a month, in either order.
bool IsMonthOfYear(const DateParts& date) {
  if (date.between == ' ') return false;
  return (date.digits[0] == 4 && IsYear(date.values[0]) && IsMonth(date.values[1])) ||
         (date.digits[1] == 4 && IsYear(date.values[1]) && IsMonth(date.values[0]));
}

// The year first in four digits, or last in two or four, and a month; 3.9.1 is a version.
bool IsDay(const DateParts& date) {
  const bool year_first = date.digits[0] == 4;
  if (!year_first && date.digits[2] != 2 && date.digits[2] != 4) return false;
  const int a = date.values[year_first ? 1 : 0];
  const int b = date.values[year_first ? 2 : 1];
  return std::min(a, b) >= 1 && std::min(a, b) <= 12 && std::max(a, b) <= 31;
}

// Takes what stands between two parts off `text`: the same of `.` `/` `-` and blank everywhere, or
// nothing between digits and a name. False for others.
bool TakeBetween(absl::string_view* text, DateParts* date) {
  const bool joined = IsDigit((*text)[0]) || IsLetter((*text)[0]);
  const char between = joined ? kNothing : (*text)[0];
  if (date->parts > 1 && date->between != between) return false;
  date->between = between;
  if (joined) return true;
  text->remove_prefix(1);
  return absl::string_view("./- ").find(between) != absl::string_view::npos;
}

// Day, month and year in any order, the day or the year perhaps left out where something stands
// between them; a time of day may follow.
bool LooksLikeDate(absl::string_view text) {
  if (std::none_of(text.begin(), text.end(), IsDigit)) return false;  // nearly all words
  const size_t colon = text.find(':');
  if (colon != absl::string_view::npos) text = text.substr(0, text.find_last_of(" T", colon));
  DateParts date;
  while (TakePart(&text, &date)) {
    if (text.empty()) {
      if (date.names == 1) return date.parts > (date.between == kNothing ? 2 : 1);
      if (date.names > 1) return false;
      return date.parts == 3 ? IsDay(date) : date.parts == 2 && IsMonthOfYear(date);
    }
    if (!TakeBetween(&text, &date)) return false;
  }
  return false;
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

bool LooksLikeDigitsOfDate(absl::string_view field) {
  if (field.size() != 6 && field.size() != 8) return false;
  if (LeadingDigits(field) != field.size()) return false;
  const auto two = [field](size_t at) { return 10 * (field[at] - '0') + (field[at + 1] - '0'); };
  const int day = field.size() == 8 ? two(6) : 1;
  return IsYear(100 * two(0) + two(2)) && IsMonth(two(4)) && day >= 1 && day <= 31;
}

TextForm FormOf(absl::string_view field) {
  if (LooksLikeIsoTime(field)) return TextForm::kIsoTime;
  if (LooksLikeDate(field)) return TextForm::kDate;
  return TextForm::kOther;
}

}  // namespace rubato
