// What a row of a CSV file says beside its features, by section [target]: label, weight, offset and
// scale.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/encode/encoding.h"
#include "worker/data/encode/offset_column.h"
#include "worker/data/encode/required_column.h"
#include "worker/data/prepare/scan.h"
#include "worker/data/text/table_reader.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/prior.h"
#include "worker/spec/target_description.h"

namespace rubato {

// The offset of section [target], as encoding.json keeps it.
OffsetEncoding EncodeOffset(const TargetConfig& config, const TargetDescription& target,
                            const CsvScan& scan);

// Its scale.
ScaleEncoding EncodeScale(const TargetConfig& config, const CsvScan& scan);

class RowTerms {
 public:
  // Of a file with this header: the scanned one or the test file. InvalidArgument: it lacks a
  // column.
  static absl::StatusOr<RowTerms> Bind(const TargetConfig& config, const TargetDescription& target,
                                       const CsvScan& scan, const std::vector<std::string>& header);

  // Of the reader's row, whose label's column says `label`. Errors: RequiredColumn's.
  absl::StatusOr<LabelRow> Read(const TableReader& reader, float label) const;

 private:
  double cap_ = 0.0;
  double cap_exposure_ = 0.0;
  OffsetColumn offset_;
  RequiredColumn unit_;
  RequiredColumn weight_;
  RequiredColumn scale_;
};

// Columns of a generated file with the best possible predictions of its rows.
class OracleColumns {
 public:
  // InvalidArgument: the file lacks one of `names`.
  static absl::StatusOr<OracleColumns> Bind(const std::vector<std::string>& names,
                                            const std::vector<std::string>& header);
  // Of the reader's row, in that order. DataLoss: one is not a number.
  absl::StatusOr<std::vector<float>> Read(const TableReader& reader) const;

 private:
  std::vector<size_t> fields_;
};

}  // namespace rubato
