#include "worker/data/text/number_form.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "worker/data/text/digits.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

constexpr size_t kMaxMarkedBytes = 48;
constexpr size_t kMaxUnitBytes = 16;
constexpr double kLessThan = 0.5;  // what "< 1" is of 1

// Longer ones before those that they begin with. The last three are Latin-1's and Windows' bytes.
constexpr std::array<absl::string_view, 62> kCurrencies = {
    "US$", "NT$", "HK$", "R$",  "A$",  "C$",  "S$",  "Rs.",  "Rs",   "$",   "€",   "£",   "¥",
    "₹",   "₽", "₩",   "₺",   "₪",   "₫",   "zł",  "Kč",   "kr",   "EUR", "USD", "GBP", "CHF",
    "JPY", "CNY", "INR", "AUD", "CAD", "NZD", "SEK", "NOK",  "DKK",  "PLN", "CZK", "HUF", "RON",
    "TRY", "RUB", "BRL", "MXN", "ZAR", "KRW", "SGD", "HKD",  "TWD",  "ILS", "THB", "IDR", "MYR",
    "PHP", "VND", "CLP", "COP", "ARS", "EGP", "SAR", "\x80", "\xa3", "\xa5"};

// What may stand between groups of three digits beside the other one of point and comma.
constexpr std::array<absl::string_view, 6> kGroupMarks = {" ",      "'",      "\u00a0",
                                                          "\u202f", "\u2009", "\u2019"};
constexpr std::array<absl::string_view, 6> kExponents = {"e-", "e+", "e", "E-", "E+", "E"};
constexpr std::array<absl::string_view, 4> kBlanks = {" ", "\u00a0", "\u202f", "\xa0"};
constexpr std::array<absl::string_view, 2> kMinus = {"-", "\u2212"};

// The first of `marks` that `text` begins with is taken off it; "" when there is none.
template <size_t size>
absl::string_view TakeFirst(absl::string_view* text,
                            const std::array<absl::string_view, size>& marks) {
  for (const absl::string_view mark : marks) {
    if (text->substr(0, mark.size()) != mark) continue;
    text->remove_prefix(mark.size());
    return mark;
  }
  return "";
}

// Bytes that a currency begins with: most texts begin with none.
constexpr std::array<bool, 256> kBeginsCurrency = [] {
  std::array<bool, 256> begins = {};
  for (const absl::string_view mark : kCurrencies) begins[static_cast<uint8_t>(mark[0])] = true;
  return begins;
}();

absl::string_view TakeCurrency(absl::string_view* text) {
  if (text->empty() || !kBeginsCurrency[static_cast<uint8_t>(text->front())]) return "";
  return TakeFirst(text, kCurrencies);
}

bool Take(absl::string_view* text, absl::string_view mark) {
  return !TakeFirst(text, std::array<absl::string_view, 1>{mark}).empty();
}

void PassBlanks(absl::string_view* text) {
  while (!TakeFirst(text, kBlanks).empty()) {
  }
}

absl::string_view TakeGroupMark(absl::string_view* text, char decimal) {
  if (Take(text, decimal == '.' ? "," : ".")) return decimal == '.' ? "," : ".";
  return TakeFirst(text, kGroupMarks);
}

// The digits before the decimals, groups put together; "" when the groups are none. In lakhs and
// crores ("12,34,567") all groups but the last have two digits. `grouped` is set by points and
// commas.
std::string TakeWhole(absl::string_view* body, char decimal, bool* grouped) {
  size_t run = LeadingDigits(*body);
  std::string digits(body->substr(0, run));
  body->remove_prefix(run);
  if (run > 3 || digits == "0") return digits;
  absl::string_view used;
  for (absl::string_view rest = *body;; rest = *body) {
    const absl::string_view mark = TakeGroupMark(&rest, decimal);
    if (mark.empty()) break;
    run = LeadingDigits(rest);
    const bool fits = run == 3 || (run == 2 && mark == ",");
    if (!fits || (!used.empty() && mark != used)) return "";
    used = mark;
    digits.append(rest.data(), run);
    *body = rest.substr(run);
  }
  *grouped = used == "." || used == ",";
  return used.empty() || run == 3 ? digits : "";
}

