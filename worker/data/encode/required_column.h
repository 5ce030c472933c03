// A column of numbers of which every row needs one: what a row adds to its margin, counts for, or
// is about.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/encode/number_reader.h"
#include "worker/data/text/field.h"
#include "worker/data/text/table_reader.h"

namespace rubato {

// Which numbers, and what names their column in the run file.
struct RequiredNumber {
  const char* key;  // "target.offset"
  double least;
  const char* words;  // "a number to add to a margin"
};
inline constexpr RequiredNumber kOffsetNumber = {
    "target.offset", -std::numeric_limits<double>::infinity(), "a number to add to a margin"};
inline constexpr RequiredNumber kExposureNumber = {
    "target.exposure", std::numeric_limits<float>::min(), "a number above 0"};
inline constexpr RequiredNumber kScaleNumber = {"target.scale", std::numeric_limits<float>::min(),
                                                "a number above 0"};
inline constexpr RequiredNumber kWeightNumber = {"target.weight", 0.0, "a number from 0 on"};

// Larger numbers are taken for `cap`; 0: none.
inline double Capped(double number, double cap) { return cap > 0.0 && number > cap ? cap : number; }

class RequiredColumn {
 public:
  RequiredColumn() = default;  // of nothing
  // Column "": of nothing. `missing` is NumberReader's; `number` has static storage.
  // InvalidArgument: `header` lacks the column.
  static absl::StatusOr<RequiredColumn> Bind(const RequiredNumber& number,
                                             const std::string& column,
                                             const std::vector<std::string>& missing,
                                             const std::vector<std::string>& header,
                                             DecimalComma comma);

  bool bound() const { return field_.has_value(); }
  // Of the reader's row; requires bound(). DataLoss names the row whose cell is missing, or no such
  // number that a float holds.
  absl::StatusOr<double> Read(const TableReader& reader) const;

 private:
  const RequiredNumber* number_ = nullptr;
  std::string name_;
  std::optional<size_t> field_;
  std::optional<NumberReader> numbers_;
};

}  // namespace rubato
