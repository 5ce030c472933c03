#include "worker/data/prepare/data_json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/sealed_text.h"
#include "common/base/status.h"
#include "common/base/utf8.h"

namespace rubato {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kEncodingVersion = 6;
constexpr int kIndent = 1;

// Each byte as the code point of its value, in UTF-8.
std::string Widen(const std::string& text) {
  std::string widened;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) widened.push_back(static_cast<char>(0xc0 | (byte >> 6)));
    widened.push_back(byte >= 0x80 ? static_cast<char>(0x80 | (byte & 0x3f)) : c);
  }
  return widened;
}

Json TextToJson(const std::string& text) {
  if (IsUtf8(text)) return text;
  return {{"latin1", Widen(text)}};
}

Json TextsToJson(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(TextToJson(text));
  return list;
}

// A message may hold a column's name in any bytes: '?' for those that are no UTF-8.
std::string Printable(std::string text) {
  if (IsUtf8(text)) return text;
  for (char& c : text) c = static_cast<unsigned char>(c) < 0x80 ? c : '?';
  return text;
}

absl::Status Wrong(const std::string& name, const char* wanted) {
  return absl::InvalidArgumentError(
      absl::StrFormat("field '%s' is missing or is not %s", name, wanted));
}

const Json* Find(const Json& object, const std::string& name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

absl::StatusOr<std::string> TextFromJson(const Json* json, const std::string& name) {
  if (json != nullptr && json->is_string()) return json->get<std::string>();
  const Json* latin1 = json == nullptr ? nullptr : Find(*json, "latin1");
  if (latin1 == nullptr || !latin1->is_string()) return Wrong(name, "a text");
  const auto& widened = latin1->get_ref<const std::string&>();
  std::string text;
  for (size_t i = 0; i < widened.size(); ++i) {
    const auto lead = static_cast<unsigned char>(widened[i]);
    if (lead < 0x80) {
      text.push_back(widened[i]);
      continue;
    }
    if (lead > 0xc3 || ++i == widened.size()) return Wrong(name, "a Latin-1 text");
    text.push_back(
        static_cast<char>((lead << 6) | (static_cast<unsigned char>(widened[i]) & 0x3f)));
  }
  return text;
}

absl::StatusOr<double> NumberFromJson(const Json& object, const std::string& name) {
  const Json* json = Find(object, name);
  if (json == nullptr || !json->is_number()) return Wrong(name, "a number");
  const auto value = json->get<double>();
  if (!std::isfinite(value)) return Wrong(name, "a finite number");
  return value;
}

absl::StatusOr<uint64_t> WholeFromJson(const Json& object, const std::string& name) {
  const Json* json = Find(object, name);
  if (json == nullptr || !json->is_number_unsigned()) return Wrong(name, "a whole number");
  return json->get<uint64_t>();
}

absl::StatusOr<bool> BoolFromJson(const Json& object, const std::string& name) {
  const Json* json = Find(object, name);
  if (json == nullptr || !json->is_boolean()) return Wrong(name, "true or false");
  return json->get<bool>();
}

absl::StatusOr<const Json*> ArrayFromJson(const Json& object, const std::string& name) {
  const Json* json = Find(object, name);
  if (json == nullptr || !json->is_array()) return Wrong(name, "a list");
  return json;
}

absl::StatusOr<std::vector<std::string>> TextsFromJson(const Json& object,
                                                       const std::string& name) {
  ASSIGN_OR_RETURN(const Json* list, ArrayFromJson(object, name));
  std::vector<std::string> texts;
  for (const Json& text : *list) {
    ASSIGN_OR_RETURN(texts.emplace_back(), TextFromJson(&text, absl::StrCat(name, "[]")));
  }
  return texts;
}

// null for plain numbers.
Json FormToJson(const NumberForm& form) {
  if (form.plain()) return nullptr;
  return {{"decimal", std::string(1, form.decimal)},
          {"currency", TextToJson(form.currency)},
          {"unit", TextToJson(form.unit)},
          {"grouped", form.grouped},
          {"mixed", form.mixed}};
}

absl::StatusOr<NumberForm> FormFromJson(const Json* json) {
  NumberForm form;
  if (json == nullptr) return Wrong("form", "null or an object");
  if (json->is_null()) return form;
  ASSIGN_OR_RETURN(const std::string decimal, TextFromJson(Find(*json, "decimal"), "decimal"));
  if (decimal != "." && decimal != ",") return Wrong("decimal", "'.' or ','");
  form.decimal = decimal[0];
  ASSIGN_OR_RETURN(form.currency, TextFromJson(Find(*json, "currency"), "currency"));
  ASSIGN_OR_RETURN(form.unit, TextFromJson(Find(*json, "unit"), "unit"));
  ASSIGN_OR_RETURN(form.grouped, BoolFromJson(*json, "grouped"));
  ASSIGN_OR_RETURN(form.mixed, BoolFromJson(*json, "mixed"));
  return form;
}

Json PriorToJson(const Prior& prior) {
  return {{"positive_rate", prior.positive_rate},
          {"negative_weight", prior.weights[0]},
          {"positive_weight", prior.weights[1]},
          {"corrected", prior.corrected}};
}

absl::StatusOr<Prior> PriorFromJson(const Json& encoding) {
  const Json* json = Find(encoding, "prior");
  if (json == nullptr) return Wrong("prior", "an object");
  Prior prior;
  ASSIGN_OR_RETURN(prior.positive_rate, NumberFromJson(*json, "positive_rate"));
  ASSIGN_OR_RETURN(prior.weights[0], NumberFromJson(*json, "negative_weight"));
  ASSIGN_OR_RETURN(prior.weights[1], NumberFromJson(*json, "positive_weight"));
  ASSIGN_OR_RETURN(prior.corrected, BoolFromJson(*json, "corrected"));
  if (prior.positive_rate <= 0.0 || prior.positive_rate >= 1.0) {
    return Wrong("positive_rate", "a number between 0 and 1");
  }
  if (std::min(prior.weights[0], prior.weights[1]) <= 0.0) {
    return Wrong("negative_weight or positive_weight", "a number > 0");
  }
  return prior;
}

absl::StatusOr<std::vector<uint64_t>> WholesFromJson(const Json& object, const std::string& name) {
  ASSIGN_OR_RETURN(const Json* list, ArrayFromJson(object, name));
  std::vector<uint64_t> wholes;
  for (const Json& whole : *list) {
    if (!whole.is_number_unsigned()) return Wrong(name, "a list of whole numbers");
    wholes.push_back(whole.get<uint64_t>());
  }
  return wholes;
}

absl::StatusOr<NumericEncoding> NumericFromJson(const Json& json) {
  NumericEncoding column;
  ASSIGN_OR_RETURN(column.name, TextFromJson(Find(json, "name"), "numeric[].name"));
  ASSIGN_OR_RETURN(column.median, NumberFromJson(json, "median"));
  ASSIGN_OR_RETURN(column.signed_log, BoolFromJson(json, "signed_log"));
  ASSIGN_OR_RETURN(column.mean, NumberFromJson(json, "mean"));
  ASSIGN_OR_RETURN(column.deviation, NumberFromJson(json, "deviation"));
  ASSIGN_OR_RETURN(column.indicator, BoolFromJson(json, "indicator"));
  ASSIGN_OR_RETURN(column.form, FormFromJson(Find(json, "form")));
  ASSIGN_OR_RETURN(column.missing, TextsFromJson(json, "missing"));
  ASSIGN_OR_RETURN(column.low, NumberFromJson(json, "low"));
  ASSIGN_OR_RETURN(column.high, NumberFromJson(json, "high"));
  if (column.deviation < 0.0) return Wrong("deviation", "a number >= 0");
  return column;
}

absl::StatusOr<CategoryEncoding> CategoryFromJson(const Json& json) {
  CategoryEncoding column;
  ASSIGN_OR_RETURN(column.name, TextFromJson(Find(json, "name"), "categories[].name"));
  ASSIGN_OR_RETURN(column.levels, TextsFromJson(json, "levels"));
  ASSIGN_OR_RETURN(column.missing, TextsFromJson(json, "missing"));
  ASSIGN_OR_RETURN(column.rows, WholesFromJson(json, "rows"));
  ASSIGN_OR_RETURN(column.rare, WholesFromJson(json, "rare"));
  if (column.rows.size() != kReservedLevels + column.levels.size()) {
    return Wrong("rows", "a number for each level");
  }
  if (!std::is_sorted(column.rare.begin(), column.rare.end())) return Wrong("rare", "in order");
  return column;
}

Json RangeToJson(const IndexRange& range) { return {range.first, range.last}; }

absl::StatusOr<IndexRange> RangeFromJson(const Json* json, const std::string& name) {
  const bool pair = json != nullptr && json->is_array() && json->size() == 2;
  if (!pair || !(*json)[0].is_number_unsigned() || !(*json)[1].is_number_unsigned()) {
    return Wrong(name, "two whole numbers");
  }
  return IndexRange{(*json)[0].get<uint64_t>(), (*json)[1].get<uint64_t>()};
}

Json RangesToJson(const std::vector<IndexRange>& ranges) {
  Json list = Json::array();
  for (const IndexRange& range : ranges) list.push_back(RangeToJson(range));
  return list;
}

absl::StatusOr<std::vector<IndexRange>> RangesFromJson(const Json& object,
                                                       const std::string& name) {
  ASSIGN_OR_RETURN(const Json* list, ArrayFromJson(object, name));
  std::vector<IndexRange> ranges;
  for (const Json& range : *list) {
    ASSIGN_OR_RETURN(ranges.emplace_back(), RangeFromJson(&range, absl::StrCat(name, "[]")));
  }
  return ranges;
}

Json ShapeToJson(const DatasetShape& shape) {
  return {{"numeric_columns", shape.numeric_columns},
          {"category_columns", shape.category_columns},
          {"levels", shape.levels},
          {"sparse_keys", shape.sparse_keys}};
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
  return json;
}

}  // namespace

