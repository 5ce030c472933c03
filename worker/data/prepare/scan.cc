#include "worker/data/prepare/scan.h"

#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "common/base/status.h"
#include "worker/data/encode/bound_table.h"
#include "worker/data/encode/missing_values.h"
#include "worker/data/prepare/label.h"
#include "worker/data/prepare/split.h"
#include "worker/data/text/csv.h"
#include "worker/data/text/digits.h"
#include "worker/data/text/find_column.h"
#include "worker/data/text/header_check.h"
#include "worker/data/text/level.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

// By most of the columns that hold mostly numbers.
FileDecimals DecimalsOf(const CsvScan& scan) {
  int commas = 0;  // more of them than of points
  for (const ColumnScan& column : scan.columns) {
    if (column.numbers <= column.texts) continue;
    const char decimal = column.marks.SeenDecimal();
    commas += decimal == ',' ? 1 : decimal == '.' ? -1 : 0;
  }
  return {scan.comma(), commas == 0 ? '\0' : commas < 0 ? '.' : ','};
}

class Scanner {
 public:
  explicit Scanner(TableReader& reader) : reader_(reader) {}
  absl::StatusOr<CsvScan> Run(const ScanRequest& request);

 private:
  absl::Status FindColumns(const ScanRequest& request);
  absl::Status NameMissing(const std::vector<std::string>& named);
  absl::Status AddRow();
  bool IsMissingIn(size_t column, absl::string_view field) const;
  void AddField(size_t column, absl::string_view field);
  // Whether the field, no plain number, is counted: a number by its marks, or a text seen before.
  bool AddMarked(absl::string_view field, ColumnScan* column);
  void AddText(absl::string_view field, ColumnScan* column);
  void AddLabel(absl::string_view field);
  void AddGroup(absl::string_view field);
  void AddUnlabelled();
  absl::Status AddTime(absl::string_view field);
  // What only all rows tell of a column.
  void Settle();

  TableReader& reader_;
  CsvScan scan_;
  std::vector<absl::flat_hash_set<uint64_t>> seen_;  // [column] hashes of values
  LabelCounter labels_;
  std::vector<MissingValues> missing_;  // [column] of data.missing
  Footer unlabelled_;                   // rows without a label, wherever they stand
  uint64_t labelled_before_ = 0;
  std::optional<size_t> label_;
  std::optional<size_t> time_;
  std::optional<size_t> group_;
};

absl::StatusOr<CsvScan> Scanner::Run(const ScanRequest& request) {
  scan_.path = reader_.name();
  scan_.item = reader_.item();
  scan_.remarks = reader_.remarks();
  scan_.header = reader_.header();
  scan_.separator = reader_.separator();
  for (const std::string& name : scan_.header) scan_.columns.emplace_back().name = name;
  seen_.resize(scan_.header.size());
  RETURN_IF_ERROR(FindColumns(request));
  RETURN_IF_ERROR(NameMissing(request.missing));
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, reader_.Next());
    if (!found) break;
    RETURN_IF_ERROR(AddRow());
  }
  Settle();
  scan_.label_values = labels_.values();
  if (scan_.rows == 0) {
    return absl::DataLossError(absl::StrFormat("%s: has a header but no rows", scan_.path));
  }
  return std::move(scan_);
}

void Scanner::Settle() {
  const FileDecimals decimals = DecimalsOf(scan_);
  for (size_t i = 0; i < seen_.size(); ++i) {
    ColumnScan& column = scan_.columns[i];
    column.distinct = seen_[i].size();
    column.form = column.marks.Agreed(column.numbers, decimals);
    column.fractions = column.marks.Fractions(column.form);
  }
  const uint64_t rows = unlabelled_.rows;
  const bool at_end = labelled_before_ > 0 && labelled_before_ + rows == scan_.rows;
  if (rows > 0 && rows <= kFooterRows && at_end) scan_.footer = unlabelled_;
}

absl::Status Scanner::FindColumns(const ScanRequest& request) {
  if (!request.label.empty()) {
    ASSIGN_OR_RETURN(label_, FindColumn(scan_.header, request.label, "data.label"));
  }
  if (!request.group.empty()) {
    ASSIGN_OR_RETURN(group_, FindColumn(scan_.header, request.group, "split.group"));
  }
  if (!request.time.empty()) {
    ASSIGN_OR_RETURN(time_, FindColumn(scan_.header, request.time, "data.time"));
  }
  return absl::OkStatus();
}

absl::Status Scanner::NameMissing(const std::vector<std::string>& named) {
  ASSIGN_OR_RETURN(auto spellings, MissingByColumn(named, scan_.header));
  for (size_t i = 0; i < spellings.size(); ++i) {
    missing_.emplace_back(spellings[i], std::nullopt, reader_.decimal_comma());
    scan_.columns[i].named_missing = std::move(spellings[i]);
  }
  return absl::OkStatus();
}

absl::Status Scanner::AddRow() {
  const auto fields = reader_.fields();
  ++scan_.rows;
  const bool labelled = !label_ || !IsMissing(TrimField(fields[*label_]));
  for (size_t i = 0; i < fields.size(); ++i) {
    if (labelled || i == *label_) AddField(i, TrimField(fields[i]));
  }
  if (label_) AddLabel(TrimField(fields[*label_]));
  if (group_) AddGroup(TrimField(fields[*group_]));
  if (!labelled) AddUnlabelled();
  if (!time_) return absl::OkStatus();
  return AddTime(labelled ? TrimField(fields[*time_]) : absl::string_view());
}

