// What a row adds to its margin, out of a column of its file: what is known of it from elsewhere,
// which training need not learn. Training, test file and predict read it by this.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/encode/required_column.h"
#include "worker/data/text/field.h"
#include "worker/data/text/table_reader.h"

namespace rubato {

struct OffsetEncoding {
  std::string column;                     // "": rows add nothing
  std::vector<std::string> missing = {};  // NumberReader's
  bool exposure = false;                  // target.exposure: its logarithm; else target.offset
  double cap = 0.0;                       // larger exposures are taken for it; 0: none
  friend bool operator==(const OffsetEncoding&, const OffsetEncoding&) = default;
};

class OffsetColumn {
 public:
  // InvalidArgument: `header` lacks the column.
  static absl::StatusOr<OffsetColumn> Bind(const OffsetEncoding& encoding,
                                           const std::vector<std::string>& header,
                                           DecimalComma comma);

  // Of the reader's row; 0 without a column. Errors: RequiredColumn's.
  absl::StatusOr<float> Read(const TableReader& reader) const;

 private:
  RequiredColumn column_;
  bool exposure_ = false;
  double cap_ = 0.0;
};

}  // namespace rubato