std::string FormatEncoding(const Encoding& encoding) {
  Json json = {{"version", kEncodingVersion},
               {"format", encoding.format},
               {"label", TextToJson(encoding.label)},
               {"positive", TextsToJson(encoding.positive)},
               {"clip_sigma", encoding.clip_sigma},
               {"prior", PriorToJson(encoding.prior)},
               {"header", encoding.layout.header},
               {"skip_lines", encoding.layout.skip_lines},
               {"columns", encoding.columns},
               {"sparse_keys", encoding.sparse_keys},
               {"indices", RangeToJson(encoding.indices)},
               {"trained_indices", RangesToJson(encoding.trained_indices)},
               {"numeric", Json::array()},
               {"categories", Json::array()}};
  for (const NumericEncoding& column : encoding.numeric) {
    json["numeric"].push_back({{"name", TextToJson(column.name)},
                               {"median", column.median},
                               {"signed_log", column.signed_log},
                               {"mean", column.mean},
                               {"deviation", column.deviation},
                               {"indicator", column.indicator},
                               {"form", FormToJson(column.form)},
                               {"low", column.low},
                               {"high", column.high},
                               {"missing", TextsToJson(column.missing)}});
  }
  for (const CategoryEncoding& column : encoding.categories) {
    json["categories"].push_back({{"name", TextToJson(column.name)},
                                  {"levels", TextsToJson(column.levels)},
                                  {"missing", TextsToJson(column.missing)},
                                  {"rows", column.rows},
                                  {"rare", column.rare}});
  }
  return json.dump(kIndent) + "\n";
}

