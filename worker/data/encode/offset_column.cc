#include "worker/data/encode/offset_column.h"

#include <cmath>

#include "common/base/status.h"
#include "worker/data/text/find_column.h"
#include "worker/data/text/show_text.h"

namespace rubato {

absl::StatusOr<OffsetColumn> OffsetColumn::Bind(const std::string& column,
                                                const std::vector<std::string>& header,
                                                DecimalComma comma) {
  OffsetColumn offset;
  if (column.empty()) return offset;
  ASSIGN_OR_RETURN(offset.field_, FindColumn(header, column, "target.offset"));
  offset.name_ = column;
  offset.comma_ = comma;
  return offset;
}

absl::StatusOr<float> OffsetColumn::Read(std::span<const absl::string_view> fields) const {
  if (!field_) return 0.0F;
  const absl::string_view text = TrimField(fields[*field_]);
  const std::optional<double> number = ParseNumber(text, comma_);
  const float offset = static_cast<float>(number.value_or(NAN));
  if (std::isfinite(offset)) return offset;
  return absl::DataLossError(absl::StrFormat(
      "column '%s' (target.offset) holds '%s', which is no number to add to a margin; every row "
      "needs one",
      ShowText(name_), ShowText(text)));
}

}  // namespace rubato
