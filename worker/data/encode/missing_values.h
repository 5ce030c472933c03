// Values of one column that stand for a missing one beside those of IsMissing: the run file's
// (data.missing), and the texts of a column of numbers.
//
// A spelling is held as a text, and as the number that it is, plainly or as the column writes its
// numbers: in a column of euros -999 is also "-999.0" and "-999,00 EUR", whichever of them was
// named.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/text/field.h"
#include "worker/data/text/number_form.h"

namespace rubato {

class MissingValues {
 public:
  MissingValues() = default;
  // `form`: of the column's numbers, a plain one for categories; nullopt where it is not known yet,
  // and a number in any form is one. `comma`: of the file.
  MissingValues(const std::vector<std::string>& spellings, std::optional<NumberForm> form,
                DecimalComma comma);

  bool empty() const { return texts_.empty(); }
  // Whether the trimmed `field` is one of them, as a text or as a number.
  bool Hold(absl::string_view field) const;
  bool HoldNumber(double value) const;
  bool HoldText(absl::string_view field) const { return texts_.contains(field); }

 private:
  std::optional<double> NumberOf(absl::string_view field) const;

  std::optional<NumberForm> form_ = NumberForm{};
  DecimalComma comma_ = DecimalComma::kNo;
  absl::flat_hash_set<std::string> texts_;  // all, as they are spelled
  std::vector<double> numbers_;             // those that are numbers
};

// data.missing, as in {"-999", "income=99999999", "<=0"}: the spellings for each column of
// `header`. What stands before a "=" is a column where there is one of that name, and where it
// holds a letter or a digit was meant as one: InvalidArgument names it, or a missing value.
absl::StatusOr<std::vector<std::vector<std::string>>> MissingByColumn(
    const std::vector<std::string>& named, const std::vector<std::string>& header);

}  // namespace rubato
