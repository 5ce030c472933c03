#include "worker/run_file/data_check.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "common/base/status.h"

namespace rubato {
namespace {

absl::Status CheckDataSource(const DataConfig& data, const KeyLocator& locate) {
  if (data.format == "generated") {
    const char* given = !data.path.empty()        ? "data.path"
                        : !data.test_path.empty() ? "data.test_path"
                                                  : nullptr;
    if (given == nullptr) return absl::OkStatus();
    return BadKey(locate(given),
                  absl::StrFormat("%s has no meaning with data.format = \"generated\"; "
                                  "leave it out",
                                  given));
  }
  if (data.path.empty()) {
    return BadKey(locate("data.path"),
                  "data.path is missing; name the file to train on, or use data.format = "
                  "\"generated\"");
  }
  return absl::OkStatus();
}

// Rows of LIBSVM carry their label and have numbered features, and the columns of images are made:
// what names columns is refused.
absl::Status CheckNoColumns(const DataConfig& data, const KeyLocator& locate) {
  const char* given = !data.label.empty()                ? "data.label"
                      : !data.drop.empty()               ? "data.drop"
                      : !data.categorical.empty()        ? "data.categorical"
                      : !data.numeric.empty()            ? "data.numeric"
                      : !data.missing.empty()            ? "data.missing"
                      : !data.time.empty()               ? "data.time"
                      : data.skip_lines > 0              ? "data.skip_lines"
                      : data.header != HeaderLine::kAuto ? "data.header"
                                                         : nullptr;
  if (given == nullptr) return absl::OkStatus();
  return BadKey(locate(given),
                absl::StrFormat("%s is about the columns of a CSV file, and %s have none; leave it "
                                "out, or use data.format = \"csv\"",
                                given, data.format == "idx" ? "images" : "LIBSVM rows"));
}

// The columns of a series are made, and called as they are made.
absl::Status CheckMadeColumns(const DataConfig& data, const KeyLocator& locate) {
  const char* given = !data.label.empty()         ? "data.label"
                      : !data.time.empty()        ? "data.time"
                      : !data.categorical.empty() ? "data.categorical"
                      : !data.numeric.empty()     ? "data.numeric"
                      : !data.missing.empty()     ? "data.missing"
                                                  : nullptr;
  if (given == nullptr) return absl::OkStatus();
  return BadKey(locate(given),
                absl::StrFormat("%s is about the columns of a CSV file, and those of a series are "
                                "made of [series]; leave it out, or use data.format = \"csv\"",
                                given));
}

absl::Status CheckSeries(const RunConfig& config, const KeyLocator& locate) {
  const SeriesConfig& series = config.series;
  const bool is_series = config.data.format == "series";
  if (!is_series && series != SeriesConfig()) {
    const char* const given = !series.date.empty()     ? "series.date"
                              : !series.prices.empty() ? "series.prices"
                                                       : "series.scale";
    return BadKey(locate(given),
                  absl::StrFormat("%s is about a price series, and data.format is \"%s\"; leave "
                                  "[series] out, or use data.format = \"series\"",
                                  given, config.data.format));
  }
  if (!is_series) return absl::OkStatus();
  if (series.date.empty() || series.prices.empty()) {
    const char* const lacking = series.date.empty() ? "series.date" : "series.prices";
    return BadKey(
        locate(lacking),
        absl::StrFormat("%s is missing; name the columns of the day and of the prices, as "
                        "in date = \"Date\" and prices = [\"Close\"]",
                        lacking));
  }
  for (auto price = series.prices.begin(); price != series.prices.end(); ++price) {
    const bool again = std::find(series.prices.begin(), price, *price) != price;
    if (!again && *price != series.date) continue;
    return BadKey(locate("series.prices"),
                  absl::StrFormat("series.prices names '%s'%s; name each column once", *price,
                                  again ? " twice" : ", which is series.date"));
  }
  return CheckMadeColumns(config.data, locate);
}

// An idx file of images has its labels in another file, and no other format has.
absl::Status CheckLabelFiles(const DataConfig& data, const KeyLocator& locate) {
  if (data.format != "idx") {
    const char* given = !data.labels.empty()        ? "data.labels"
                        : !data.test_labels.empty() ? "data.test_labels"
                                                    : nullptr;
    if (given == nullptr) return absl::OkStatus();
    return BadKey(locate(given),
                  absl::StrFormat("%s names the labels of images (data.format = \"idx\"), and the "
                                  "format is \"%s\"; leave it out, or change the format",
                                  given, data.format));
  }
  if (data.labels.empty()) {
    return BadKey(locate("data.labels"),
                  "data.labels is missing; name the idx file with the labels of the images");
  }
  if (data.test_path.empty() == data.test_labels.empty()) return absl::OkStatus();
  const bool images = !data.test_path.empty();
  return BadKey(
      locate(images ? "data.test_path" : "data.test_labels"),
      absl::StrFormat("%s stands without %s; give images and labels to test on, or neither",
                      images ? "data.test_path" : "data.test_labels",
                      images ? "data.test_labels" : "data.test_path"));
}

absl::Status CheckJoin(const DataConfig& data, const KeyLocator& locate) {
  const JoinConfig& join = data.join;
  if (join == JoinConfig()) return absl::OkStatus();
  const char* const given = join.path.empty() ? "data.join.key" : "data.join.path";
  if (data.format != "csv" || data.header == HeaderLine::kNo) {
    return BadKey(
        locate(given),
        absl::StrFormat("%s joins CSV files by the name of a column, and %s has none; leave "
                        "data.join out, or use CSV files with names of columns",
                        given,
                        data.format != "csv" ? absl::StrFormat("data.format = \"%s\"", data.format)
                                             : "a file with data.header = false"));
  }
  if (join.path.empty() || join.key.empty()) {
    const char* const lacking = join.path.empty() ? "data.join.path" : "data.join.key";
    return BadKey(locate(given),
                  absl::StrFormat("%s needs %s beside it, as in data.join = { path = "
                                  "\"policies.csv\", key = \"policy\" }; give both, or none",
                                  given, lacking));
  }
  if (join.key != data.label) return absl::OkStatus();
  return BadKey(locate("data.join.key"),
                absl::StrFormat("data.join.key and data.label both name column '%s'; a row to "
                                "be predicted is found by what is known of it, so name another",
                                join.key));
}

absl::Status CheckColumns(const DataConfig& data, const KeyLocator& locate) {
  if (data.format == "csv" && data.label.empty()) {
    return BadKey(locate("data.label"),
                  "data.label is missing; name the column to predict, as in label = \"default\"");
  }
  const auto clash = [&](const char* key, const std::string& column, const char* other) {
    return BadKey(locate(key),
                  absl::StrFormat("%s and %s both name column '%s'; keep one", key, other, column));
  };
  for (const std::string& column : data.drop) {
    if (column == data.label) return clash("data.drop", column, "data.label");
    if (column == data.time) return clash("data.drop", column, "data.time");
  }
  for (const std::string& column : data.categorical) {
    if (column == data.label) return clash("data.categorical", column, "data.label");
    if (absl::c_linear_search(data.drop, column))
      return clash("data.categorical", column, "data.drop");
    if (absl::c_linear_search(data.numeric, column))
      return clash("data.categorical", column, "data.numeric");
  }
  for (const std::string& column : data.numeric) {
    if (column == data.label) return clash("data.numeric", column, "data.label");
    if (absl::c_linear_search(data.drop, column)) return clash("data.numeric", column, "data.drop");
  }
  return absl::OkStatus();
}

// Columns that section [target] names.
absl::Status CheckTargetColumns(const RunConfig& config, const KeyLocator& locate) {
  const TargetConfig& target = config.target;
  std::vector<std::pair<const char*, std::string>> others = {{"data.label", config.data.label},
                                                             {"data.time", config.data.time}};
  for (const auto& [key, column] :
       {std::pair("target.offset", target.offset), std::pair("target.exposure", target.exposure),
        std::pair("target.weight", target.weight), std::pair("target.scale", target.scale)}) {
    if (column.empty()) continue;
    if (config.data.format != "csv") {
      return BadKey(locate(key),
                    absl::StrFormat("%s names a column, and data.format = \"%s\" has none to name; "
                                    "leave it out, or use data.format = \"csv\"",
                                    key, config.data.format));
    }
    for (const auto& [other, taken] : others) {
      if (column != taken) continue;
      return BadKey(locate(key), absl::StrFormat("%s and %s both name column '%s'; keep one", key,
                                                 other, column));
    }
    others.emplace_back(key, column);
  }
  return absl::OkStatus();
}

absl::Status CheckExposure(const TargetConfig& target, const KeyLocator& locate) {
  if (!target.offset.empty() && !target.exposure.empty()) {
    return BadKey(
        locate("target.exposure"),
        "target.exposure and target.offset are both added to the margin, the first as its "
        "logarithm; keep one");
  }
  if (target.cap_exposure > 0.0 && target.exposure.empty()) {
    return BadKey(locate("target.cap_exposure"),
                  "target.cap_exposure is read beside target.exposure only; name that column, or "
                  "leave it out");
  }
  return absl::OkStatus();
}

absl::Status CheckSeriesSplit(const SplitConfig& split, const KeyLocator& locate) {
  if (split.kind == "time") return absl::OkStatus();
  return BadKey(locate("split.kind"),
                "split.kind = \"hash\" would train on days between those of the test, whose "
                "features look back on the same returns; use \"time\", or leave it out");
}

absl::Status CheckTestFrom(const RunConfig& config, const KeyLocator& locate) {
  if (config.split.test_from.empty()) return absl::OkStatus();
  if (config.split.kind != "time") {
    return BadKey(locate("split.test_from"),
                  "split.test_from is read by split.kind = \"time\" only; use that kind, or leave "
                  "it out");
  }
  if (config.data.test_path.empty()) return absl::OkStatus();
  return BadKey(locate("split.test_from"),
                "split.test_from and data.test_path both say what to test on; keep one");
}

absl::Status CheckSplitKind(const RunConfig& config, const KeyLocator& locate) {
  RETURN_IF_ERROR(CheckTestFrom(config, locate));
  if (config.data.format == "series") return CheckSeriesSplit(config.split, locate);
  if (config.split.kind == "time" && config.data.time.empty()) {
    return BadKey(
        locate("split.kind"),
        "split.kind = \"time\" needs data.time, the column that orders the rows; name it, "
        "or use split.kind = \"hash\"");
  }
  if (config.split.kind == "hash" && !config.data.time.empty()) {
    return BadKey(
        locate("data.time"),
        "data.time is read by split.kind = \"time\" only; set that, or leave data.time out");
  }
  return absl::OkStatus();
}

absl::Status CheckSplitGroup(const RunConfig& config, const KeyLocator& locate) {
  const SplitConfig& split = config.split;
  if (split.kind == "time" && split.seed != 0) {
    return BadKey(
        locate("split.seed"),
        "split.seed is read by split.kind = \"hash\" only; leave it out, or use that kind");
  }
  if (split.group.empty()) return absl::OkStatus();
  if (split.kind == "time") {
    return BadKey(
        locate("split.group"),
        "split.group is read by split.kind = \"hash\" only, as rows of a group are of many "
        "times; leave it out, or use that kind");
  }
  if (config.data.format == "idx") {
    return BadKey(locate("split.group"),
                  "split.group names a column, and images have none to name; leave it out");
  }
  if (config.data.format == "libsvm" && split.group != "qid") {
    return BadKey(locate("split.group"),
                  "split.group names a column, and LIBSVM rows have but a qid; use split.group = "
                  "\"qid\", or leave it out");
  }
  if (config.data.format == "csv" && split.group == config.data.label) {
    return BadKey(
        locate("split.group"),
        absl::StrFormat("split.group and data.label both name column '%s'; keep one", split.group));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckData(const RunConfig& config, const KeyLocator& locate) {
  RETURN_IF_ERROR(CheckDataSource(config.data, locate));
  if (config.data.format == "libsvm" || config.data.format == "idx") {
    RETURN_IF_ERROR(CheckNoColumns(config.data, locate));
  }
  RETURN_IF_ERROR(CheckLabelFiles(config.data, locate));
  RETURN_IF_ERROR(CheckSeries(config, locate));
  RETURN_IF_ERROR(CheckJoin(config.data, locate));
  RETURN_IF_ERROR(CheckColumns(config.data, locate));
  RETURN_IF_ERROR(CheckTargetColumns(config, locate));
  RETURN_IF_ERROR(CheckExposure(config.target, locate));
  RETURN_IF_ERROR(CheckSplitKind(config, locate));
  return CheckSplitGroup(config, locate);
}

}  // namespace rubato
