// Values of one column that stand for a missing one beside those of IsMissing: the run file's
// (data.missing), and the texts of a column of numbers. Numbers are compared by value, so that -999
// is also "-999.0"; texts to the letter.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rubato {

class MissingValues {
 public:
  MissingValues() = default;
  explicit MissingValues(const std::vector<std::string>& spellings);

  bool empty() const { return texts_.empty(); }
  // Whether the trimmed `field` is one of them, as a text or as a number.
  bool Hold(absl::string_view field) const;
  bool HoldNumber(double value) const;
  bool HoldText(absl::string_view field) const { return texts_.contains(field); }

 private:
  absl::flat_hash_set<std::string> texts_;  // all, as they are spelled
  std::vector<double> numbers_;             // those that are numbers
};

// data.missing, as in {"-999", "income=99999999"}: the spellings for each column of `header`.
// InvalidArgument names a column that there is none of, or a missing value.
absl::StatusOr<std::vector<std::vector<std::string>>> MissingByColumn(
    const std::vector<std::string>& named, const std::vector<std::string>& header);

}  // namespace rubato
