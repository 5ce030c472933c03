#include "worker/data/text/header_check.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "common/base/status.h"
#include "worker/data/text/field.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

// Fewer words than this many times over are a vocabulary that the name could be part of.
constexpr uint64_t kTimesSeen = 2;
constexpr uint64_t kEnoughWords = 20;

struct ColumnEvidence {
  std::string name;  // what would be it
  std::optional<double> number;
  uint64_t numbers = 0;  // below the name
  uint64_t words = 0;
  bool repeated = false;
  absl::flat_hash_set<std::string> distinct;  // words

  void Add(absl::string_view field, DecimalComma comma) {
    if (IsMissing(field)) return;
    if (ParseNumber(field, comma)) {
      ++numbers;
      return;
    }
    ++words;
    repeated = repeated || field == name;
    distinct.emplace(field);
  }
  bool IsNumberOfNumbers() const { return number && numbers > 0 && words == 0; }
  bool SpeaksAgainst() const { return IsNumberOfNumbers() || repeated; }
  bool SpeaksFor() const {
    if (number || repeated || IsMissing(name)) return false;
    if (words == 0) return numbers > 0;
    return words >= kEnoughWords && kTimesSeen * distinct.size() <= words;
  }
};

// Three numbers or more of the same distance, beside which no name is known to be a value.
bool CountEvenly(const std::vector<ColumnEvidence>& columns) {
  std::vector<double> numbers;
  for (const ColumnEvidence& column : columns) {
    if (column.repeated && !column.number) return false;
    if (column.number) numbers.push_back(*column.number);
  }
  if (numbers.size() < 3) return false;
  const double step = numbers[1] - numbers[0];
  for (size_t i = 1; i < numbers.size(); ++i) {
    if (step == 0.0 || numbers[i] - numbers[i - 1] != step) return false;
  }
  return std::all_of(numbers.begin(), numbers.end(),
                     [](double number) { return std::trunc(number) == number; });
}

struct FirstRows {
  std::vector<ColumnEvidence> columns;
  uint64_t again = 0;  // rows that are the first line again: of files that were joined, most often
};

FirstRows Collect(TableReader& reader) {
  FirstRows rows;
  std::vector<ColumnEvidence>& columns = rows.columns;
  columns.resize(reader.header().size());
  const DecimalComma comma = reader.decimal_comma();
  for (size_t row = 0; row <= kHeaderRows; ++row) {
    const absl::StatusOr<bool> found = reader.Next();
    if (!found.ok() || !*found) break;
    const auto fields = reader.fields();
    const auto same = [](const ColumnEvidence& column, absl::string_view field) {
      return column.name == TrimField(field);
    };
    if (row > 0 && std::equal(columns.begin(), columns.end(), fields.begin(), same)) {
      ++rows.again;
      continue;
    }
    for (size_t i = 0; i < columns.size(); ++i) {
      const absl::string_view field = TrimField(fields[i]);
      if (row > 0) {
        columns[i].Add(field, comma);
        continue;
      }
      columns[i].name = std::string(field);
      if (!IsMissing(field)) columns[i].number = ParseNumber(field, comma);
    }
  }
  return rows;
}

}  // namespace

absl::Status CheckHeader(TableReader& reader) {
  auto [columns, again] = Collect(reader);
  const auto against = [](const ColumnEvidence& column) { return column.SpeaksAgainst(); };
  const auto names = std::count_if(columns.begin(), columns.end(),
                                   [](const auto& column) { return column.SpeaksFor(); });
  // Where nothing says that it is a header, a line that comes again is a row that does.
  for (ColumnEvidence& column : columns) {
    column.repeated = column.repeated || (names == 0 && again > 0 && !IsMissing(column.name));
  }
  const auto first = std::find_if(columns.begin(), columns.end(), against);
  if (first == columns.end() || CountEvenly(columns)) return absl::OkStatus();
  if (names >= std::count_if(first, columns.end(), against)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s: the first line looks like a row and not like the names of columns: '%s' in column %d "
      "%s; "
      "if it is a row, set data.header = false (rubato init --no-header), which calls the columns "
      "column_1 to column_%d; if they are names, data.header = true (rubato init --header)",
      reader.name(), ShowText(first->name), first - columns.begin() + 1,
      first->IsNumberOfNumbers() ? "is a number like those below it" : "stands below it again",
      columns.size()));
}

}  // namespace rubato