// A number without sign and marks: digits in groups, decimals, exponent.
std::optional<double> ReadBody(absl::string_view body, char decimal, bool* grouped) {
  std::string number;
  if (!body.empty() && IsDigit(body[0])) {
    number = TakeWhole(&body, decimal, grouped);
    if (number.empty()) return std::nullopt;
  }
  if (!body.empty() && body[0] == decimal) {
    const size_t run = LeadingDigits(body.substr(1));
    absl::StrAppend(&number, ".", body.substr(1, run));
    body.remove_prefix(1 + run);
  }
  if (!body.empty() && body[0] != 'e' && body[0] != 'E') return std::nullopt;
  absl::StrAppend(&number, body);
  return ParseNumber(number, DecimalComma::kNo);
}

// Bytes of the number that `text` begins with: digits, and what stands between two of them.
size_t BodySize(absl::string_view text) {
  absl::string_view rest = text;
  for (;;) {
    rest.remove_prefix(LeadingDigits(rest));
    absl::string_view behind = rest;
    bool between = Take(&behind, ".") || Take(&behind, ",");
    if (!between && rest.size() < text.size()) {
      between = !TakeFirst(&behind, kExponents).empty() || !TakeFirst(&behind, kGroupMarks).empty();
    }
    if (!between || behind.empty() || !IsDigit(behind[0])) return text.size() - rest.size();
    rest = behind;
  }
}

// What stands before and behind the digits of a number.
struct Marks {
  bool negative = false;
  bool less = false;
  MarkedNumber number;
};

// Takes sign, currency and "<" or ">" off the front.
void TakeFront(absl::string_view* text, Marks* marks) {
  for (;;) {
    PassBlanks(text);
    if (!TakeFirst(text, kMinus).empty()) {
      marks->negative = true;
    } else if (Take(text, "<")) {
      marks->less = true;
    } else if (const auto currency = TakeCurrency(text); !currency.empty()) {
      marks->number.currency = std::string(currency);
    } else if (!Take(text, "+") && !Take(text, ">")) {
      return;
    }
  }
}

// "months" and "month" are one unit; "" for what is none. One letter alone is one only behind a
// blank: 12A and 12B are codes.
std::string UnitOf(absl::string_view word, bool behind_blank) {
  const auto in_unit = [](char c) {
    return absl::ascii_isalpha(static_cast<unsigned char>(c)) || static_cast<uint8_t>(c) >= 0x80;
  };
  if (word == "%") return "%";
  if (word.size() > kMaxUnitBytes || !std::all_of(word.begin(), word.end(), in_unit)) return "";
  std::string unit = absl::AsciiStrToLower(word);
  if (unit == "st" || unit == "nd" || unit == "rd" || unit == "th") return "";
  if (unit.size() < 2 && !behind_blank) return "";
  if (unit.size() > 2 && unit.back() == 's') unit.pop_back();
  return unit;
}

// Reads what stands behind the digits; false when that is no mark.
bool ReadBack(absl::string_view text, Marks* marks) {
  Take(&text, "+");
  const size_t before = text.size();
  PassBlanks(&text);
  if (text.empty()) return true;
  if (text == "-" || text == "\u2212") {
    marks->negative = true;
    return true;
  }
  absl::string_view rest = text;
  const absl::string_view currency = TakeCurrency(&rest);
  if (!currency.empty() && rest.empty()) {
    const bool second = !marks->number.currency.empty();
    marks->number.currency = std::string(currency);
    return !second;
  }
  marks->number.unit = UnitOf(text, text.size() < before);
  return !marks->number.unit.empty();
}

std::optional<double> Signed(std::optional<double> value, const Marks& marks) {
  if (value && marks.less) *value *= kLessThan;
  if (value && marks.negative) *value = -*value;
  return value;
}

// A number whose `mark`, a point or a comma, may separate thousands, as in 1.234.
bool MayBeGrouped(absl::string_view field, char mark) {
  if (!field.empty() && (field[0] == '-' || field[0] == '+')) field.remove_prefix(1);
  return field.size() >= 5 && field.size() <= 7 && field[field.size() - 4] == mark &&
         field[0] != '0';
}

