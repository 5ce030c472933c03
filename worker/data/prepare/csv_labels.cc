#include "worker/data/prepare/csv_labels.h"

#include <algorithm>

#include "common/base/status.h"
#include "worker/data/prepare/number_label.h"
#include "worker/data/text/field.h"
#include "worker/data/text/find_column.h"
#include "worker/data/text/show_text.h"

namespace rubato {
absl::StatusOr<CsvLabels> CsvLabels::Make(const CsvScan& scan, const DataConfig& data,
                                          const LabelDomain& domain) {
  CsvLabels labels(scan, data, domain);
  ASSIGN_OR_RETURN(labels.field_, FindColumn(scan.header, data.label, "data.label"));
  if (domain.is_number()) return labels;
  if (domain.two_classes()) {
    ASSIGN_OR_RETURN(labels.rule_, MakeLabelRule(scan.label_values, data, labels.Column()));
  } else {
    ASSIGN_OR_RETURN(labels.names_, NameClasses(scan.label_values, data, labels.Column()));
    labels.rule_.ignore = data.ignore;
  }
  for (const LabelValue& value : scan.label_values) {
    labels.meanings_.push_back(*labels.MeaningOf(value.text));
  }
  return labels;
}

std::optional<CsvLabels::Meaning> CsvLabels::MeaningOf(absl::string_view text) const {
  const std::optional<LabelClass> label_class = rule_.ClassOf(text);
  if (domain_->two_classes() || label_class == LabelClass::kIgnored) {
    if (!label_class) return std::nullopt;
    return Meaning{*label_class, label_class == LabelClass::kPositive ? 1.0F : 0.0F};
  }
  const std::optional<size_t> number = FindClass(names_, text);
  if (!number) return std::nullopt;
  return Meaning{LabelClass::kOneOfSeveral, static_cast<float>(*number)};
}

std::string CsvLabels::Column() const {
  return absl::StrFormat("%s, column '%s'", data_->path, ShowText(data_->label));
}

LabelClass CsvLabels::ClassOf(uint64_t row) const {
  if (domain_->is_number()) return LabelClass::kNegative;
  const LabelClass label_class = meanings_[scan_->labels[row]].label_class;
  return label_class == LabelClass::kOneOfSeveral ? LabelClass::kNegative : label_class;
}

absl::StatusOr<float> CsvLabels::Read(const TableReader& reader, uint64_t row) const {
  if (!domain_->is_number()) return meanings_[scan_->labels[row]].number;
  return ReadNumber(reader, TrimField(reader.fields()[field_]));
}

absl::StatusOr<float> CsvLabels::ReadNumber(const TableReader& reader,
                                            absl::string_view text) const {
  const auto label = ReadNumberLabel(text, *domain_, reader.decimal_comma());
  return label.ok() ? label : Annotate(label.status(), reader.where());
}

absl::StatusOr<std::optional<float>> CsvLabels::ReadTestRow(const TableReader& reader,
                                                            absl::string_view text) {
  if (domain_->is_number()) return ReadNumber(reader, text);
  const size_t index = test_labels_.Count(text);
  if (index >= test_meanings_.size()) test_meanings_.resize(index + 1, MeaningOf(text));
  if (const std::optional<Meaning>& meaning = test_meanings_[index]) {
    if (meaning->label_class == LabelClass::kIgnored) return std::nullopt;
    return meaning->number;
  }
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s: nothing says what the label '%s' counts as, %s holds %s; name it in %sdata.ignore",
      reader.where(), ShowText(text), data_->path, ShowLabels(scan_->label_values),
      domain_->two_classes() ? "data.positive, data.negative or " : ""));
}

void CsvLabels::WarnOfUnnamedPositive(std::vector<Warning>* warnings) const {
  if (!domain_->two_classes()) return;
  const std::string sentence = DescribeUnnamedPositive(rule_, scan_->label_values, *data_);
  if (!sentence.empty()) warnings->push_back({data_->label, "positive", sentence});
}

// A value may be in one of the two files only.
absl::Status CsvLabels::Report(std::vector<LabelReport>* labels) const {
  if (domain_->is_number()) return absl::OkStatus();
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
  for (const LabelValue& value : values) {
    labels->push_back({value, MeaningOf(value.text)->label_class});
  }
  return CheckLabelsSeen(rule_, values, Column());
}

}  // namespace rubato
