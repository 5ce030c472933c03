#include "worker/data/encode/offset_column.h"

#include <cmath>
#include <limits>

#include "common/base/status.h"
#include "worker/data/text/find_column.h"
#include "worker/data/text/show_text.h"

namespace rubato {

absl::StatusOr<OffsetColumn> OffsetColumn::Bind(const OffsetEncoding& encoding,
                                                const std::vector<std::string>& header,
                                                DecimalComma comma) {
  OffsetColumn offset;
  if (encoding.column.empty()) return offset;
  ASSIGN_OR_RETURN(offset.field_, FindColumn(header, encoding.column, "target.offset"));
  offset.name_ = encoding.column;
  offset.numbers_.emplace(NumberForm{}, encoding.missing, comma);
  return offset;
}

absl::StatusOr<float> OffsetColumn::Read(const CsvReader& reader) const {
  if (!field_) return 0.0F;
  const absl::string_view text = TrimField(reader.fields()[*field_]);
  double number = 0.0;
  const bool is_number = numbers_->Read(text, &number) == Reading::kNumber;
  if (is_number && std::abs(number) <= std::numeric_limits<float>::max()) {
    return static_cast<float>(number);
  }
  return absl::DataLossError(absl::StrFormat(
      "%s: column '%s' (target.offset) holds '%s', which is no number to add to a margin; every "
      "row needs one",
      reader.where(), ShowText(name_), ShowText(text)));
}

}  // namespace rubato