// Four numbers of a byte each, dots between them.
bool IsAddress(absl::string_view field) {
  constexpr int kParts = 4;
  constexpr int kLargestByte = 255;
  int parts = 0;
  int value = 0;
  for (const absl::string_view part : absl::StrSplit(field, '.')) {
    if (++parts > kParts || !absl::SimpleAtoi(part, &value) || value > kLargestByte) return false;
  }
  return parts == kParts;
}

}  // namespace

std::optional<MarkedNumber> ReadMarks(absl::string_view field) {
  if (field.size() > kMaxMarkedBytes) return std::nullopt;
  if (std::none_of(field.begin(), field.end(), IsDigit)) return std::nullopt;  // nearly all words
  Marks marks;
  TakeFront(&field, &marks);
  if (Take(&field, "(")) {
    if (field.empty() || field.back() != ')') return std::nullopt;
    field.remove_suffix(1);
    marks.negative = true;
    TakeFront(&field, &marks);
  }
  const size_t size = BodySize(field);
  const absl::string_view body = field.substr(0, size);
  if (size == 0 || !ReadBack(field.substr(size), &marks)) return std::nullopt;
  bool grouped[2] = {false, false};
  MarkedNumber& number = marks.number;
  number.with_point = Signed(ReadBody(body, '.', &grouped[0]), marks);
  number.with_comma = Signed(ReadBody(body, ',', &grouped[1]), marks);
  if (!number.with_point && !number.with_comma) return std::nullopt;
  number.grouped = (!number.with_comma && grouped[0]) || (!number.with_point && grouped[1]);
  return std::move(number);
}

std::optional<double> ParseInAnyForm(absl::string_view field) {
  if (const auto plain = ParseNumber(field, DecimalComma::kNo)) return plain;
  const std::optional<MarkedNumber> marked = ReadMarks(field);
  if (!marked) return std::nullopt;
  return marked->with_point ? marked->with_point : marked->with_comma;
}

std::optional<double> ParseNumberIn(const NumberForm& form, absl::string_view field,
                                    DecimalComma comma) {
  if (form.plain()) return ParseNumber(field, comma);
  if (form.unit.empty()) {  // nearly all values are written so
    const auto value = ParseDecimal(field, form.decimal);
    if (value) return value;
  }
  const bool decimal_comma = form.decimal == ',';
  const std::optional<MarkedNumber> marked = ReadMarks(field);
  if (!marked || marked->unit != form.unit) return std::nullopt;
  if (!marked->currency.empty() && marked->currency != form.currency) return std::nullopt;
  if (!decimal_comma && !marked->with_point) return std::nullopt;
  if (!marked->with_comma) {
    // A point that stands between thousands elsewhere.
    const bool other_point = decimal_comma && form.grouped && !form.mixed;
    return other_point ? std::nullopt : marked->with_point;
  }
  const double value = decimal_comma ? *marked->with_comma : *marked->with_point;
  const bool no_commas = !decimal_comma && comma == DecimalComma::kNo;
  if (!marked->IsOpen() || form.grouped || no_commas) return value;
  const double other = decimal_comma ? *marked->with_point : *marked->with_comma;
  const bool thousands = std::abs(value) > std::abs(other);
  return thousands ? std::nullopt : std::optional<double>(value);
}

void NumberMarks::AddPoint(absl::string_view field, double number) {
  const bool whole = std::trunc(number) == number;
  if (MayBeGrouped(field, '.')) {
    open_points_.Add(whole);
  } else if (!whole) {
    AddFraction();
  }
}

bool NumberMarks::AddText(absl::string_view field) {
  // Nearly all numbers of a file with decimal commas.
  if (!MayBeGrouped(field, ',')) {
    const auto value = ParseDecimal(field, ',');
    if (value) {
      ++marked_;
      ++needs_comma_;
      ++behind_comma_;
      if (std::trunc(*value) != *value) ++fractions_;
      return true;
    }
  }
  const std::optional<MarkedNumber> marked = ReadMarks(field);
  if (!marked) return false;
  AddMarked(field, *marked);
  return true;
}

