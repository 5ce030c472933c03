#include "worker/data/prepare/csv_labels.h"

#include <algorithm>

#include "common/base/status.h"
#include "worker/data/prepare/number_label.h"
#include "worker/data/text/field.h"
#include "worker/data/text/find_column.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

float NumberOf(LabelClass label_class) {
  return label_class == LabelClass::kPositive ? 1.0F : 0.0F;
}

}  // namespace

absl::StatusOr<CsvLabels> CsvLabels::Make(const CsvScan& scan, const DataConfig& data,
                                          const LabelDomain& domain) {
  CsvLabels labels(scan, data, domain);
  ASSIGN_OR_RETURN(labels.field_, FindColumn(scan.header, data.label, "data.label"));
  if (!domain.classes) return labels;
  ASSIGN_OR_RETURN(labels.rule_, MakeLabelRule(scan.label_values, data, labels.Column()));
  for (const LabelValue& value : scan.label_values) {
    labels.classes_.push_back(*labels.rule_.ClassOf(value.text));
  }
  return labels;
}

std::string CsvLabels::Column() const {
  return absl::StrFormat("%s, column '%s'", data_->path, ShowText(data_->label));
}

LabelClass CsvLabels::ClassOf(uint64_t row) const {
  return domain_->classes ? classes_[scan_->labels[row]] : LabelClass::kNegative;
}

absl::StatusOr<float> CsvLabels::Read(const TableReader& reader, uint64_t row) const {
  if (domain_->classes) return NumberOf(ClassOf(row));
  return ReadNumber(reader, TrimField(reader.fields()[field_]));
}

absl::StatusOr<float> CsvLabels::ReadNumber(const TableReader& reader,
                                            absl::string_view text) const {
  const auto label = ReadNumberLabel(text, *domain_, reader.decimal_comma());
  return label.ok() ? label : Annotate(label.status(), reader.where());
}

absl::StatusOr<std::optional<float>> CsvLabels::ReadTestRow(const TableReader& reader,
                                                            absl::string_view text) {
  if (!domain_->classes) return ReadNumber(reader, text);
  test_labels_.Count(text);
  const std::optional<LabelClass> label_class = rule_.ClassOf(text);
  if (label_class == LabelClass::kIgnored) return std::nullopt;
  if (label_class) return NumberOf(*label_class);
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s: nothing says what the label '%s' counts as, %s holds %s; name it in data.positive, "
      "data.negative or data.ignore",
      reader.where(), ShowText(text), data_->path, ShowLabels(scan_->label_values)));
}

void CsvLabels::WarnOfUnnamedPositive(std::vector<Warning>* warnings) const {
  if (!domain_->classes) return;
  const std::string sentence = DescribeUnnamedPositive(rule_, scan_->label_values, *data_);
  if (!sentence.empty()) warnings->push_back({data_->label, "positive", sentence});
}

// A value may be in one of the two files only.
absl::Status CsvLabels::Report(std::vector<LabelReport>* labels) const {
  if (!domain_->classes) return absl::OkStatus();
  std::vector<LabelValue> values = scan_->label_values;
  for (const LabelValue& test : test_labels_.values()) {
    const auto same = [&test](const LabelValue& v) { return SameLabel(v.text, test.text); };
    const auto found = std::find_if(values.begin(), values.end(), same);
    if (found == values.end()) {
      values.push_back(test);
    } else {
      found->rows += test.rows;
    }
  }
  for (const LabelValue& value : values) labels->push_back({value, *rule_.ClassOf(value.text)});
  return CheckLabelsSeen(rule_, values, Column());
}

}  // namespace rubato
