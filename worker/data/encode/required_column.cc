#include "worker/data/encode/required_column.h"

#include <cmath>

#include "common/base/status.h"
#include "worker/data/text/find_column.h"
#include "worker/data/text/show_text.h"

namespace rubato {

absl::StatusOr<RequiredColumn> RequiredColumn::Bind(const RequiredNumber& number,
                                                    const std::string& column,
                                                    const std::vector<std::string>& missing,
                                                    const std::vector<std::string>& header,
                                                    DecimalComma comma) {
  RequiredColumn bound;
  if (column.empty()) return bound;
  ASSIGN_OR_RETURN(bound.field_, FindColumn(header, column, number.key));
  bound.number_ = &number;
  bound.name_ = column;
  bound.numbers_.emplace(NumberForm{}, missing, comma);
  return bound;
}

absl::StatusOr<double> RequiredColumn::Read(const TableReader& reader) const {
  const absl::string_view text = TrimField(reader.fields()[*field_]);
  double number = 0.0;
  const bool is_number = numbers_->Read(text, &number) == Reading::kNumber;
  if (is_number && std::abs(number) <= std::numeric_limits<float>::max() &&
      number >= number_->least) {
    return number;
  }
  return absl::DataLossError(absl::StrFormat(
      "%s: column '%s' (%s) holds '%s', which is not %s; every row needs one", reader.where(),
      ShowText(name_), number_->key, ShowText(text), number_->words));
}

}  // namespace rubato