void NumberMarks::AddMarked(absl::string_view field, const MarkedNumber& number) {
  ++marked_;
  Note(number.unit, &first_.unit);
  Note(number.currency, &first_.currency);
  if (!number.unit.empty()) ++with_unit_;
  if (number.grouped) ++grouped_;
  if (number.IsOpen()) {
    const bool point = std::abs(*number.with_point) < std::abs(*number.with_comma);
    const double with_decimals = point ? *number.with_point : *number.with_comma;
    (point ? open_points_ : open_commas_).Add(std::trunc(with_decimals) == with_decimals);
    return;
  }
  const double value = number.with_point ? *number.with_point : *number.with_comma;
  if (std::trunc(value) != value) ++fractions_;
  if (number.with_point && number.with_comma) {
    AddUnmarked(value);
  } else if (number.with_point) {
    ++needs_point_;
    if (absl::StrContains(field, '.')) ++behind_point_;
  } else {
    ++needs_comma_;
    if (absl::StrContains(field, ',')) ++behind_comma_;
    if (IsAddress(field)) ++addresses_;
  }
}

void NumberMarks::Note(const std::string& mark, std::string* first) {
  if (mark.empty()) return;
  if (first->empty()) *first = mark;
  differ_ = differ_ || *first != mark;
}

char NumberMarks::SeenDecimal() const {
  if ((behind_comma_ > 0) == (behind_point_ > 0)) return '\0';
  return behind_comma_ > 0 ? ',' : '.';
}

char NumberMarks::DecimalOf(const FileDecimals& file) const {
  if (needs_comma_ > 0) return ',';
  if (needs_point_ > 0) return '.';
  const bool may_be_comma = file.allowed == DecimalComma::kYes;
  const bool are_commas = may_be_comma && file.seen == ',';
  const bool are_points = file.seen == '.' || (!may_be_comma && file.seen == '\0');
  if (!are_commas && SeparateThousands(open_commas_, open_points_)) return '.';
  if (!are_points && SeparateThousands(open_points_, open_commas_)) return ',';
  if (file.seen != '\0') return file.seen;
  return marked_ > 0 && file.allowed == DecimalComma::kYes ? ',' : '.';
}

std::optional<NumberForm> NumberMarks::Agreed(uint64_t numbers, const FileDecimals& file) const {
  const bool open = open_points_.values > 0;  // those with commas are marked
  const char decimal = DecimalOf(file);
  if (marked_ == 0 && decimal == '.') return NumberForm{};
  if (differ_ || (with_unit_ > 0 && with_unit_ < numbers) || AreAddresses()) return std::nullopt;
  NumberForm form = first_;
  form.decimal = decimal;
  form.grouped = grouped_ > 0 || (decimal == ',' ? open_points_ : open_commas_).values > 0;
  if (needs_comma_ == 0 || needs_point_ == 0) return form;
  // Both stand before decimals.
  if (file.allowed == DecimalComma::kNo) return std::nullopt;
  const bool as_decimals = grouped_ == 0 && open_points_.values <= needs_point_;
  form.mixed = true;
  return open && as_decimals ? std::nullopt : std::optional<NumberForm>(form);
}

uint64_t NumberMarks::Fractions(const std::optional<NumberForm>& form) const {
  const bool decimal_comma = form && form->decimal == ',';
  return fractions_ + (decimal_comma ? open_commas_ : open_points_).fractions;
}

std::string DescribeForm(const NumberForm& form) {
  if (form.plain()) return "";
  std::string text;
  if (form.unit == "%") {
    text = "percent";
  } else if (!form.unit.empty()) {
    // Short ones are symbols.
    text = absl::StrCat("in ", ShowText(form.unit), form.unit.size() > 2 ? "s" : "");
  }
  const auto add = [&text](const std::string& more) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", more);
  };
  if (!form.currency.empty()) add(absl::StrCat("'", ShowText(form.currency), "' dropped"));
  if (form.decimal == ',') add("decimal comma");
  if (text.empty()) add("separators dropped");
  return text;
}

}  // namespace rubato
