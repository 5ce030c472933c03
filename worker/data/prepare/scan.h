// The first look at a table: what each column holds, and each row's label, time and group. One
// pass, in memory that grows with the rows only by the label (2 bytes), the time (8) and the group
// (4) of each, where they are asked for.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/encode/novelty.h"
#include "worker/data/prepare/label.h"
#include "worker/data/tables/open_table.h"
#include "worker/data/text/join.h"
#include "worker/data/text/number_form.h"
#include "worker/data/text/table_reader.h"
#include "worker/data/text/text_form.h"
#include "worker/run_file/run_config.h"

namespace rubato {

// Distinct values are counted exactly, in the first rows only: enough to tell an id from a
// measurement, and at most 100,000 x 8 bytes of hashes a column.
inline constexpr uint64_t kDistinctRows = 100'000;

// A text of a column, neither missing nor a number, and the rows that hold it.
struct TextCount {
  std::string text;
  uint64_t rows = 0;
};
// Texts of a column are told apart up to so many, of so many bytes: more or longer ones are
// words or prose, and no ways to say that a number is missing.
inline constexpr size_t kFewTexts = 20;
inline constexpr size_t kFewTextBytes = 60;
inline constexpr size_t kExamples = 3;
inline constexpr size_t kWidths = 24;

struct FewTexts {
  std::vector<TextCount> seen;  // in order of appearance
  bool many = false;            // `seen` lacks some
  void Add(absl::string_view text);
  // Counts another row of a text that was seen before; false for others.
  bool Count(absl::string_view text);
};

struct ColumnScan {
  std::string name;
  uint64_t missing = 0;
  uint64_t numbers = 0;        // plain ones, and those that are numbers by their marks
  uint64_t leading_zeros = 0;  // numbers such as 01 and 007
  std::string first_leading_zero;
  std::array<uint64_t, kWidths> widths = {};  // [bytes] plain numbers; the last: and longer ones
  double smallest = std::numeric_limits<double>::infinity();  // plain number
  double largest = -std::numeric_limits<double>::infinity();
  uint64_t fractions = 0;        // numbers that are not whole in this form
  uint64_t texts = 0;            // neither missing nor a number
  uint64_t distinct = 0;         // values among the first kDistinctRows rows, missing left out
  uint64_t counted = 0;          // values looked at for `distinct`
  uint64_t digits_of_dates = 0;  // of them: LooksLikeDigitsOfDate
  std::array<uint64_t, kTextForms> forms = {};  // of the texts counted for `distinct`
  uint64_t digest = 0;  // of them, each with its row: columns that are copies have the same
  FewTexts few_texts;
  NumberMarks marks;
  std::optional<NumberForm> form = NumberForm{};  // of all its numbers; nullopt: they disagree
  FewTexts few_marked;                            // what `marks` made numbers of
  std::vector<std::string> named_missing;         // by data.missing: counted in `missing`
  std::vector<std::string> examples;              // the first different values, at most kExamples
  std::string first_plain;                        // number without marks
  std::string first_text;
  uint64_t first_text_line = 0;
  bool LooksNumeric() const { return numbers > 0 && texts == 0; }
};

inline constexpr uint16_t kNoLabel = 65535;

struct ScanRequest {
  std::string label;                      // "": none
  std::string time;                       // "": none
  std::string group = {};                 // "": none
  std::vector<std::string> missing = {};  // DataConfig::missing
  HeaderLine header = HeaderLine::kAuto;
  std::shared_ptr<const JoinTable> join = nullptr;  // its columns stand behind the file's own
};

// Rows at the end of a file that have no label, and stand there alone.
struct Footer {
  uint64_t rows = 0;
  uint64_t line = 0;  // of the first
  std::string text;   // its first value
};
inline constexpr uint64_t kFooterRows = 20;

// With a label, columns hold what the rows that have one do: the others teach nothing, and one of
// them may be a footer.
struct CsvScan {
  std::string path;
  std::string item;                  // TableReader::item()
  std::vector<std::string> remarks;  // TableReader::remarks()
  std::vector<std::string> header;
  char separator = ',';
  DecimalComma comma() const { return separator == ';' ? DecimalComma::kYes : DecimalComma::kNo; }
  uint64_t rows = 0;
  std::vector<ColumnScan> columns;       // [header.size()]
  std::vector<LabelValue> label_values;  // in order of appearance, see LabelCounter
  std::vector<uint16_t> labels;          // [rows] index into label_values, or kNoLabel
  std::vector<double> times;             // [rows] see ParseTime, NaN when missing; or empty
  // [rows] SplitHash of the group's text, or of the row's index where it is missing; or empty.
  std::vector<uint32_t> groups;
  std::optional<Footer> footer;                 // of kFooterRows at most
  std::optional<ColumnNovelty> unmatched = {};  // JoinNovelty of all rows
};

// DataLoss: a broken row, or a time that is none; NotFound: the file; InvalidArgument: a column, or
// a first line that looks like a row (HeaderLine::kAuto; worker/data/text/header_check.h).
absl::StatusOr<CsvScan> ScanCsv(const TableFile& file, const ScanRequest& request);
absl::StatusOr<CsvScan> ScanCsv(TableReader& reader, const ScanRequest& request);

}  // namespace rubato