absl::StatusOr<Encoding> ParseEncoding(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return absl::InvalidArgumentError("it is not JSON");
  ASSIGN_OR_RETURN(const double version, NumberFromJson(json, "version"));
  if (version != kEncodingVersion) {
    return absl::InvalidArgumentError(
        absl::StrFormat("it has version %g, this program reads %d; train into a new folder",
                        version, kEncodingVersion));
  }
  Encoding encoding;
  ASSIGN_OR_RETURN(encoding.format, TextFromJson(Find(json, "format"), "format"));
  ASSIGN_OR_RETURN(encoding.label, TextFromJson(Find(json, "label"), "label"));
  ASSIGN_OR_RETURN(encoding.positive, TextsFromJson(json, "positive"));
  ASSIGN_OR_RETURN(encoding.clip_sigma, NumberFromJson(json, "clip_sigma"));
  if (encoding.clip_sigma <= 0.0) return Wrong("clip_sigma", "a number > 0");
  ASSIGN_OR_RETURN(encoding.layout.header, BoolFromJson(json, "header"));
  ASSIGN_OR_RETURN(encoding.layout.skip_lines, WholeFromJson(json, "skip_lines"));
  ASSIGN_OR_RETURN(encoding.columns, WholeFromJson(json, "columns"));
  ASSIGN_OR_RETURN(encoding.sparse_keys, WholeFromJson(json, "sparse_keys"));
  ASSIGN_OR_RETURN(encoding.indices, RangeFromJson(Find(json, "indices"), "indices"));
  ASSIGN_OR_RETURN(encoding.trained_indices, RangesFromJson(json, "trained_indices"));
  ASSIGN_OR_RETURN(encoding.prior, PriorFromJson(json));
  ASSIGN_OR_RETURN(const Json* numeric, ArrayFromJson(json, "numeric"));
  for (const Json& column : *numeric) {
    ASSIGN_OR_RETURN(encoding.numeric.emplace_back(), NumericFromJson(column));
  }
  ASSIGN_OR_RETURN(const Json* categories, ArrayFromJson(json, "categories"));
  for (const Json& column : *categories) {
    ASSIGN_OR_RETURN(encoding.categories.emplace_back(), CategoryFromJson(column));
  }
  return encoding;
}

absl::StatusOr<Encoding> LoadEncoding(const std::string& run_folder) {
  const std::string path = run_folder + "/data/encoding.json";
  ASSIGN_OR_RETURN(const std::string text, ReadSealedText(path));
  absl::StatusOr<Encoding> encoding = ParseEncoding(text);
  if (!encoding.ok()) return Annotate(encoding.status(), path);
  return encoding;
}

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
    json["positives"][name] = report.parts[i].positives;
  }
  json["split"] = {{"kind", report.split.kind},
                   {"seed", report.split.seed},
                   {"group", TextToJson(report.split.group)},
                   {"stratified", report.split.stratified}};
  json["labels"] = LabelsToJson(report.labels);
  json["shape"] = ShapeToJson(report.shape);
  json["columns"] = Json::array();
  for (const ColumnReport& column : report.columns) {
    json["columns"].push_back(ColumnToJson(column));
  }
  json["warnings"] = WarningsToJson(report.warnings);
  return json.dump(kIndent) + "\n";
}

std::string AsUtf8(const std::string& text) { return IsUtf8(text) ? text : Widen(text); }

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
  json["stray_label"] = Printable(inspection.stray_label);
  json["warnings"] = WarningsToJson(inspection.warnings);
  return json.dump(kIndent) + "\n";
}

}  // namespace rubato
