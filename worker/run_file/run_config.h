// The one configuration of a run, as the run file (worker/run_file/run_file.h) says it. The keys,
// their types and their limits are declared once, in worker/run_file/run_config_fields.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/job/optimizer_spec.h"

namespace rubato {

struct FleetConfig {
  int64_t servers = 2;  // 0: one worker trains alone, with the weights on its GPU
  int64_t shards_per_server = 1;
  int64_t workers = 2;
  std::string transport = "auto";  // "auto" (ipc on one host), "ipc", "tcp"
  // Where scheduler and servers listen, and what others connect to: a host of the network, or the
  // interface whose address it is. Beyond loopback all of the fleet is encrypted, with keys.
  std::string host = "127.0.0.1";
  std::string interface = "";  // "": by the host
  int64_t port = 0;            // of the scheduler; 0: any free port
  std::string ports = "";  // "7000-7100", of servers, and of the scheduler without a port; "": any
  bool encrypt = false;    // with keys, also where no other host reaches it
  // Of which nothing is heard for so many seconds is taken for dead, and started again.
  int64_t lease_seconds = 10;
  // How often one process may be started again within ten minutes; 0: the run ends with the first
  // death.
  int64_t restarts = 10;
  friend bool operator==(const FleetConfig&, const FleetConfig&) = default;
};

// Who starts the processes of a fleet.
struct LaunchConfig {
  std::string kind = "local";  // "local", "ssh", "slurm", "kubernetes"
  // Of ssh: the file that names the hosts, and for how long they go on without the launcher.
  std::string hosts;
  int64_t supervisor_seconds = 60;
  // Of sbatch, each as on its command line: for the whole job, for what its servers get, and for
  // its workers.
  std::vector<std::string> slurm;
  std::vector<std::string> slurm_servers;
  std::vector<std::string> slurm_workers;
  friend bool operator==(const LaunchConfig&, const LaunchConfig&) = default;
};

// Whether the first line of a CSV file names its columns.
enum class HeaderLine : uint8_t {
  kAuto,  // it does; refused when it looks like a row
  kYes,
  kNo,
};

// A second CSV file whose columns the rows of the others get.
struct JoinConfig {
  std::string path;  // "": none
  std::string key;   // column of both whose equal values belong together
  friend bool operator==(const JoinConfig&, const JoinConfig&) = default;
};

struct DataConfig {
  bool shared = false;  // several hosts: they all see the run's folder, else each prepares its own
  std::string path;     // "" with format = "generated"
  std::string test_path;                  // "": the test rows come from the split
  std::string labels;                     // labels of the images of path (idx)
  std::string test_labels;                // of test_path
  std::string format = "csv";             // "csv", "libsvm", "idx", "series", "generated"
  HeaderLine header = HeaderLine::kAuto;  // "auto", true, false (csv): column_1, column_2, ...
  int64_t skip_lines = 0;                 // above the header: titles (csv)
  std::string label;                      // column name (csv)
  std::vector<std::string> positive;      // label values that count as 1; empty: "1", of two values
  std::vector<std::string> negative;      // those that count as 0; empty: the rest
  std::vector<std::string> ignore;        // those whose rows are left out
  std::vector<std::string> drop;          // columns left out
  std::vector<std::string> categorical;   // columns that are categories, whatever they look like
  std::vector<std::string> numeric;       // columns that are numbers, whatever they look like
  std::vector<std::string> missing;       // "-999", or "income=-999" in one column: a missing value
  std::string time;                       // column to split by (split.kind = "time")
  int64_t rows = 200000;                  // generated: how many rows
  int64_t seed = 1;                       // generated: seed of the loan book
  double rate = 0.0;                      // generated: share of defaults; 0: about 18 %
  JoinConfig join;                        // csv
  friend bool operator==(const DataConfig&, const DataConfig&) = default;
};

// Prices of which returns are learnt (data.format = "series").
struct SeriesConfig {
  std::string date = {};                 // column of the day
  std::vector<std::string> prices = {};  // columns; the first one's next return is the label
  std::string scale = {};                // "ewma": returns by their volatility; "": as they are
  friend bool operator==(const SeriesConfig&, const SeriesConfig&) = default;
};

inline constexpr size_t kMaxQuantiles = 16;

struct TargetConfig {
  std::string kind = "binary";    // worker/spec/target.h
  std::string offset;             // column whose number is added to a row's margin (csv)
  std::string exposure;           // column with how much of a thing a row is about (csv)
  std::string weight;             // column with what a row counts for (csv)
  std::string scale;              // column with the unit of a row's label (csv)
  double cap = 0.0;               // label that larger ones are taken for; 0: none
  double cap_exposure = 0.0;      // the same of exposures
  double power = 1.5;             // tweedie: of the mean, in the variance
  double huber = 0.0;             // real: deviations from which an error counts linearly; 0: never
  std::vector<double> quantiles;  // quantile: rising levels, each above 0 and below 1
  bool expected_shortfall = false;  // quantile: the mean of what lies below each, too
  friend bool operator==(const TargetConfig&, const TargetConfig&) = default;
};

struct SplitConfig {
  std::string kind = "hash";  // "hash" of the row index, or "time": oldest rows train
  std::string test_from;      // time: from which on rows test; "": by the percents
  int64_t seed = 0;           // hash: another one, other parts; 0 is the published rule
  std::string group;          // hash: column (libsvm: "qid") whose equal values stay in one part
  int64_t train_percent = 70;
  int64_t validation_percent = 15;
  friend bool operator==(const SplitConfig&, const SplitConfig&) = default;
};

struct CleanseConfig {
  int64_t min_level_count = 5;   // rarer levels (in training rows) become "other"
  double clip_sigma = 8.0;       // after standardising
  double signed_log_skew = 3.0;  // |skew| above it: sign(x) log(1 + |x|) first
  bool class_weights = false;    // weight classes so that each sums to half
  bool correct_prior = true;     // and take predictions back to the rate of the training rows
  friend bool operator==(const CleanseConfig&, const CleanseConfig&) = default;
};

struct ModelConfig {
  std::string kind = "linear";             // "linear", "mlp", "wide_deep", "deepfm"
  std::vector<int64_t> hidden = {64, 32};  // all but linear: widths of the hidden layers
  int64_t embedding_dim = 8;               // the same: floats per category level
  friend bool operator==(const ModelConfig&, const ModelConfig&) = default;
};

// In a run file the fitted hyperparameters (common/job/optimizer_spec.h) are 0 by default.
struct OptimizerConfig : Hyperparameters<double> {
  std::string kind = "adagrad";  // a name of kUpdateRules
  friend bool operator==(const OptimizerConfig&, const OptimizerConfig&) = default;
};

struct TrainConfig {
  Staleness staleness{4};
  int64_t epochs = 0;  // passes over the training rows; 0: by their number
  int64_t batch = 0;   // rows per worker and iteration; 0: by the number of training rows
  int64_t seed = 1;
  bool best_epoch = true;  // where there are validation rows and servers
  // Same weights, to the bit, whatever dies and for any number of shards; staleness 0 only.
  bool deterministic = false;
  // Reuse pulled rows for as long as the bound allows. Off: beside three batches ahead it saved
  // half the MLP's bytes at s = 8 for 0.0015 of AUC (taiwan_default, 8 pairs), a fifth for none at
  // s = 4 (7 pairs), and no time that stood out of the noise.
  bool cache = false;
  // Batches pulled ahead. Three against one, median speed of 11 to 17 pairs on a busy machine: 1.07
  // to 1.34 at s > 0, 1.04 at s = 0; single pairs 0.54 to 1.97, so measure again on an idle one.
  int64_t prefetch = 3;
  double clip_norm = 0.0;  // of an iteration's gradient, which is scaled down to it; 0: none
  int64_t strikes = 10;    // gradients that are no numbers, of a worker: its quarantine; 0: never
  // A validation loss beyond this many times the best one, or training that diverges, takes the run
  // back to its best epoch; 0: it goes on, or ends. Each time the learning rate becomes that part.
  double rollback_above = 0.0;
  double rollback_rate = 0.5;
  std::string push_codec = "f32";  // "f32", "bf16"
  std::string precision = "f32";   // of products on a GPU: "f32", "tf32", "bf16"
  friend bool operator==(const TrainConfig&, const TrainConfig&) = default;
};

struct SnapshotConfig {
  int64_t every_clocks = 0;  // 0: none is planned but at the end
  int64_t keep = 2;          // committed ones kept
  // MiB of pushes that a worker keeps for replay before it asks for a snapshot / drops the oldest.
  int64_t retention_soft_mib = 256;
  int64_t retention_hard_mib = 1024;
  friend bool operator==(const SnapshotConfig&, const SnapshotConfig&) = default;
};

struct RunConfig {
  FleetConfig fleet;
  LaunchConfig launch;
  DataConfig data;
  SeriesConfig series;
  TargetConfig target;
  SplitConfig split;
  CleanseConfig cleanse;
  ModelConfig model;
  OptimizerConfig optimizer;
  TrainConfig train;
  SnapshotConfig snapshot;
  std::string device = "cpu";  // worker/run_file/device_name.h
  friend bool operator==(const RunConfig&, const RunConfig&) = default;
};

}  // namespace rubato
