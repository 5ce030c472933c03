#include "worker/data/group_hint.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/status.h"
#include "worker/data/name_words.h"
#include "worker/data/show_text.h"

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
constexpr const char* kNumbers[] = {"id",  "key",    "nbr",    "no",  "nr",
                                    "num", "number", "nummer", "ref", "uid"};
constexpr const char* kIds[] = {"guid", "iban", "id", "ssn", "uid", "uuid"};

// Below it values are codes; with so many rows each, too.
constexpr uint64_t kFewestIds = 20;
constexpr uint64_t kMostRowsOfAnId = 100;
// Share of distinct values from which texts that look like ids are taken for some.
constexpr double kTextIdShare = 0.1;

template <size_t N>
bool IsOneOf(const std::string& word, const char* const (&words)[N]) {
  return std::any_of(std::begin(words), std::end(words),
                     [&word](const char* other) { return word == other; });
}

bool IsCalledLikeAnId(const std::string& name) {
  const std::vector<std::string> words = WordsOf(name);
  if (IsOneOf(words.back(), kIds)) return true;
  const auto is_owner = [](const std::string& word) { return IsOneOf(word, kOwners); };
  if (words.size() == 1 && is_owner(words[0])) return true;
  const auto is_numbered = [&](const std::string& word) {
    return is_owner(word) || IsOneOf(word, kDeals);
  };
  if (words.size() > 1 && IsOneOf(words.back(), kNumbers)) {
    return std::any_of(words.begin(), words.end(), is_numbered);
  }
  // As one word: userid, policyno.
  return std::any_of(std::begin(kNumbers), std::end(kNumbers), [&](const std::string& number) {
    return absl::EndsWith(words.back(), number) &&
           is_numbered(words.back().substr(0, words.back().size() - number.size()));
  });
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

}  // namespace

std::optional<Warning> HintAtGroup(const ColumnScan& column) {
  const bool repeats = column.distinct < column.counted && column.counted >= kIdLikeRows;
  if (!repeats || column.fractions > 0 || column.distinct < kFewestIds) return std::nullopt;
  const bool named =
      IsCalledLikeAnId(column.name) && column.distinct * kMostRowsOfAnId >= column.counted;
  const bool told =
      column.numbers == 0 && LooksLikeAnId(column.first_text) &&
      static_cast<double>(column.distinct) >= kTextIdShare * static_cast<double>(column.counted);
  if (!named && !told) return std::nullopt;
  const std::string name = ShowText(column.name);
  return Warning{column.name, named ? "repeating_id" : "repeating_text",
                 absl::StrFormat("column '%s' looks like an id that repeats: %d distinct values in "
                                 "%d; split.group = \"%s\" keeps rows of one in one part, and "
                                 "leaves the column out",
                                 name, column.distinct, column.counted, name)};
}

}  // namespace rubato