void Scanner::AddUnlabelled() {
  if (unlabelled_.rows++ > 0) return;
  unlabelled_.line = reader_.line();
  labelled_before_ = reader_.row();
  for (const absl::string_view field : reader_.fields()) {
    unlabelled_.text = std::string(TrimField(field).substr(0, kFewTextBytes));
    if (!unlabelled_.text.empty()) return;
  }
}

bool Scanner::IsMissingIn(size_t column, absl::string_view field) const {
  return IsMissing(field) || (!missing_[column].empty() && missing_[column].Hold(field));
}

void Scanner::AddField(size_t index, absl::string_view field) {
  ColumnScan& column = scan_.columns[index];
  if (IsMissingIn(index, field)) {
    ++column.missing;
    return;
  }
  if (const auto number = ParseNumber(field, DecimalComma::kNo)) {
    ++column.numbers;
    if (column.first_plain.empty()) column.first_plain = std::string(field);
    column.marks.AddPlain(field, *number);
    ++column.widths[std::min(field.size(), kWidths - 1)];
    column.smallest = std::min(column.smallest, *number);
    column.largest = std::max(column.largest, *number);
    if (HasLeadingZero(field) && column.leading_zeros++ == 0) {
      column.first_leading_zero = std::string(field.substr(0, kFewTextBytes));
    }
  } else if (!AddMarked(field, &column)) {
    AddText(field, &column);
  }
  if (scan_.rows > kDistinctRows) return;
  ++column.counted;
  if (LooksLikeDigitsOfDate(field)) ++column.digits_of_dates;
  const uint64_t hash = XXH3_64bits(field.data(), field.size());
  column.digest += XXH3_64bits_withSeed(&hash, sizeof(hash), scan_.rows);
  const bool added = seen_[index].insert(hash).second;
  if (added && column.examples.size() < kExamples) {
    column.examples.emplace_back(BeginningOf(field, kFewTextBytes));
  }
}

bool Scanner::AddMarked(absl::string_view field, ColumnScan* column) {
  // Words stay words: looked at closely until they are many.
  if (column->few_texts.many && column->numbers == 0) return false;
  if (column->few_texts.Count(field)) {
    ++column->texts;
    if (scan_.rows <= kDistinctRows) ++column->forms[static_cast<size_t>(FormOf(field))];
    return true;
  }
  if (!column->marks.AddText(field)) return false;
  ++column->numbers;
  column->few_marked.Add(field);
  return true;
}

void Scanner::AddText(absl::string_view field, ColumnScan* column) {
  if (column->texts++ == 0) {
    column->first_text = std::string(field.substr(0, 60));
    column->first_text_line = reader_.line();
  }
  column->few_texts.Add(field);
  if (scan_.rows <= kDistinctRows) ++column->forms[static_cast<size_t>(FormOf(field))];
}

void Scanner::AddLabel(absl::string_view field) {
  if (IsMissing(field)) {
    scan_.labels.push_back(kNoLabel);
    return;
  }
  scan_.labels.push_back(static_cast<uint16_t>(labels_.Count(field)));
}

void Scanner::AddGroup(absl::string_view field) {
  const bool alone = IsMissingIn(*group_, field);
  // Files that were joined write one id as 5 and as 5.0.
  std::string memory;
  const absl::string_view group = LevelOf(field, reader_.decimal_comma(), &memory);
  scan_.groups.push_back(SplitHash(alone ? absl::StrCat(reader_.row()) : std::string(group)));
}

absl::Status Scanner::AddTime(absl::string_view field) {
  if (IsMissingIn(*time_, field)) {
    scan_.times.push_back(std::numeric_limits<double>::quiet_NaN());
    return absl::OkStatus();
  }
  const std::optional<double> time = ParseTime(field);
  if (!time) {
    return absl::DataLossError(absl::StrFormat(
        "%s: '%s' in the time column '%s' is neither a number nor a date like 2015-03-31; "
        "rewrite the column",
        reader_.where(), ShowText(field), ShowText(scan_.header[*time_])));
  }
  scan_.times.push_back(*time);
  return absl::OkStatus();
}

}  // namespace

bool FewTexts::Count(absl::string_view text) {
  const auto found = std::find_if(seen.begin(), seen.end(),
                                  [text](const TextCount& known) { return known.text == text; });
  if (found == seen.end()) return false;
  ++found->rows;
  return true;
}

void FewTexts::Add(absl::string_view text) {
  if (many || Count(text)) return;
  if (seen.size() == kFewTexts || text.size() > kFewTextBytes) {
    many = true;
  } else {
    seen.push_back({std::string(text), 1});
  }
}

absl::StatusOr<CsvScan> ScanCsv(TableReader& reader, const ScanRequest& request) {
  return Scanner(reader).Run(request);
}

absl::StatusOr<CsvScan> ScanCsv(const TableFile& file, const ScanRequest& request) {
  if (request.header == HeaderLine::kAuto && file.format == "csv") {
    const CsvLayout headless = {.header = false, .skip_lines = file.layout.skip_lines};
    ASSIGN_OR_RETURN(const auto first_rows, CsvReader::Open(file.path, headless));
    RETURN_IF_ERROR(CheckHeader(*first_rows));
  }
  ASSIGN_OR_RETURN(const OpenedTable table, OpenTable(file, request.join));
  absl::StatusOr<CsvScan> scan = ScanCsv(*table.reader, request);
  // Errors of rows carry file and line already.
  if (scan.status().code() == absl::StatusCode::kInvalidArgument)
    return Annotate(scan.status(), file.path);
  if (scan.ok()) scan->unmatched = JoinNovelty(table.joined.get());
  return scan;
}

}  // namespace rubato
