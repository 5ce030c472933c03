#include "worker/data/encode/offset_column.h"

#include <cmath>

#include "common/base/status.h"

namespace rubato {

absl::StatusOr<OffsetColumn> OffsetColumn::Bind(const OffsetEncoding& encoding,
                                                const std::vector<std::string>& header,
                                                DecimalComma comma) {
  OffsetColumn offset;
  ASSIGN_OR_RETURN(offset.column_,
                   RequiredColumn::Bind(encoding.exposure ? kExposureNumber : kOffsetNumber,
                                        encoding.column, encoding.missing, header, comma));
  offset.exposure_ = encoding.exposure;
  offset.cap_ = encoding.cap;
  return offset;
}

absl::StatusOr<float> OffsetColumn::Read(const TableReader& reader) const {
  if (!column_.bound()) return 0.0F;
  ASSIGN_OR_RETURN(const double number, column_.Read(reader));
  if (!exposure_) return static_cast<float>(number);
  return static_cast<float>(std::log(Capped(number, cap_)));
}

}  // namespace rubato
