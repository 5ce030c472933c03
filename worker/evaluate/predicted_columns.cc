#include "worker/evaluate/predicted_columns.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "worker/data/encode/row_source.h"

namespace rubato {

PredictedColumns::PredictedColumns(const Target& target, const Encoding& encoding)
    : classes_(encoding.classes), has_rate_(*DescriptionOf(target).rate != '\0') {
  if (const auto* const quantiles = std::get_if<QuantileTarget>(&target)) {
    names_ = quantiles->Columns();
    return;
  }
  if (has_rate_) names_.push_back(DescriptionOf(target).rate);
  names_.push_back(DescriptionOf(target).prediction);
  for (const std::string& name : classes_) names_.push_back(absl::StrCat("p_", name));
}

void PredictedColumns::Append(std::span<const float> prediction, float offset, char separator,
                              std::string* out) const {
  if (!classes_.empty()) {
    const auto likeliest = std::max_element(prediction.begin(), prediction.end());
    AppendCsvField(classes_[static_cast<size_t>(likeliest - prediction.begin())], separator, out);
    out->push_back(separator);
  }
  // By unit of exposure, whose logarithm the offset is.
  if (has_rate_) absl::StrAppendFormat(out, "%.9g%c", prediction[0] / std::exp(offset), separator);
  for (size_t k = 0; k < prediction.size(); ++k) {
    if (k > 0) out->push_back(separator);
    absl::StrAppendFormat(out, "%.9g", prediction[k]);
  }
}

}  // namespace rubato
