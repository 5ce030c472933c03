// What a row adds to its margin, out of a column of its file: what is known of it from elsewhere,
// which training need not learn. Training, test file and predict read it by this.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/text/field.h"

namespace rubato {

class OffsetColumn {
 public:
  // `column` is target.offset; "": there is none. InvalidArgument: `header` lacks it.
  static absl::StatusOr<OffsetColumn> Bind(const std::string& column,
                                           const std::vector<std::string>& header,
                                           DecimalComma comma);

  // Of a row with these fields; 0 without a column. DataLoss: no number that a float holds.
  absl::StatusOr<float> Read(std::span<const absl::string_view> fields) const;

 private:
  std::string name_;
  std::optional<size_t> field_;
  DecimalComma comma_ = DecimalComma::kNo;
};

}  // namespace rubato
