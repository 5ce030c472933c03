#include "worker/data/prepare/data_json.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/utf8.h"
#include "worker/data/encode/json_fields.h"

namespace rubato {
namespace {

// A message may hold a column's name in any bytes: '?' for those that are no UTF-8.
std::string Printable(std::string text) {
  if (IsUtf8(text)) return text;
  for (char& c : text) c = static_cast<unsigned char>(c) < 0x80 ? c : '?';
  return text;
}

Json ShapeToJson(const DatasetShape& shape) {
  return {{"numeric_columns", shape.numeric_columns},
          {"category_columns", shape.category_columns},
          {"levels", shape.levels},
          {"sparse_keys", shape.sparse_keys},
          {"offsets", shape.offsets},
          {"scales", shape.scales}};
}

Json WarningsToJson(const std::vector<Warning>& warnings) {
  Json list = Json::array();
  for (const Warning& warning : warnings) {
    list.push_back({{"column", TextToJson(warning.column)},
                    {"kind", warning.kind},
                    {"sentence", Printable(warning.sentence)}});
  }
  return list;
}

Json LabelsToJson(const std::vector<LabelReport>& labels) {
  Json list = Json::array();
  for (const LabelReport& label : labels) {
    list.push_back({{"value", TextToJson(label.value.text)},
                    {"rows", label.value.rows},
                    {"class", LabelClassName(label.label_class)}});
  }
  return list;
}

Json ColumnToJson(const ColumnReport& column) {
  Json json = {
      {"name", TextToJson(column.name)}, {"role", column.role}, {"missing", column.missing}};
  if (column.role == "category") json["levels"] = column.levels;
  if (column.role == "number") json["signed_log"] = column.signed_log;
  return json;
}

// By the numbers of Better, MetricUse and MetricFormat (worker/spec/metric.h).
constexpr const char* kBetter[] = {"", "larger", "smaller"};
constexpr const char* kUses[] = {"progress", "summary", "report"};
constexpr const char* kFormats[] = {"metric", "count", "percent", "number"};

Json InspectedToJson(const InspectedColumn& column) {
  Json json = {{"name", TextToJson(column.scan.name)},
               {"type", column.type},
               {"reason", column.reason},
               {"missing", column.scan.missing},
               {"numbers", column.scan.numbers},
               {"texts", column.scan.texts},
               {"distinct", column.scan.distinct},
               {"whole", column.scan.fractions == 0 && column.scan.LooksNumeric()},
               {"examples", TextsToJson(column.scan.examples)},
               {"sentinels", Json::array()}};
  for (const Sentinel& sentinel : column.sentinels) {
    json["sentinels"].push_back({{"value", sentinel.spelling}, {"rows", sentinel.rows}});
  }
  if (column.type == "category") json["levels"] = TextsToJson(column.levels);
  if (column.range) {
    json["smallest"] = column.range->smallest;
    json["p99"] = column.range->p99;
    json["largest"] = column.range->largest;
  }
  return json;
}

Json LabelFactsToJson(const LabelFacts& label) {
  return {{"numbers", label.numbers},   {"zeros", label.zeros},   {"fractions", label.fractions},
          {"smallest", label.smallest}, {"median", label.median}, {"p99", label.p99},
          {"largest", label.largest}};
}

}  // namespace

std::string FormatDataReport(const DataReport& report) {
  Json json;
  json["data_sha256"] = DigestOfAll(report.inputs);
  for (const InputFile& input : report.inputs) {
    json["inputs"].push_back(
        {{"path", TextToJson(input.path)}, {"sha256", input.sha256}, {"bytes", input.bytes}});
  }
  json["rows"] = {{"read", report.rows_read},
                  {"dropped_missing_label", report.dropped_missing_label},
                  {"dropped_missing_time", report.dropped_missing_time},
                  {"dropped_ignored_label", report.dropped_ignored_label}};
  for (size_t i = 0; i < kSplitParts; ++i) {
    const char* name = SplitPartName(static_cast<SplitPart>(i));
    json["rows"][name] = report.parts[i].rows;
    if (!report.labels.empty() && report.classes.empty()) {
      json["positives"][name] = static_cast<uint64_t>(report.parts[i].labels);
    }
    json["label_sums"][name] = report.parts[i].labels;
  }
  json["split"] = {{"kind", report.split.kind},
                   {"seed", report.split.seed},
                   {"group", TextToJson(report.split.group)},
                   {"test_from", TextToJson(report.split.test_from)},
                   {"stratified", report.split.stratified}};
  json["labels"] = LabelsToJson(report.labels);
  json["shape"] = ShapeToJson(report.shape);
  json["columns"] = Json::array();
  for (const ColumnReport& column : report.columns) {
    json["columns"].push_back(ColumnToJson(column));
  }
  json["warnings"] = WarningsToJson(report.warnings);
  return json.dump(kJsonIndent) + "\n";
}

std::string FormatTarget(const Target& target, const std::vector<std::string>& classes) {
  const TargetDescription& description = DescriptionOf(target);
  Json metrics = Json::array();
  for (const MetricSpec& metric : description.metrics) {
    metrics.push_back({{"name", metric.name},
                       {"words", metric.words},
                       {"better", kBetter[static_cast<size_t>(metric.better)]},
                       {"format", kFormats[static_cast<size_t>(metric.format)]},
                       {"use", kUses[static_cast<size_t>(metric.use)]}});
  }
  const Json json = {{"kind", description.kind},           {"prediction", description.prediction},
                     {"chosen_by", description.chosen_by}, {"loss", description.loss},
                     {"classes", TextsToJson(classes)},    {"metrics", metrics}};
  return json.dump(kJsonIndent) + "\n";
}

std::string FormatInspection(const Inspection& inspection) {
  Json json = {{"path", TextToJson(inspection.path)},
               {"separator", std::string(1, inspection.separator)},
               {"rows", inspection.rows},
               {"distinct_rows", std::min(inspection.rows, kDistinctRows)},
               {"columns", Json::array()},
               {"label_values", Json::array()}};
  for (const InspectedColumn& column : inspection.columns) {
    json["columns"].push_back(InspectedToJson(column));
  }
  for (const LabelValue& value : inspection.label_values) {
    json["label_values"].push_back({{"value", TextToJson(value.text)}, {"rows", value.rows}});
  }
  json["label_facts"] = LabelFactsToJson(inspection.label_facts);
  json["stray_label"] = Printable(inspection.stray_label);
  json["warnings"] = WarningsToJson(inspection.warnings);
  return json.dump(kJsonIndent) + "\n";
}

}  // namespace rubato
