#include "worker/data/prepare/row_terms.h"

#include "common/base/status.h"
#include "worker/data/text/find_column.h"

namespace rubato {
namespace {

std::vector<std::string> MissingOf(const CsvScan& scan, const std::string& column) {
  for (const ColumnScan& of : scan.columns) {
    if (of.name == column) return of.named_missing;
  }
  return {};
}

}  // namespace

OffsetEncoding EncodeOffset(const TargetConfig& config, const TargetDescription& target,
                            const CsvScan& scan) {
  const bool exposure = target.keys.exposure == ExposureUse::kOffset && !config.exposure.empty();
  const std::string& column = exposure ? config.exposure : config.offset;
  return {.column = column,
          .missing = MissingOf(scan, column),
          .exposure = exposure,
          .cap = exposure ? config.cap_exposure : 0.0};
}

ScaleEncoding EncodeScale(const TargetConfig& config, const CsvScan& scan) {
  return {.column = config.scale, .missing = MissingOf(scan, config.scale)};
}

absl::StatusOr<RowTerms> RowTerms::Bind(const TargetConfig& config, const TargetDescription& target,
                                        const CsvScan& scan,
                                        const std::vector<std::string>& header) {
  RowTerms terms;
  terms.cap_ = config.cap;
  terms.cap_exposure_ = config.cap_exposure;
  ASSIGN_OR_RETURN(terms.offset_,
                   OffsetColumn::Bind(EncodeOffset(config, target, scan), header, scan.comma()));
  ASSIGN_OR_RETURN(terms.weight_,
                   RequiredColumn::Bind(kWeightNumber, config.weight,
                                        MissingOf(scan, config.weight), header, scan.comma()));
  ASSIGN_OR_RETURN(terms.scale_,
                   RequiredColumn::Bind(kScaleNumber, config.scale, MissingOf(scan, config.scale),
                                        header, scan.comma()));
  if (target.keys.exposure != ExposureUse::kUnit) return terms;
  ASSIGN_OR_RETURN(terms.unit_,
                   RequiredColumn::Bind(kExposureNumber, config.exposure,
                                        MissingOf(scan, config.exposure), header, scan.comma()));
  return terms;
}

absl::StatusOr<LabelRow> RowTerms::Read(const TableReader& reader, float label) const {
  double taught = Capped(static_cast<double>(label), cap_);
  double weight = 1.0;
  if (weight_.bound()) {
    ASSIGN_OR_RETURN(weight, weight_.Read(reader));
  }
  if (unit_.bound()) {
    ASSIGN_OR_RETURN(const double read, unit_.Read(reader));
    const double units = Capped(read, cap_exposure_);
    taught /= units;
    weight *= units;
  }
  LabelRow row = {.label = static_cast<float>(taught), .weight = static_cast<float>(weight)};
  ASSIGN_OR_RETURN(row.offset, offset_.Read(reader));
  if (!scale_.bound()) return row;
  ASSIGN_OR_RETURN(const double scale, scale_.Read(reader));
  row.scale = static_cast<float>(scale);
  return row;
}

absl::StatusOr<OracleColumns> OracleColumns::Bind(const std::vector<std::string>& names,
                                                  const std::vector<std::string>& header) {
  OracleColumns columns;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(columns.fields_.emplace_back(),
                     FindColumn(header, name, "the best prediction"));
  }
  return columns;
}

absl::StatusOr<std::vector<float>> OracleColumns::Read(const TableReader& reader) const {
  std::vector<float> oracle;
  for (const size_t field : fields_) {
    const auto value = ParseNumber(TrimField(reader.fields()[field]), DecimalComma::kNo);
    if (!value) {
      return absl::DataLossError(
          absl::StrFormat("%s: the best prediction is not a number", reader.where()));
    }
    oracle.push_back(static_cast<float>(*value));
  }
  return oracle;
}

}  // namespace rubato
