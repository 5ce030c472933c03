#include "worker/run_file/run_config_check.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <system_error>

#include "absl/algorithm/container.h"
#include "absl/strings/str_join.h"
#include "common/base/json_text.h"
#include "common/base/limits.h"
#include "common/base/status.h"
#include "common/base/system_error.h"
#include "worker/run_file/device_name.h"

namespace rubato {
namespace {

constexpr size_t kMaxHiddenLayers = 256;  // two tables each: far below what a job may have

// Views name all snapshots that are kept (common/wire/wire.h).
constexpr int64_t kMaxBestEpochs = 10'000;

absl::Status Bad(const std::string& where, const std::string& sentence) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", sentence));
}

// Whether the machine has such a device is found out where it is used.
absl::Status CheckDevice(const RunConfig& config, const KeyLocator& locate) {
  const absl::StatusOr<DeviceName> device = ParseDeviceName(config.device);
  if (!device.ok()) return Annotate(device.status(), locate("device"));
  const bool cpu = device->kind == DeviceKind::kCpu;
  if (cpu && config.train.precision != "f32") {
    return Bad(locate("train.precision"),
               absl::StrFormat("train.precision = \"%s\" needs a GPU; use \"f32\", or device = "
                               "\"cuda\"",
                               config.train.precision));
  }
  if (cpu && config.fleet.servers == 0) {
    return Bad(locate("fleet.servers"),
               "fleet.servers = 0 keeps the weights on a GPU; use device = \"cuda\", or one server "
               "at least");
  }
  return absl::OkStatus();
}

// Without servers one worker trains alone: nothing is shared and nothing is committed.
absl::Status CheckLocal(const RunConfig& config, const KeyLocator& locate) {
  if (config.fleet.servers > 0) return absl::OkStatus();
  if (config.fleet.workers != 1) {
    return Bad(
        locate("fleet.workers"),
        absl::StrFormat("fleet.servers = 0 trains in one process; use fleet.workers = 1, not "
                        "%d",
                        config.fleet.workers));
  }
  if (config.train.best_epoch) {
    return Bad(locate("train.best_epoch"),
               "train.best_epoch needs snapshots, and fleet.servers = 0 has none; leave one out");
  }
  if (config.snapshot.every_clocks != 0) {
    return Bad(locate("snapshot.every_clocks"),
               "fleet.servers = 0 has no snapshots; leave snapshot.every_clocks out");
  }
  return absl::OkStatus();
}

absl::Status CheckFleet(const FleetConfig& fleet, const KeyLocator& locate) {
  if (fleet.host != "127.0.0.1" && fleet.host != "localhost") {
    return Bad(locate("fleet.host"),
               absl::StrFormat("fleet.host '%s' is not a loopback address, and this version has no "
                               "encryption; use fleet.host = \"127.0.0.1\"",
                               fleet.host));
  }
  if (fleet.servers * fleet.shards_per_server > static_cast<int64_t>(kMaxPlaces)) {
    return Bad(locate("fleet.shards_per_server"),
               absl::StrFormat("fleet.servers = %d of fleet.shards_per_server = %d are %d shards; "
                               "%d is the most",
                               fleet.servers, fleet.shards_per_server,
                               fleet.servers * fleet.shards_per_server, kMaxPlaces));
  }
  if (fleet.port != 0 && fleet.transport == "ipc") {
    return Bad(locate("fleet.port"),
               "fleet.port has no meaning with fleet.transport = \"ipc\"; use \"tcp\", or leave "
               "the port out");
  }
  return absl::OkStatus();
}

absl::Status CheckDataSource(const DataConfig& data, const KeyLocator& locate) {
  if (data.format == "generated") {
    const char* given = !data.path.empty()        ? "data.path"
                        : !data.test_path.empty() ? "data.test_path"
                                                  : nullptr;
    if (given == nullptr) return absl::OkStatus();
    return Bad(locate(given), absl::StrFormat("%s has no meaning with data.format = \"generated\"; "
                                              "leave it out",
                                              given));
  }
  if (data.path.empty()) {
    return Bad(locate("data.path"),
               "data.path is missing; name the file to train on, or use data.format = "
               "\"generated\"");
  }
  return absl::OkStatus();
}

// LIBSVM rows carry their label and have numbered features: what names columns is refused.
absl::Status CheckLibsvm(const DataConfig& data, const KeyLocator& locate) {
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
  return Bad(locate(given),
             absl::StrFormat("%s is about the columns of a CSV file, and LIBSVM rows "
                             "have none; leave it out, or use data.format = \"csv\"",
                             given));
}

absl::Status CheckJoin(const DataConfig& data, const KeyLocator& locate) {
  const JoinConfig& join = data.join;
  if (join == JoinConfig()) return absl::OkStatus();
  const char* const given = join.path.empty() ? "data.join.key" : "data.join.path";
  if (data.format != "csv" || data.header == HeaderLine::kNo) {
    return Bad(
        locate(given),
        absl::StrFormat("%s joins CSV files by the name of a column, and %s has none; leave "
                        "data.join out, or use CSV files with names of columns",
                        given,
                        data.format != "csv" ? absl::StrFormat("data.format = \"%s\"", data.format)
                                             : "a file with data.header = false"));
  }
  if (join.path.empty() || join.key.empty()) {
    const char* const lacking = join.path.empty() ? "data.join.path" : "data.join.key";
    return Bad(locate(given),
               absl::StrFormat("%s needs %s beside it, as in data.join = { path = "
                               "\"policies.csv\", key = \"policy\" }; give both, or none",
                               given, lacking));
  }
  if (join.key != data.label) return absl::OkStatus();
  return Bad(locate("data.join.key"),
             absl::StrFormat("data.join.key and data.label both name column '%s'; a row to "
                             "be predicted is found by what is known of it, so name another",
                             join.key));
}

absl::Status CheckColumns(const DataConfig& data, const KeyLocator& locate) {
  if (data.format == "csv" && data.label.empty()) {
    return Bad(locate("data.label"),
               "data.label is missing; name the column to predict, as in label = \"default\"");
  }
  const auto clash = [&](const char* key, const std::string& column, const char* other) {
    return Bad(locate(key),
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
        std::pair("target.weight", target.weight)}) {
    if (column.empty()) continue;
    if (config.data.format != "csv") {
      return Bad(locate(key),
                 absl::StrFormat("%s names a column, and data.format = \"%s\" has none to name; "
                                 "leave it out, or use data.format = \"csv\"",
                                 key, config.data.format));
    }
    for (const auto& [other, taken] : others) {
      if (column != taken) continue;
      return Bad(locate(key),
                 absl::StrFormat("%s and %s both name column '%s'; keep one", key, other, column));
    }
    others.emplace_back(key, column);
  }
  return absl::OkStatus();
}

absl::Status CheckExposure(const TargetConfig& target, const KeyLocator& locate) {
  if (!target.offset.empty() && !target.exposure.empty()) {
    return Bad(locate("target.exposure"),
               "target.exposure and target.offset are both added to the margin, the first as its "
               "logarithm; keep one");
  }
  if (target.cap_exposure > 0.0 && target.exposure.empty()) {
    return Bad(locate("target.cap_exposure"),
               "target.cap_exposure is read beside target.exposure only; name that column, or "
               "leave it out");
  }
  return absl::OkStatus();
}

absl::Status CheckSplitKind(const RunConfig& config, const KeyLocator& locate) {
  if (config.split.kind == "time" && config.data.time.empty()) {
    return Bad(locate("split.kind"),
               "split.kind = \"time\" needs data.time, the column that orders the rows; name it, "
               "or use split.kind = \"hash\"");
  }
  if (config.split.kind == "hash" && !config.data.time.empty()) {
    return Bad(locate("data.time"),
               "data.time is read by split.kind = \"time\" only; set that, or leave data.time out");
  }
  return absl::OkStatus();
}

absl::Status CheckSplitGroup(const RunConfig& config, const KeyLocator& locate) {
  const SplitConfig& split = config.split;
  if (split.kind == "time" && split.seed != 0) {
    return Bad(locate("split.seed"),
               "split.seed is read by split.kind = \"hash\" only; leave it out, or use that kind");
  }
  if (split.group.empty()) return absl::OkStatus();
  if (split.kind == "time") {
    return Bad(locate("split.group"),
               "split.group is read by split.kind = \"hash\" only, as rows of a group are of many "
               "times; leave it out, or use that kind");
  }
  if (config.data.format == "libsvm" && split.group != "qid") {
    return Bad(locate("split.group"),
               "split.group names a column, and LIBSVM rows have but a qid; use split.group = "
               "\"qid\", or leave it out");
  }
  if (config.data.format == "csv" && split.group == config.data.label) {
    return Bad(
        locate("split.group"),
        absl::StrFormat("split.group and data.label both name column '%s'; keep one", split.group));
  }
  return absl::OkStatus();
}

absl::Status CheckSplitPercents(const RunConfig& config, const KeyLocator& locate) {
  const SplitConfig& split = config.split;
  const int64_t used = split.train_percent + split.validation_percent;
  const int64_t most = config.data.test_path.empty() ? 99 : 100;
  if (used > most) {
    return Bad(locate("split.train_percent"),
               absl::StrFormat("split.train_percent + split.validation_percent is %d, which leaves "
                               "no rows to test on; together they may be %d at most",
                               used, most));
  }
  if (config.train.best_epoch && split.validation_percent == 0) {
    return Bad(locate("train.best_epoch"),
               "train.best_epoch = true chooses by validation rows, and split.validation_percent "
               "is 0; raise it, or set train.best_epoch = false");
  }
  return absl::OkStatus();
}

absl::Status CheckModel(const RunConfig& config, const KeyLocator& locate) {
  if (config.model.kind != "linear" && config.model.hidden.empty()) {
    return Bad(locate("model.hidden"),
               "model.hidden is empty; give the widths of the hidden layers, as in [64, 32], or "
               "use model.kind = \"linear\"");
  }
  if (config.model.hidden.size() > kMaxHiddenLayers) {
    return Bad(locate("model.hidden"),
               absl::StrFormat("model.hidden has %d layers; %d is the most",
                               config.model.hidden.size(), kMaxHiddenLayers));
  }
  return absl::OkStatus();
}

// A number that the rule does not read is a slip: it would be passed over in silence.
absl::Status CheckOptimizer(const OptimizerConfig& optimizer, const KeyLocator& locate) {
  const UpdateRule& rule = *FindRule(optimizer.kind);
  for (size_t i = 0; i < kHyperparameters<double>.size(); ++i) {
    const auto& number = kHyperparameters<double>[i];
    const auto read = kHyperparameters<float>[i].member;
    const double value = optimizer.*number.member;
    const bool left_out =
        value == Hyperparameters<double>().*number.member || (number.fitted && value == 0.0);
    if (left_out || Reads(rule, read)) continue;
    std::vector<std::string> readers;
    for (const UpdateRule& other : kUpdateRules) {
      if (Reads(other, read)) readers.push_back(QuotedText(other.name));
    }
    const std::string key = absl::StrCat("optimizer.", number.name);
    return Bad(locate(key),
               absl::StrFormat("%s is read by optimizer.kind = %s only, and the kind is \"%s\"; "
                               "leave %s out, or change the kind",
                               key, absl::StrJoin(readers, " or "), rule.name, number.name));
  }
  return absl::OkStatus();
}

absl::Status CheckSnapshots(const RunConfig& config, const KeyLocator& locate) {
  const SnapshotConfig& snapshot = config.snapshot;
  if (snapshot.retention_hard_mib < snapshot.retention_soft_mib) {
    return Bad(locate("snapshot.retention_hard_mib"),
               absl::StrFormat("snapshot.retention_hard_mib = %d is less than "
                               "snapshot.retention_soft_mib = %d; raise it, or lower the other",
                               snapshot.retention_hard_mib, snapshot.retention_soft_mib));
  }
  if (config.train.best_epoch && config.train.epochs > kMaxBestEpochs) {
    return Bad(locate("train.epochs"),
               absl::StrFormat("train.epochs = %d, and train.best_epoch keeps a snapshot of each "
                               "epoch, %d at most; ask for fewer, or set train.best_epoch = false",
                               config.train.epochs, kMaxBestEpochs));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ExpandVariables(const std::string& text,
                                            const Environment& environment) {
  std::string expanded;
  size_t at = 0;
  for (size_t open; (open = text.find("${", at)) != std::string::npos;) {
    const size_t close = text.find('}', open);
    if (close == std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrFormat("'%s' has '${' without '}'; write ${NAME}", text));
    }
    const std::string name = text.substr(open + 2, close - open - 2);
    const auto value = environment(name);
    if (!value.has_value() || value->empty()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("'%s' needs the environment variable %s, which is not set; export it, "
                          "or write the path out",
                          text, name));
    }
    absl::StrAppend(&expanded, text.substr(at, open - at), *value);
    at = close + 1;
  }
  return absl::StrCat(expanded, text.substr(at));
}

}  // namespace

