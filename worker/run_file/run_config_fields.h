// The keys of the run file, declared once: name, member, and what values are allowed.
//
// A visitor has Section(name, struct) and Field(name, member, rule). Reading TOML, writing TOML and
// JSON, the list of known keys and the comparison for a resume are such visitors, so a key added
// here is everywhere. Rules over one value stand here, rules over several in run_config_check.cc.
// A section may hold sections; keys come before them, as TOML wants them.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "common/base/limits.h"
#include "worker/run_file/run_config.h"

namespace rubato {

// Both ends allowed.
struct IntegerRange {
  int64_t low;
  int64_t high;
};
struct RealRange {
  double low;
  double high;
};
// At most kMaxQuantiles rising numbers above 0 and below 1.
struct Levels {};
struct OneOf {
  std::vector<std::string> words;
};
struct AnyText {};
// ${NAME} is expanded, and a relative path starts at the run file's folder.
struct FilePath {};
struct AnyColumns {};
// As on a command line: each begins with a dash.
struct Options {};
// One text, or a list of them.
struct AnyLabels {};
// Each "value" or "column=value".
struct MissingSpellings {};
struct YesNo {};
// true or false, or "auto".
struct AutoYesNo {};
// An integer >= 0, or "inf".
struct StalenessBound {};

// Ceilings are far above any sensible value: they turn a slip of the finger into a sentence
// instead of an allocation that fails later.
inline constexpr IntegerRange kSeed{0, std::numeric_limits<int64_t>::max()};
inline constexpr IntegerRange kRetention{1, 1 << 24};  // MiB: 16 TiB
inline constexpr int64_t kMaxStaleness = 1'000'000;    // iterations; beyond it say "inf"

template <class Visitor>
void VisitFields(FleetConfig& fleet, Visitor& visitor) {
  visitor.Field("servers", fleet.servers, IntegerRange{0, 256});
  visitor.Field("shards_per_server", fleet.shards_per_server, IntegerRange{1, 256});
  visitor.Field("workers", fleet.workers, IntegerRange{1, kMaxSeats});
  visitor.Field("transport", fleet.transport, OneOf{{"auto", "ipc", "tcp"}});
  visitor.Field("host", fleet.host, AnyText{});
  visitor.Field("interface", fleet.interface, AnyText{});
  visitor.Field("port", fleet.port, IntegerRange{0, 65535});
  visitor.Field("ports", fleet.ports, AnyText{});
  visitor.Field("encrypt", fleet.encrypt, YesNo{});
  visitor.Field("lease_seconds", fleet.lease_seconds, IntegerRange{1, 3600});
  visitor.Field("restarts", fleet.restarts, IntegerRange{0, 1'000'000});
}

template <class Visitor>
void VisitFields(LaunchConfig& launch, Visitor& visitor) {
  visitor.Field("kind", launch.kind, OneOf{{"local", "ssh", "slurm", "kubernetes"}});
  visitor.Field("hosts", launch.hosts, FilePath{});
  visitor.Field("supervisor_seconds", launch.supervisor_seconds, IntegerRange{1, 86400});
  visitor.Field("slurm", launch.slurm, Options{});
  visitor.Field("slurm_servers", launch.slurm_servers, Options{});
  visitor.Field("slurm_workers", launch.slurm_workers, Options{});
}

template <class Visitor>
void VisitFields(JoinConfig& join, Visitor& visitor) {
  visitor.Field("path", join.path, FilePath{});
  visitor.Field("key", join.key, AnyText{});
}

template <class Visitor>
void VisitFields(DataConfig& data, Visitor& visitor) {
  visitor.Field("shared", data.shared, YesNo{});
  visitor.Field("path", data.path, FilePath{});
  visitor.Field("test_path", data.test_path, FilePath{});
  visitor.Field("labels", data.labels, FilePath{});
  visitor.Field("test_labels", data.test_labels, FilePath{});
  visitor.Field("format", data.format, OneOf{{"csv", "libsvm", "idx", "series", "generated"}});
  visitor.Field("header", data.header, AutoYesNo{});
  visitor.Field("skip_lines", data.skip_lines, IntegerRange{0, 1'000'000});
  visitor.Field("label", data.label, AnyText{});
  visitor.Field("positive", data.positive, AnyLabels{});
  visitor.Field("negative", data.negative, AnyLabels{});
  visitor.Field("ignore", data.ignore, AnyLabels{});
  visitor.Field("drop", data.drop, AnyColumns{});
  visitor.Field("categorical", data.categorical, AnyColumns{});
  visitor.Field("numeric", data.numeric, AnyColumns{});
  visitor.Field("missing", data.missing, MissingSpellings{});
  visitor.Field("time", data.time, AnyText{});
  visitor.Field("rows", data.rows, IntegerRange{1000, 1'000'000'000});
  visitor.Field("seed", data.seed, kSeed);
  visitor.Field("rate", data.rate, RealRange{0.0, 0.99});
  visitor.Section("join", data.join);
}

template <class Visitor>
void VisitFields(SeriesConfig& series, Visitor& visitor) {
  visitor.Field("date", series.date, AnyText{});
  visitor.Field("prices", series.prices, AnyColumns{});
  visitor.Field("scale", series.scale, OneOf{{"", "ewma"}});
}

template <class Visitor>
void VisitFields(TargetConfig& target, Visitor& visitor) {
  visitor.Field("kind", target.kind, AnyText{});
  visitor.Field("offset", target.offset, AnyText{});
  visitor.Field("exposure", target.exposure, AnyText{});
  visitor.Field("weight", target.weight, AnyText{});
  visitor.Field("scale", target.scale, AnyText{});
  visitor.Field("cap", target.cap, RealRange{0.0, 1e30});
  visitor.Field("cap_exposure", target.cap_exposure, RealRange{0.0, 1e30});
  visitor.Field("power", target.power, RealRange{1.01, 1.99});
  visitor.Field("huber", target.huber, RealRange{0.0, 1e6});
  visitor.Field("quantiles", target.quantiles, Levels{});
  visitor.Field("expected_shortfall", target.expected_shortfall, YesNo{});
}

template <class Visitor>
void VisitFields(SplitConfig& split, Visitor& visitor) {
  visitor.Field("kind", split.kind, OneOf{{"hash", "time"}});
  visitor.Field("test_from", split.test_from, AnyText{});
  visitor.Field("seed", split.seed, kSeed);
  visitor.Field("group", split.group, AnyText{});
  visitor.Field("train_percent", split.train_percent, IntegerRange{1, 100});
  visitor.Field("validation_percent", split.validation_percent, IntegerRange{0, 99});
}

template <class Visitor>
void VisitFields(CleanseConfig& cleanse, Visitor& visitor) {
  visitor.Field("min_level_count", cleanse.min_level_count, IntegerRange{1, 1'000'000'000});
  visitor.Field("clip_sigma", cleanse.clip_sigma, RealRange{0.5, 1e6});
  visitor.Field("signed_log_skew", cleanse.signed_log_skew, RealRange{0.0, 1e6});
  visitor.Field("class_weights", cleanse.class_weights, YesNo{});
  visitor.Field("correct_prior", cleanse.correct_prior, YesNo{});
}

template <class Visitor>
void VisitFields(ModelConfig& model, Visitor& visitor) {
  visitor.Field("kind", model.kind, OneOf{{"linear", "mlp", "wide_deep", "deepfm"}});
  visitor.Field("hidden", model.hidden, IntegerRange{1, 65536});
  visitor.Field("embedding_dim", model.embedding_dim, IntegerRange{1, 4096});
}

template <class Visitor>
void VisitFields(OptimizerConfig& optimizer, Visitor& visitor) {
  visitor.Field("kind", optimizer.kind, OneOf{RuleNames()});
  for (const auto& number : kHyperparameters<double>) {
    visitor.Field(number.name, optimizer.*number.member, RealRange{0.0, number.high});
  }
}

template <class Visitor>
void VisitFields(TrainConfig& train, Visitor& visitor) {
  visitor.Field("staleness", train.staleness, StalenessBound{});
  visitor.Field("epochs", train.epochs, IntegerRange{0, 1'000'000});
  visitor.Field("batch", train.batch, IntegerRange{0, kMaxBatchRows});
  visitor.Field("seed", train.seed, kSeed);
  visitor.Field("best_epoch", train.best_epoch, YesNo{});
  visitor.Field("deterministic", train.deterministic, YesNo{});
  visitor.Field("cache", train.cache, YesNo{});
  visitor.Field("prefetch", train.prefetch, IntegerRange{0, 64});
  visitor.Field("clip_norm", train.clip_norm, RealRange{0.0, 1e30});
  visitor.Field("strikes", train.strikes, IntegerRange{0, 1'000'000});
  visitor.Field("rollback_above", train.rollback_above, RealRange{0.0, 1e30});
  visitor.Field("rollback_rate", train.rollback_rate, RealRange{0.01, 1.0});
  visitor.Field("push_codec", train.push_codec, OneOf{{"f32", "bf16"}});
  visitor.Field("precision", train.precision, OneOf{{"f32", "tf32", "bf16"}});
}

template <class Visitor>
void VisitFields(SnapshotConfig& snapshot, Visitor& visitor) {
  visitor.Field("every_clocks", snapshot.every_clocks, IntegerRange{0, 1'000'000'000});
  visitor.Field("keep", snapshot.keep, IntegerRange{1, 1000});
  visitor.Field("retention_soft_mib", snapshot.retention_soft_mib, kRetention);
  visitor.Field("retention_hard_mib", snapshot.retention_hard_mib, kRetention);
}

template <class Visitor>
void VisitFields(RunConfig& config, Visitor& visitor) {
  visitor.Field("device", config.device, AnyText{});
  visitor.Section("fleet", config.fleet);
  visitor.Section("launch", config.launch);
  visitor.Section("data", config.data);
  visitor.Section("series", config.series);
  visitor.Section("target", config.target);
  visitor.Section("split", config.split);
  visitor.Section("cleanse", config.cleanse);
  visitor.Section("model", config.model);
  visitor.Section("optimizer", config.optimizer);
  visitor.Section("train", config.train);
  visitor.Section("snapshot", config.snapshot);
}

// Visits section `name` on behalf of a visitor that names keys in full: `prefix`, what stands
// before the keys it is at, is "section." or "section.section." meanwhile.
template <class Struct, class Visitor>
void VisitSection(const char* name, Struct& fields, std::string* prefix, Visitor& visitor) {
  const std::string outer = *prefix;
  absl::StrAppend(prefix, name, ".");
  VisitFields(fields, visitor);
  *prefix = outer;
}

// A visitor: what the keys are called, sections and full keys.
class KeyCollector {
 public:
  template <class Struct>
  void Section(const char* name, Struct& fields) {
    sections_.push_back(prefix_ + name);
    VisitSection(name, fields, &prefix_, *this);
  }
  template <class T, class Rule>
  void Field(const char* name, const T&, const Rule&) {
    keys_.push_back(prefix_ + name);
  }
  const std::vector<std::string>& sections() const { return sections_; }
  const std::vector<std::string>& keys() const { return keys_; }

 private:
  std::string prefix_;
  std::vector<std::string> sections_;
  std::vector<std::string> keys_;
};

}  // namespace rubato
