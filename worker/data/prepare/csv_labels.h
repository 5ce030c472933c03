// What the label column of a CSV file, and of its test file, says of each row: the number that a
// target learns. Of two classes it is 1 or 0 by the label's rule, of several the number of one, or
// the row is left out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/prepare/data_report.h"
#include "worker/data/prepare/label.h"
#include "worker/data/prepare/scan.h"
#include "worker/data/text/table_reader.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/target.h"

namespace rubato {

class CsvLabels {
 public:
  // Of the rows that `scan` saw; both must outlive it. Errors: MakeLabelRule's and NameClasses'.
  static absl::StatusOr<CsvLabels> Make(const CsvScan& scan, const DataConfig& data,
                                        const LabelDomain& domain);

  // Of a row of the main file that has a label: kIgnored, or of two classes which. Else kNegative.
  LabelClass ClassOf(uint64_t row) const;
  // The number that `row` of the main file, which is the reader's, is to teach.
  absl::StatusOr<float> Read(const TableReader& reader, uint64_t row) const;
  // The same of a row of the test file, by the trimmed field; nullopt: its label is ignored.
  // FailedPrecondition: nothing says what its label counts as.
  absl::StatusOr<std::optional<float>> ReadTestRow(const TableReader& reader,
                                                   absl::string_view text);
  // Label values that count as 1, of two classes.
  const std::vector<std::string>& positive() const { return rule_.positive; }
  // By their numbers, of several.
  const std::vector<std::string>& names() const { return names_; }
  // Where "1" counts as 1 by default and the other value may as well (DescribeUnnamedPositive).
  void WarnOfUnnamedPositive(std::vector<Warning>* warnings) const;
  // Classes of all the files' values, when the last file has been read. InvalidArgument: a value
  // that the run file names and no row has.
  absl::Status Report(std::vector<LabelReport>* labels) const;

  // "FILE, column 'NAME'", in errors.
  std::string Column() const;

 private:
  CsvLabels(const CsvScan& scan, const DataConfig& data, const LabelDomain& domain)
      : scan_(&scan), data_(&data), domain_(&domain) {}
  // What a value of the label counts as, and the number of that; nullopt: nothing says it.
  struct Meaning {
    LabelClass label_class;
    float number;
  };
  std::optional<Meaning> MeaningOf(absl::string_view text) const;
  absl::StatusOr<float> ReadNumber(const TableReader& reader, absl::string_view text) const;

  const CsvScan* scan_;
  const DataConfig* data_;
  const LabelDomain* domain_;
  size_t field_ = 0;
  LabelRule rule_;                                     // of two classes
  std::vector<std::string> names_;                     // of several
  std::vector<Meaning> meanings_;                      // [scan.label_values.size()]
  LabelCounter test_labels_;                           // of the rows of a test file
  std::vector<std::optional<Meaning>> test_meanings_;  // [test_labels_.values().size()]
};

}  // namespace rubato
