#include "worker/data/encode/encoding_json.h"

#include <algorithm>
#include <utility>

#include "common/base/checksummed_text.h"
#include "common/base/status.h"
#include "worker/data/encode/json_fields.h"

namespace rubato {
namespace {

constexpr int kEncodingVersion = 12;

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
  if (json == nullptr) return WrongField("form", "null or an object");
  if (json->is_null()) return form;
  ASSIGN_OR_RETURN(const std::string decimal, TextFromJson(FindField(*json, "decimal"), "decimal"));
  if (decimal != "." && decimal != ",") return WrongField("decimal", "'.' or ','");
  form.decimal = decimal[0];
  ASSIGN_OR_RETURN(form.currency, TextFromJson(FindField(*json, "currency"), "currency"));
  ASSIGN_OR_RETURN(form.unit, TextFromJson(FindField(*json, "unit"), "unit"));
  ASSIGN_OR_RETURN(form.grouped, BoolFromJson(*json, "grouped"));
  ASSIGN_OR_RETURN(form.mixed, BoolFromJson(*json, "mixed"));
  return form;
}

Json OffsetToJson(const OffsetEncoding& offset) {
  return {{"column", TextToJson(offset.column)},
          {"missing", TextsToJson(offset.missing)},
          {"exposure", offset.exposure},
          {"cap", offset.cap}};
}

absl::StatusOr<OffsetEncoding> OffsetFromJson(const Json& encoding) {
  const Json* json = FindField(encoding, "offset");
  if (json == nullptr) return WrongField("offset", "an object");
  OffsetEncoding offset;
  ASSIGN_OR_RETURN(offset.column, TextFromJson(FindField(*json, "column"), "offset.column"));
  ASSIGN_OR_RETURN(offset.missing, TextsFromJson(*json, "missing"));
  ASSIGN_OR_RETURN(offset.exposure, BoolFromJson(*json, "exposure"));
  ASSIGN_OR_RETURN(offset.cap, NumberFromJson(*json, "cap"));
  return offset;
}

Json ScaleToJson(const ScaleEncoding& scale) {
  return {{"column", TextToJson(scale.column)}, {"missing", TextsToJson(scale.missing)}};
}

absl::StatusOr<ScaleEncoding> ScaleFromJson(const Json& encoding) {
  const Json* json = FindField(encoding, "scale");
  if (json == nullptr) return WrongField("scale", "an object");
  ScaleEncoding scale;
  ASSIGN_OR_RETURN(scale.column, TextFromJson(FindField(*json, "column"), "scale.column"));
  ASSIGN_OR_RETURN(scale.missing, TextsFromJson(*json, "missing"));
  return scale;
}

Json JoinToJson(const JoinEncoding& join) {
  return {{"path", TextToJson(join.source.path)},
          {"key", TextToJson(join.source.key)},
          {"columns", TextsToJson(join.columns)}};
}

absl::StatusOr<JoinEncoding> JoinFromJson(const Json& encoding) {
  const Json* json = FindField(encoding, "join");
  if (json == nullptr) return WrongField("join", "an object");
  JoinEncoding join;
  ASSIGN_OR_RETURN(join.source.path, TextFromJson(FindField(*json, "path"), "join.path"));
  ASSIGN_OR_RETURN(join.source.key, TextFromJson(FindField(*json, "key"), "join.key"));
  ASSIGN_OR_RETURN(join.columns, TextsFromJson(*json, "columns"));
  return join;
}

Json SeriesToJson(const SeriesConfig& series) {
  return {{"date", TextToJson(series.date)},
          {"prices", TextsToJson(series.prices)},
          {"scale", series.scale}};
}

absl::StatusOr<SeriesConfig> SeriesFromJson(const Json& encoding) {
  const Json* json = FindField(encoding, "series");
  if (json == nullptr) return WrongField("series", "an object");
  SeriesConfig series;
  ASSIGN_OR_RETURN(series.date, TextFromJson(FindField(*json, "date"), "series.date"));
  ASSIGN_OR_RETURN(series.prices, TextsFromJson(*json, "prices"));
  ASSIGN_OR_RETURN(series.scale, TextFromJson(FindField(*json, "scale"), "series.scale"));
  return series;
}

Json PriorToJson(const Prior& prior) {
  return {{"predictions", prior.predictions},
          {"base_margin", prior.base_margin},
          {"scale", prior.scale},
          {"shift", prior.shift}};
}

absl::StatusOr<Prior> PriorFromJson(const Json& encoding) {
  const Json* json = FindField(encoding, "prior");
  if (json == nullptr) return WrongField("prior", "an object");
  Prior prior;
  ASSIGN_OR_RETURN(prior.predictions, NumbersFromJson(*json, "predictions"));
  ASSIGN_OR_RETURN(prior.base_margin, NumberFromJson(*json, "base_margin"));
  ASSIGN_OR_RETURN(prior.scale, NumberFromJson(*json, "scale"));
  ASSIGN_OR_RETURN(prior.shift, NumberFromJson(*json, "shift"));
  return prior;
}

absl::StatusOr<NumericEncoding> NumericFromJson(const Json& json) {
  NumericEncoding column;
  ASSIGN_OR_RETURN(column.name, TextFromJson(FindField(json, "name"), "numeric[].name"));
  ASSIGN_OR_RETURN(column.median, NumberFromJson(json, "median"));
  ASSIGN_OR_RETURN(column.signed_log, BoolFromJson(json, "signed_log"));
  ASSIGN_OR_RETURN(column.mean, NumberFromJson(json, "mean"));
  ASSIGN_OR_RETURN(column.deviation, NumberFromJson(json, "deviation"));
  ASSIGN_OR_RETURN(column.indicator, BoolFromJson(json, "indicator"));
  ASSIGN_OR_RETURN(column.form, FormFromJson(FindField(json, "form")));
  ASSIGN_OR_RETURN(column.missing, TextsFromJson(json, "missing"));
  ASSIGN_OR_RETURN(column.low, NumberFromJson(json, "low"));
  ASSIGN_OR_RETURN(column.high, NumberFromJson(json, "high"));
  ASSIGN_OR_RETURN(column.edges, NumbersFromJson(json, "edges"));
  ASSIGN_OR_RETURN(column.rows, WholesFromJson(json, "rows"));
  if (!std::is_sorted(column.edges.begin(), column.edges.end())) {
    return WrongField("edges", "in order");
  }
  if (column.rows.size() != column.edges.size() + 2) {
    return WrongField("rows", "a number for each edge, and two");
  }
  if (column.deviation < 0.0) return WrongField("deviation", "a number >= 0");
  return column;
}

absl::StatusOr<CategoryEncoding> CategoryFromJson(const Json& json) {
  CategoryEncoding column;
  ASSIGN_OR_RETURN(column.name, TextFromJson(FindField(json, "name"), "categories[].name"));
  ASSIGN_OR_RETURN(column.levels, TextsFromJson(json, "levels"));
  ASSIGN_OR_RETURN(column.missing, TextsFromJson(json, "missing"));
  ASSIGN_OR_RETURN(column.rows, WholesFromJson(json, "rows"));
  ASSIGN_OR_RETURN(column.rare, WholesFromJson(json, "rare"));
  if (column.rows.size() != kReservedLevels + column.levels.size()) {
    return WrongField("rows", "a number for each level");
  }
  if (!std::is_sorted(column.rare.begin(), column.rare.end()))
    return WrongField("rare", "in order");
  return column;
}

Json RangeToJson(const IndexRange& range) { return {range.first, range.last}; }

absl::StatusOr<IndexRange> RangeFromJson(const Json* json, const std::string& name) {
  const bool pair = json != nullptr && json->is_array() && json->size() == 2;
  if (!pair || !(*json)[0].is_number_unsigned() || !(*json)[1].is_number_unsigned()) {
    return WrongField(name, "two whole numbers");
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

}  // namespace

std::string FormatEncoding(const Encoding& encoding) {
  Json json = {{"version", kEncodingVersion},
               {"format", encoding.format},
               {"item", encoding.item},
               {"series", SeriesToJson(encoding.series)},
               {"label", TextToJson(encoding.label)},
               {"positive", TextsToJson(encoding.positive)},
               {"classes", TextsToJson(encoding.classes)},
               {"offset", OffsetToJson(encoding.offset)},
               {"scale", ScaleToJson(encoding.scale)},
               {"join", JoinToJson(encoding.join)},
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
                               {"edges", column.edges},
                               {"rows", column.rows},
                               {"missing", TextsToJson(column.missing)}});
  }
  for (const CategoryEncoding& column : encoding.categories) {
    json["categories"].push_back({{"name", TextToJson(column.name)},
                                  {"levels", TextsToJson(column.levels)},
                                  {"missing", TextsToJson(column.missing)},
                                  {"rows", column.rows},
                                  {"rare", column.rare}});
  }
  return json.dump(kJsonIndent) + "\n";
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
  ASSIGN_OR_RETURN(encoding.format, TextFromJson(FindField(json, "format"), "format"));
  ASSIGN_OR_RETURN(encoding.item, TextFromJson(FindField(json, "item"), "item"));
  ASSIGN_OR_RETURN(encoding.series, SeriesFromJson(json));
  ASSIGN_OR_RETURN(encoding.label, TextFromJson(FindField(json, "label"), "label"));
  ASSIGN_OR_RETURN(encoding.positive, TextsFromJson(json, "positive"));
  ASSIGN_OR_RETURN(encoding.classes, TextsFromJson(json, "classes"));
  ASSIGN_OR_RETURN(encoding.offset, OffsetFromJson(json));
  ASSIGN_OR_RETURN(encoding.scale, ScaleFromJson(json));
  ASSIGN_OR_RETURN(encoding.join, JoinFromJson(json));
  ASSIGN_OR_RETURN(encoding.clip_sigma, NumberFromJson(json, "clip_sigma"));
  if (encoding.clip_sigma <= 0.0) return WrongField("clip_sigma", "a number > 0");
  ASSIGN_OR_RETURN(encoding.layout.header, BoolFromJson(json, "header"));
  ASSIGN_OR_RETURN(encoding.layout.skip_lines, WholeFromJson(json, "skip_lines"));
  ASSIGN_OR_RETURN(encoding.columns, WholeFromJson(json, "columns"));
  ASSIGN_OR_RETURN(encoding.sparse_keys, WholeFromJson(json, "sparse_keys"));
  ASSIGN_OR_RETURN(encoding.indices, RangeFromJson(FindField(json, "indices"), "indices"));
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
  ASSIGN_OR_RETURN(const std::string text, ReadChecksummedText(path));
  absl::StatusOr<Encoding> encoding = ParseEncoding(text);
  if (!encoding.ok()) return Annotate(encoding.status(), path);
  return encoding;
}

}  // namespace rubato
