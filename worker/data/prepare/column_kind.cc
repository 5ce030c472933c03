#include "worker/data/prepare/column_kind.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "worker/data/text/field.h"
#include "worker/data/text/number_form.h"

namespace rubato {
namespace {

// Whether texts stand for missing values among so many different numbers.
bool AreMissing(const std::vector<TextCount>& texts, uint64_t numbers) {
  const auto other = std::count_if(texts.begin(), texts.end(), [](const TextCount& text) {
    return !IsMissingAmongNumbers(text.text);
  });
  return static_cast<uint64_t>(other) * kNumbersPerText <= numbers;
}

KindChoice Numeric(const ColumnScan& column, const NumberForm& form, std::vector<TextCount> taken) {
  const std::string marks = column.marks.any() ? DescribeForm(form) : "";
  return {FeatureKind::kNumeric, absl::StrCat("numbers", marks.empty() ? "" : ", ", marks), form,
          std::move(taken)};
}

// The texts of a column that is plainly read: those with marks are texts as well.
FewTexts AllTexts(const ColumnScan& column) {
  FewTexts all = column.few_texts;
  all.many = all.many || column.few_marked.many;
  all.seen.insert(all.seen.end(), column.few_marked.seen.begin(), column.few_marked.seen.end());
  return all;
}

bool AreZeroPadded(const ColumnScan& column) {
  if (column.fractions > 0 || column.leading_zeros == 0) return false;
  const auto numbers = static_cast<double>(column.numbers);
  const auto one_width = static_cast<double>(absl::c_max_element(column.widths)[0]);
  const auto zeros = static_cast<double>(column.leading_zeros);
  return zeros >= kManyLeadingZeros * numbers ||
         (zeros >= kLeadingZeroShare * numbers && one_width >= kOneWidthShare * numbers);
}

KindChoice ByValues(const ColumnScan& column) {
  if (AreZeroPadded(column)) return {FeatureKind::kCategory, "codes with leading zeros"};
  const std::optional<NumberForm>& form = column.form;
  const FewTexts texts = form ? column.few_texts : AllTexts(column);
  const uint64_t numbers = column.numbers - (form ? 0 : column.marks.marked());
  if (numbers == 0 && texts.seen.empty()) return {FeatureKind::kNumeric, "no values"};
  if (numbers == 0) return {FeatureKind::kCategory, "texts"};
  const uint64_t different =
      column.distinct - std::min<uint64_t>(column.distinct, texts.seen.size());
  if (!texts.many && AreMissing(texts.seen, different)) {
    return Numeric(column, form.value_or(NumberForm{}), texts.seen);
  }
  return {FeatureKind::kCategory, "numbers and texts"};
}

}  // namespace

KindChoice ChooseKind(const ColumnScan& column, const DataConfig& data) {
  if (absl::c_linear_search(data.categorical, column.name)) {
    return {FeatureKind::kCategory, "named in data.categorical", {}, {}, true};
  }
  if (!absl::c_linear_search(data.numeric, column.name)) return ByValues(column);
  return {FeatureKind::kNumeric, "named in data.numeric", column.form.value_or(NumberForm{}),
          column.form ? column.few_texts.seen : AllTexts(column).seen, true};
}

bool MarksDisagree(const ColumnScan& column) {
  return column.marks.marked() > column.texts && !column.form && !column.marks.AreAddresses();
}

}  // namespace rubato
