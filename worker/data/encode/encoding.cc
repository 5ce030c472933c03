#include "worker/data/encode/encoding.h"

#include <algorithm>
#include <cmath>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "common/base/status.h"
#include "worker/data/encode/drift.h"
#include "worker/data/text/find_column.h"
#include "worker/data/text/level.h"

namespace rubato {
namespace {

absl::Status CheckWidth(const Encoding& encoding, const std::vector<std::string>& header) {
  if (encoding.layout.header || header.size() == encoding.columns) return absl::OkStatus();
  const bool label_last = encoding.label == absl::StrCat("column_", encoding.columns);
  if (label_last && header.size() + 1 == encoding.columns) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "has %d columns and the training file had %d; without a header a column is known by its "
      "position alone, so write all of them, the label too, empty if it is not known",
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
  shape.offsets = !offset.column.empty();
  shape.scales = !scale.column.empty();
  return shape;
}

bool Encoding::Reads(const std::string& column) const {
  const auto is_it = [&column](const auto& known) { return known.name == column; };
  return absl::c_any_of(numeric, is_it) || absl::c_any_of(categories, is_it) ||
         offset.column == column || scale.column == column;
}

double SignedLog(double value) { return std::copysign(std::log1p(std::abs(value)), value); }

Encoder::Encoder(const Encoding& encoding, DecimalComma comma)
    : encoding_(encoding), comma_(comma), shape_(encoding.Shape()) {
  numeric_.resize(shape_.numeric_columns);
  categories_.resize(shape_.category_columns);
  lower_.resize(encoding.categories.size());
  for (const NumericEncoding& column : encoding.numeric) {
    ColumnNovelty& novelty = novelties_.emplace_back();
    novelty.column = column.name;
    novelty.low = column.low;
    novelty.high = column.high;
    met_.emplace_back(column.edges.size() + 2);
  }
  for (const CategoryEncoding& column : encoding.categories) {
    ColumnNovelty& novelty = novelties_.emplace_back();
    novelty.column = column.name;
    novelty.forgetful = column.rare.size() == kMaxRareLevels;
    met_.emplace_back(kReservedLevels + column.levels.size());
  }
}

absl::StatusOr<std::unique_ptr<Encoder>> Encoder::Bind(const Encoding& encoding,
                                                       const std::vector<std::string>& header,
                                                       DecimalComma comma) {
  RETURN_IF_ERROR(CheckWidth(encoding, header));
  std::unique_ptr<Encoder> encoder(new Encoder(encoding, comma));
  ASSIGN_OR_RETURN(encoder->offset_, OffsetColumn::Bind(encoding.offset, header, comma));
  ASSIGN_OR_RETURN(encoder->scale_, RequiredColumn::Bind(kScaleNumber, encoding.scale.column,
                                                         encoding.scale.missing, header, comma));
  for (const NumericEncoding& column : encoding.numeric) {
    ASSIGN_OR_RETURN(const size_t field, FindColumn(header, column.name, "the model reads it"));
    encoder->numeric_fields_.push_back(field);
    encoder->readers_.emplace_back(column.form, column.missing, comma);
  }
  for (size_t k = 0; k < encoding.categories.size(); ++k) {
    const CategoryEncoding& column = encoding.categories[k];
    ASSIGN_OR_RETURN(const size_t field, FindColumn(header, column.name, "the model reads it"));
    encoder->category_fields_.push_back(field);
    encoder->missing_.emplace_back(column.missing, NumberForm{}, comma);
    uint64_t id = encoder->shape_.level_begin[k] + kReservedLevels;
    auto& ids = encoder->level_ids_.emplace_back();
    for (const std::string& level : column.levels) ids.emplace(level, static_cast<uint32_t>(id++));
  }
  return encoder;
}

void Encoder::Encode(std::span<const absl::string_view> fields, uint64_t line) {
  for (ColumnNovelty& novelty : novelties_) ++novelty.cells;
  size_t indicator = encoding_.numeric.size();
  for (size_t i = 0; i < encoding_.numeric.size(); ++i) {
    const NumericEncoding& column = encoding_.numeric[i];
    const absl::string_view field = TrimField(fields[numeric_fields_[i]]);
    const std::optional<double> value = ReadNumber(i, field, line);
    numeric_[i] = EncodeNumber(column, value.value_or(column.median));
    if (column.indicator) numeric_[indicator++] = value ? 0.0F : 1.0F;
  }
  for (size_t k = 0; k < category_fields_.size(); ++k) {
    categories_[k] = FindLevel(k, TrimField(fields[category_fields_[k]]), line);
    ++met_[encoding_.numeric.size() + k][categories_[k] - shape_.level_begin[k]];
  }
}

std::vector<ColumnNovelty> Encoder::novelties() const {
  std::vector<ColumnNovelty> all = novelties_;
  for (size_t i = 0; i < all.size(); ++i) {
    if (i < encoding_.numeric.size()) {
      all[i].drift = Drift(encoding_.numeric[i].rows, met_[i]);
    } else {
      const CategoryEncoding& category = encoding_.categories[i - encoding_.numeric.size()];
      all[i].drift = Drift(DriftBinsOf(category.rows), DriftBinsOf(met_[i]));
    }
  }
  return all;
}

Acquaintance Encoder::Meet(std::span<const absl::string_view> fields) const {
  Acquaintance met;
  for (size_t i = 0; i < numeric_fields_.size(); ++i) {
    double value = 0.0;
    const Reading reading = readers_[i].Read(TrimField(fields[numeric_fields_[i]]), &value);
    if (reading == Reading::kNumber) ++met.known;
    if (reading == Reading::kText) ++met.texts;
  }
  std::string memory;
  for (size_t k = 0; k < category_fields_.size(); ++k) {
    const absl::string_view field = TrimField(fields[category_fields_[k]]);
    if (level_ids_[k].contains(LevelOf(field, comma_, &memory))) ++met.known;
  }
  return met;
}

std::optional<double> Encoder::ReadNumber(size_t index, absl::string_view field, uint64_t line) {
  const NumericEncoding& column = encoding_.numeric[index];
  ColumnNovelty& novelty = novelties_[index];
  double value = 0.0;
  const Reading reading = readers_[index].Read(field, &value);
  if (reading == Reading::kNumber) {
    // A column that never changed in training says nothing, whatever it holds now.
    const bool outside = value < column.low || value > column.high;
    if (outside && column.deviation > 0.0) novelty.outside.Count(field, line);
    const auto edge = std::lower_bound(column.edges.begin(), column.edges.end(), value);
    ++met_[index][static_cast<size_t>(edge - column.edges.begin())];
    return value;
  }
  ++met_[index].back();
  if (reading == Reading::kText) {
    novelty.texts.Count(field, line);
  } else if (!column.indicator) {
    novelty.missing.Count(field, line);
  }
  return std::nullopt;
}

float Encoder::EncodeNumber(const NumericEncoding& column, double value) const {
  if (column.deviation == 0.0) return 0.0F;
  const double x = column.signed_log ? SignedLog(value) : value;
  const double z = (x - column.mean) / column.deviation;
  return static_cast<float>(std::clamp(z, -encoding_.clip_sigma, encoding_.clip_sigma));
}

uint32_t Encoder::FindLevel(size_t index, absl::string_view field, uint64_t line) {
  const CategoryEncoding& column = encoding_.categories[index];
  const auto begin = static_cast<uint32_t>(shape_.level_begin[index]);
  if (IsMissing(field) || (!missing_[index].empty() && missing_[index].Hold(field))) {
    if (column.rows[kMissingLevel] == 0) {
      novelties_[encoding_.numeric.size() + index].missing.Count(field, line);
    }
    return begin + static_cast<uint32_t>(kMissingLevel);
  }
  const absl::string_view level = LevelOf(field, comma_, &level_);
  const auto& ids = level_ids_[index];
  if (const auto found = ids.find(level); found != ids.end()) return found->second;
  if (!std::binary_search(column.rare.begin(), column.rare.end(), LevelHash(level))) {
    CountUnseen(index, field, line);
  }
  return begin + static_cast<uint32_t>(kOtherLevel);
}

// Looks for a level of other letters until one is found; most files need no such table.
void Encoder::CountUnseen(size_t index, absl::string_view field, uint64_t line) {
  const std::vector<std::string>& levels = encoding_.categories[index].levels;
  ColumnNovelty& novelty = novelties_[encoding_.numeric.size() + index];
  novelty.levels.Count(field, line);
  if (!novelty.recased.empty()) return;
  auto& lower = lower_[index];
  if (lower.empty()) {
    for (size_t i = 0; i < levels.size(); ++i) lower.emplace(absl::AsciiStrToLower(levels[i]), i);
  }
  const auto found = lower.find(absl::AsciiStrToLower(field));
  if (found == lower.end()) return;
  novelty.recased = std::string(field);
  novelty.learnt = levels[found->second];
}

}  // namespace rubato
