#include "worker/data/prepare/group_hint.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/base/status.h"
#include "worker/data/text/name_words.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

// Whom rows may be of, and what their numbers are called.
constexpr const char* kOwners[] = {"account", "acct",         "applicant", "borrower", "card",
                                   "client",  "cust",         "customer",  "debtor",   "device",
                                   "driver",  "employee",     "household", "kunde",    "kunden",
                                   "member",  "merchant",     "obligor",   "patient",  "person",
                                   "policy",  "policyholder", "student",   "subject",  "user"};
// The same of what is an amount or a kind without a number behind it.
constexpr const char* kDeals[] = {"agreement", "application", "claim", "contract", "facility",
                                  "invoice",   "konto",       "loan",  "order",    "vertrags"};
constexpr const char* kKeys[] = {"id", "key", "ref", "uid"};
// These may be the number of things, too: claim_number.
constexpr const char* kNumbers[] = {"nbr", "no", "nr", "num", "number", "nummer"};
constexpr const char* kIds[] = {"guid", "iban", "id", "ssn", "uid", "uuid"};

// Below it values are codes; with so many rows each, too.
constexpr uint64_t kFewestIds = 20;
constexpr uint64_t kMostRowsOfAnId = 100;
// Share of distinct values from which what may be ids by its texts, or by a name such as
// merchant, is taken for some.
constexpr double kPerhapsIdShare = 0.1;
// Numbers of things are few different ones, and few are left out below the largest: it is less
// than so many times as large as they are many.
constexpr uint64_t kMostThings = 100;
constexpr double kDense = 2.0;

template <size_t N>
bool IsOneOf(const std::string& word, const char* const (&words)[N]) {
  return std::any_of(std::begin(words), std::end(words),
                     [&word](const char* other) { return word == other; });
}

bool IsCalledAnOwner(const std::vector<std::string>& words) {
  return words.size() == 1 && IsOneOf(words[0], kOwners);
}

// Of whom or what it is, and one of `numbers`; as one word, too: userid, policyno.
template <size_t N>
bool IsNumbered(const std::vector<std::string>& words, const char* const (&numbers)[N]) {
  const auto is_numbered = [](const std::string& word) {
    return IsOneOf(word, kOwners) || IsOneOf(word, kDeals);
  };
  const std::string& last = words.back();
  if (words.size() > 1 && IsOneOf(last, numbers)) {
    return std::any_of(words.begin(), words.end(), is_numbered);
  }
  return std::any_of(std::begin(numbers), std::end(numbers), [&](const std::string& number) {
    return absl::EndsWith(last, number) && is_numbered(last.substr(0, last.size() - number.size()));
  });
}

// Whole numbers from 0 or 1 to a largest one with few gaps.
bool LooksLikeCounts(const ColumnScan& column) {
  return column.distinct <= kMostThings && column.smallest >= 0.0 && column.smallest <= 1.0 &&
         column.largest < kDense * static_cast<double>(column.distinct);
}

bool IsCalledLikeAnId(const ColumnScan& column) {
  const std::vector<std::string> words = WordsOf(column.name);
  return IsOneOf(words.back(), kIds) || IsNumbered(words, kKeys) ||
         (IsNumbered(words, kNumbers) && !LooksLikeCounts(column));
}

// One word with a digit in it, as C1042; 41.0K is an amount.
bool LooksLikeAnId(const std::string& text) {
  const auto is = [&text](bool (*kind)(unsigned char)) {
    return std::any_of(text.begin(), text.end(),
                       [kind](char c) { return kind(static_cast<unsigned char>(c)); });
  };
  return is(absl::ascii_isdigit) && is(absl::ascii_isalpha) && !is(absl::ascii_isspace) &&
         !absl::StrContains(text, '.');
}

// Texts with a digit in them, as 31DEC2015, may be dates.
bool HoldsDates(const ColumnScan& column) {
  const uint64_t others = column.forms[static_cast<size_t>(TextForm::kOther)];
  return column.texts > 0 &&
         std::accumulate(column.forms.begin(), column.forms.end(), uint64_t{0}) > 2 * others;
}

bool MayBeIds(const ColumnScan& column) {
  if (static_cast<double>(column.distinct) <
      kPerhapsIdShare * static_cast<double>(column.counted)) {
    return false;
  }
  if (IsCalledAnOwner(WordsOf(column.name))) return !LooksLikeCounts(column);
  return column.numbers == 0 && LooksLikeAnId(column.first_text) && !HoldsDates(column);
}

}  // namespace

std::optional<Warning> HintAtGroup(const ColumnScan& column) {
  const bool repeats = column.distinct < column.counted && column.counted >= kIdLikeRows;
  if (!repeats || column.fractions > 0 || column.distinct < kFewestIds) return std::nullopt;
  const bool named =
      IsCalledLikeAnId(column) && column.distinct * kMostRowsOfAnId >= column.counted;
  if (!named && !MayBeIds(column)) return std::nullopt;
  const std::string name = ShowText(column.name);
  return Warning{column.name, named ? "repeating_id" : "repeating",
                 absl::StrFormat("column '%s' %s an id that repeats: %d distinct values in "
                                 "%d; split.group = \"%s\" keeps rows of one in one part, and "
                                 "leaves the column out",
                                 name, named ? "looks like" : "may be", column.distinct,
                                 column.counted, name)};
}

}  // namespace rubato
