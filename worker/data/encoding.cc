#include "worker/data/encoding.h"

#include <algorithm>
#include <cmath>

#include "common/status.h"
#include "worker/data/column_plan.h"

namespace rubato {
namespace {

absl::Status CheckWidth(const Encoding& encoding, const std::vector<std::string>& header) {
  if (encoding.layout.header || header.size() == encoding.columns) return absl::OkStatus();
  const bool label_last = encoding.label == absl::StrCat("column_", encoding.columns);
  if (label_last && header.size() + 1 == encoding.columns) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("has %d columns and the training file had %d; without a header a column is "
                      "known by its place "
                      "alone, so write all of them, the label too, empty if it is not known",
                      header.size(), encoding.columns));
}

}  // namespace

DatasetShape Encoding::Shape() const {
  DatasetShape shape;
  const auto has_indicator = [](const NumericEncoding& column) { return column.indicator; };
  const auto indicators = std::count_if(numeric.begin(), numeric.end(), has_indicator);
  shape.numeric_columns = numeric.size() + static_cast<uint64_t>(indicators);
  shape.category_columns = categories.size();
  shape.level_begin.push_back(0);
  for (const CategoryEncoding& category : categories) {
    shape.level_begin.push_back(shape.level_begin.back() + kReservedLevels +
                                category.levels.size());
  }
  shape.levels = shape.level_begin.back();
  shape.sparse_keys = sparse_keys;
  shape.base_margin = static_cast<float>(prior.BaseMargin());
  return shape;
}

double SignedLog(double value) { return std::copysign(std::log1p(std::abs(value)), value); }

Encoder::Encoder(const Encoding& encoding, DecimalComma comma)
    : encoding_(encoding), comma_(comma), shape_(encoding.Shape()) {
  numeric_.resize(shape_.numeric_columns);
  categories_.resize(shape_.category_columns);
  texts_.resize(encoding.numeric.size());
}

absl::StatusOr<std::unique_ptr<Encoder>> Encoder::Bind(const Encoding& encoding,
                                                       const std::vector<std::string>& header,
                                                       DecimalComma comma) {
  RETURN_IF_ERROR(CheckWidth(encoding, header));
  std::unique_ptr<Encoder> encoder(new Encoder(encoding, comma));
  for (const NumericEncoding& column : encoding.numeric) {
    ASSIGN_OR_RETURN(const size_t field, FindColumn(header, column.name, "the model reads it"));
    encoder->numeric_fields_.push_back(field);
    encoder->readers_.emplace_back(column.form, column.missing, comma);
  }
  for (size_t k = 0; k < encoding.categories.size(); ++k) {
    const CategoryEncoding& column = encoding.categories[k];
    ASSIGN_OR_RETURN(const size_t field, FindColumn(header, column.name, "the model reads it"));
    encoder->category_fields_.push_back(field);
    encoder->missing_.emplace_back(column.missing);
    uint64_t id = encoder->shape_.level_begin[k] + kReservedLevels;
    auto& ids = encoder->level_ids_.emplace_back();
    for (const std::string& level : column.levels) ids.emplace(level, static_cast<uint32_t>(id++));
  }
  return encoder;
}

void Encoder::Encode(std::span<const absl::string_view> fields) {
  size_t indicator = encoding_.numeric.size();
  for (size_t i = 0; i < encoding_.numeric.size(); ++i) {
    const NumericEncoding& column = encoding_.numeric[i];
    const absl::string_view field = TrimField(fields[numeric_fields_[i]]);
    const std::optional<double> value = ReadNumber(i, field);
    numeric_[i] = EncodeNumber(column, value.value_or(column.median));
    if (column.indicator) numeric_[indicator++] = value ? 0.0F : 1.0F;
  }
  for (size_t k = 0; k < category_fields_.size(); ++k) {
    categories_[k] = FindLevel(k, TrimField(fields[category_fields_[k]]));
  }
}

std::optional<double> Encoder::ReadNumber(size_t column, absl::string_view field) {
  double value = 0.0;
  const Reading reading = readers_[column].Read(field, &value);
  if (reading == Reading::kNumber) return value;
  if (reading == Reading::kText && texts_[column].rows++ == 0) {
    texts_[column].first = std::string(field.substr(0, 60));
  }
  return std::nullopt;
}

float Encoder::EncodeNumber(const NumericEncoding& column, double value) const {
  if (column.deviation == 0.0) return 0.0F;
  const double x = column.signed_log ? SignedLog(value) : value;
  const double z = (x - column.mean) / column.deviation;
  return static_cast<float>(std::clamp(z, -encoding_.clip_sigma, encoding_.clip_sigma));
}

uint32_t Encoder::FindLevel(size_t category, absl::string_view field) const {
  const auto begin = static_cast<uint32_t>(shape_.level_begin[category]);
  if (IsMissing(field) || (!missing_[category].empty() && missing_[category].Hold(field))) {
    return begin + static_cast<uint32_t>(kMissingLevel);
  }
  const auto& ids = level_ids_[category];
  const auto found = ids.find(field);
  return found == ids.end() ? begin + static_cast<uint32_t>(kOtherLevel) : found->second;
}

}  // namespace rubato
