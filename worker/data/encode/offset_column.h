// What a row adds to its margin, out of a column of its file: what is known of it from elsewhere,
// which training need not learn. Training, test file and predict read it by this.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/encode/number_reader.h"
#include "worker/data/text/csv.h"
#include "worker/data/text/field.h"

namespace rubato {

struct OffsetEncoding {
  std::string column;                     // target.offset; "": rows add nothing
  std::vector<std::string> missing = {};  // NumberReader's
  friend bool operator==(const OffsetEncoding&, const OffsetEncoding&) = default;
};

class OffsetColumn {
 public:
  // InvalidArgument: `header` lacks the column.
  static absl::StatusOr<OffsetColumn> Bind(const OffsetEncoding& encoding,
                                           const std::vector<std::string>& header,
                                           DecimalComma comma);

  // Of the reader's row; 0 without a column. DataLoss names the row whose cell is missing, or no
  // number that a float holds.
  absl::StatusOr<float> Read(const CsvReader& reader) const;

 private:
  std::string name_;
  std::optional<size_t> field_;
  std::optional<NumberReader> numbers_;
};

}  // namespace rubato
