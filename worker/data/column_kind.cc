#include "worker/data/column_kind.h"

#include <algorithm>

#include "worker/data/field.h"

namespace rubato {
namespace {

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Whether all texts of a column stand for missing values.
bool TextsAreMissing(const ColumnScan& column) {
  if (column.numbers == 0 || column.many_texts) return column.texts == 0;
  const auto other =
      std::count_if(column.few_texts.begin(), column.few_texts.end(),
                    [](const TextCount& text) { return !IsMissingAmongNumbers(text.text); });
  const uint64_t texts = column.few_texts.size();
  const uint64_t numbers = column.distinct > texts ? column.distinct - texts : 0;
  return static_cast<uint64_t>(other) * kNumbersPerText <= numbers;
}

}  // namespace

KindChoice ChooseKind(const ColumnScan& column, const DataConfig& data) {
  if (Contains(data.categorical, column.name)) {
    return {FeatureKind::kCategory, "named in data.categorical"};
  }
  if (Contains(data.numeric, column.name)) {
    return {FeatureKind::kNumeric, "named in data.numeric", column.few_texts};
  }
  if (column.texts == 0) return {FeatureKind::kNumeric, "numbers"};
  if (TextsAreMissing(column)) return {FeatureKind::kNumeric, "numbers", column.few_texts};
  return {FeatureKind::kCategory, column.numbers == 0 ? "texts" : "numbers and texts"};
}

}  // namespace rubato