absl::Status CheckRunConfig(const RunConfig& config, const KeyLocator& locate) {
  RETURN_IF_ERROR(CheckDevice(config, locate));
  RETURN_IF_ERROR(CheckLocal(config, locate));
  RETURN_IF_ERROR(CheckFleet(config.fleet, locate));
  RETURN_IF_ERROR(CheckDataSource(config.data, locate));
  if (config.data.format == "libsvm") RETURN_IF_ERROR(CheckLibsvm(config.data, locate));
  RETURN_IF_ERROR(CheckJoin(config.data, locate));
  RETURN_IF_ERROR(CheckColumns(config.data, locate));
  RETURN_IF_ERROR(CheckTargetColumns(config, locate));
  RETURN_IF_ERROR(CheckExposure(config.target, locate));
  RETURN_IF_ERROR(CheckSplitKind(config, locate));
  RETURN_IF_ERROR(CheckSplitGroup(config, locate));
  RETURN_IF_ERROR(CheckSplitPercents(config, locate));
  RETURN_IF_ERROR(CheckSnapshots(config, locate));
  RETURN_IF_ERROR(CheckModel(config, locate));
  return CheckOptimizer(config.optimizer, locate);
}

absl::StatusOr<std::string> ResolvePath(const std::string& text, const std::string& run_file,
                                        const Environment& environment) {
  if (text.empty()) return text;
  ASSIGN_OR_RETURN(const std::string expanded, ExpandVariables(text, environment));
  // The resolved copy in the run folder is read again and must not expand a second time.
  if (expanded.find("${") != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "'%s' still holds '${' once expanded to '%s'; change that variable", text, expanded));
  }
  std::error_code failed;
  const auto base = std::filesystem::absolute(run_file, failed).parent_path();
  if (failed) {
    return FileError(failed.value(), "finding the folder of", run_file);
  }
  return (base / expanded).lexically_normal().string();
}

}  // namespace rubato
