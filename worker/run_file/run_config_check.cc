#include "worker/run_file/run_config_check.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "common/base/json_text.h"
#include "common/base/limits.h"
#include "common/base/status.h"
#include "common/base/system_error.h"
#include "worker/run_file/data_check.h"
#include "worker/run_file/device_name.h"
#include "worker/run_file/fleet_check.h"

namespace rubato {
namespace {

constexpr size_t kMaxHiddenLayers = 256;  // two tables each: far below what a job may have

// Views name all snapshots that are kept (common/wire/wire.h).
constexpr int64_t kMaxBestEpochs = 10'000;

// Whether the machine has such a device is found out where it is used.
absl::Status CheckDevice(const RunConfig& config, const KeyLocator& locate) {
  const absl::StatusOr<DeviceName> device = ParseDeviceName(config.device);
  if (!device.ok()) return Annotate(device.status(), locate("device"));
  const bool cpu = device->kind == DeviceKind::kCpu;
  if (cpu && config.train.precision != "f32") {
    return BadKey(locate("train.precision"),
                  absl::StrFormat("train.precision = \"%s\" needs a GPU; use \"f32\", or device = "
                                  "\"cuda\"",
                                  config.train.precision));
  }
  if (cpu && config.fleet.servers == 0) {
    return BadKey(
        locate("fleet.servers"),
        "fleet.servers = 0 keeps the weights on a GPU; use device = \"cuda\", or one server "
        "at least");
  }
  return absl::OkStatus();
}

// Without servers one worker trains alone: nothing is shared and nothing is committed.
absl::Status CheckLocal(const RunConfig& config, const KeyLocator& locate) {
  if (config.fleet.servers > 0) return absl::OkStatus();
  if (config.fleet.workers != 1) {
    return BadKey(
        locate("fleet.workers"),
        absl::StrFormat("fleet.servers = 0 trains in one process; use fleet.workers = 1, not "
                        "%d",
                        config.fleet.workers));
  }
  if (config.train.best_epoch) {
    return BadKey(
        locate("train.best_epoch"),
        "train.best_epoch needs snapshots, and fleet.servers = 0 has none; leave one out");
  }
  if (config.train.clip_norm != 0.0) {
    return BadKey(locate("train.clip_norm"),
                  "fleet.servers = 0 steps on the GPU without clipping; leave train.clip_norm out");
  }
  if (config.train.strikes != 0) {
    return BadKey(locate("train.strikes"),
                  "fleet.servers = 0 has no other workers to go on without one; leave "
                  "train.strikes out");
  }
  if (config.snapshot.every_clocks != 0) {
    return BadKey(locate("snapshot.every_clocks"),
                  "fleet.servers = 0 has no snapshots; leave snapshot.every_clocks out");
  }
  return absl::OkStatus();
}

absl::Status CheckLaunch(const LaunchConfig& launch, const KeyLocator& locate) {
  if (launch.kind == "ssh" && launch.hosts.empty()) {
    return BadKey(locate("launch.kind"),
                  "launch.kind = \"ssh\" needs launch.hosts, the file that names the hosts");
  }
  // Each becomes a line of a script: what ends one would begin another.
  for (const auto& [key, options] : {std::pair("launch.slurm", &launch.slurm),
                                     std::pair("launch.slurm_servers", &launch.slurm_servers),
                                     std::pair("launch.slurm_workers", &launch.slurm_workers)}) {
    for (const std::string& option : *options) {
      if (absl::StartsWith(option, "-") && option.find('\n') == std::string::npos) continue;
      return BadKey(locate(key), absl::StrFormat("%s: %s is no option of sbatch; write one as on "
                                                 "its command line, as in \"--partition=main\"",
                                                 key, QuotedText(option)));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSplitPercents(const RunConfig& config, const KeyLocator& locate) {
  const SplitConfig& split = config.split;
  const int64_t used = split.train_percent + split.validation_percent;
  const int64_t most = config.data.test_path.empty() ? 99 : 100;
  if (used > most) {
    return BadKey(
        locate("split.train_percent"),
        absl::StrFormat("split.train_percent + split.validation_percent is %d, which leaves "
                        "no rows to test on; together they may be %d at most",
                        used, most));
  }
  if (config.train.best_epoch && split.validation_percent == 0) {
    return BadKey(
        locate("train.best_epoch"),
        "train.best_epoch = true chooses by validation rows, and split.validation_percent "
        "is 0; raise it, or set train.best_epoch = false");
  }
  return absl::OkStatus();
}

absl::Status CheckModel(const RunConfig& config, const KeyLocator& locate) {
  if (config.model.kind != "linear" && config.model.hidden.empty()) {
    return BadKey(locate("model.hidden"),
                  "model.hidden is empty; give the widths of the hidden layers, as in [64, 32], or "
                  "use model.kind = \"linear\"");
  }
  if (config.model.hidden.size() > kMaxHiddenLayers) {
    return BadKey(locate("model.hidden"),
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
    return BadKey(locate(key),
                  absl::StrFormat("%s is read by optimizer.kind = %s only, and the kind is \"%s\"; "
                                  "leave %s out, or change the kind",
                                  key, absl::StrJoin(readers, " or "), rule.name, number.name));
  }
  return absl::OkStatus();
}

absl::Status CheckDeterministic(const RunConfig& config, const KeyLocator& locate) {
  if (!config.train.deterministic) return absl::OkStatus();
  if (config.train.strikes != 0) {
    return BadKey(locate("train.strikes"),
                  "train.deterministic = true promises the same bits whatever dies, and when a "
                  "worker has made its strikes depends on that; leave train.strikes out");
  }
  if (config.train.staleness == Staleness(0)) return absl::OkStatus();
  return BadKey(locate("train.deterministic"),
                "train.deterministic = true promises the same bits from every run, which only "
                "steps in one order give; use train.staleness = 0, or leave it out");
}

absl::Status CheckSnapshots(const RunConfig& config, const KeyLocator& locate) {
  const SnapshotConfig& snapshot = config.snapshot;
  if (snapshot.retention_hard_mib < snapshot.retention_soft_mib) {
    return BadKey(locate("snapshot.retention_hard_mib"),
                  absl::StrFormat("snapshot.retention_hard_mib = %d is less than "
                                  "snapshot.retention_soft_mib = %d; raise it, or lower the other",
                                  snapshot.retention_hard_mib, snapshot.retention_soft_mib));
  }
  if (config.train.best_epoch && config.train.epochs > kMaxBestEpochs) {
    return BadKey(
        locate("train.epochs"),
        absl::StrFormat("train.epochs = %d, and train.best_epoch keeps a snapshot of each "
                        "epoch, %d at most; ask for fewer, or set train.best_epoch = false",
                        config.train.epochs, kMaxBestEpochs));
  }
  return absl::OkStatus();
}

absl::Status CheckRollback(const TrainConfig& train, const KeyLocator& locate) {
  if (train.rollback_above == 0.0) return absl::OkStatus();
  if (train.rollback_above <= 1.0) {
    return BadKey(locate("train.rollback_above"),
                  absl::StrFormat("train.rollback_above = %g: each epoch that is not the best so "
                                  "far would be one too many; give a number above 1, as 2.0",
                                  train.rollback_above));
  }
  if (train.best_epoch) return absl::OkStatus();
  return BadKey(locate("train.rollback_above"),
                "train.rollback_above goes back to the best epoch, and train.best_epoch = false "
                "keeps none; leave one out");
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
  RETURN_IF_ERROR(CheckLaunch(config.launch, locate));
  RETURN_IF_ERROR(CheckData(config, locate));
  RETURN_IF_ERROR(CheckSplitPercents(config, locate));
  RETURN_IF_ERROR(CheckDeterministic(config, locate));
  RETURN_IF_ERROR(CheckRollback(config.train, locate));
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
