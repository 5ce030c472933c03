// What the processes of a run tell of their work (of themselves:
// common/telemetry/process_events.h; predicting: common/telemetry/predict_events.h), one struct for
// each kind of event and one kind for each name: only "progress" and "done" say other things in
// other processes. This is the schema. A line of each stands in
// tests/common/telemetry/events.jsonl, which holds the launcher's reader
// (launch/rubato_cli/base/events.py) to the same names.
//
// A field without a value (std::optional) is left out of the line. Counts are since the process
// began, unless they say otherwise; an epoch is a pass over the training rows, counted from 0.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/env.h"
#include "common/base/ids.h"

namespace rubato {

// Any process ------------------------------------------------------------------------------------

// It goes on, but somebody should know.
struct WarningEvent {
  static constexpr char kEvent[] = "warning";
  std::string message;  // one sentence
  void Fields(auto&& field) const { field("message", message); }
};

// Why it ends; only EndedEvent comes after it.
struct ErrorEvent {
  static constexpr char kEvent[] = "error";
  std::string message;  // one sentence
  std::string code;     // of the Status: "UNAVAILABLE"
  void Fields(auto&& field) const {
    field("message", message);
    field("code", code);
  }
};

// Scheduler and servers: peers can connect.
struct ListeningEvent {
  static constexpr char kEvent[] = "listening";
  std::string address;  // of a server: that of its first shard
  void Fields(auto&& field) const { field("address", address); }
};

// Scheduler --------------------------------------------------------------------------------------

// The start of a run that is resumed.
struct ResumedEvent {
  static constexpr char kEvent[] = "resumed";
  Clock clock;  // of the snapshot that it begins with; 0: nothing was committed
  void Fields(auto&& field) const { field("clock", clock); }
};

// How far the run is, from time to time.
struct ViewEvent {
  static constexpr char kEvent[] = "view";
  Clock min_clock;                       // of the slowest worker
  Clock max_clock;                       // of the fastest
  Clock committed;                       // of the newest committed snapshot
  std::vector<SeatId> quarantined = {};  // whose workers train nothing any more
  void Fields(auto&& field) const {
    field("min_clock", min_clock);
    field("max_clock", max_clock);
    field("committed", committed);
    field("quarantined", quarantined);
  }
};

// A snapshot is committed; asked what is committed: the newest one that is whole.
struct CommittedEvent {
  static constexpr char kEvent[] = "committed";
  SnapshotNumber snapshot;  // its number; 0: nothing was ever committed
  Clock clock;              // what it holds: all iterations before this one
  void Fields(auto&& field) const {
    field("snapshot", snapshot);
    field("clock", clock);
  }
};

// Asked what is kept: one of the committed snapshots that are there, oldest first.
struct KeptEvent {
  static constexpr char kEvent[] = "kept";
  SnapshotNumber snapshot;  // as of CommittedEvent
  Clock clock;
  void Fields(auto&& field) const {
    field("snapshot", snapshot);
    field("clock", clock);
  }
};

// A worker's life is a member of the fleet and begins.
struct StartedEvent {
  static constexpr char kEvent[] = "started";
  SeatId seat;
  Life life;
  Clock clock;  // its first iteration
  void Fields(auto&& field) const {
    field("seat", seat);
    field("life", life);
    field("clock", clock);
  }
};

// A worker's life is put out of the fleet.
struct EvictedEvent {
  static constexpr char kEvent[] = "evicted";
  SeatId seat;
  Life life;
  Clock clock;            // its next iteration, as far as anybody knew
  bool replaced = false;  // by a process that came to its seat: it was gone already
  std::string why;
  void Fields(auto&& field) const {
    field("seat", seat);
    field("life", life);
    field("clock", clock);
    field("replaced", replaced);
    field("why", why);
  }
};

// A worker's iterations from `clock` on are empty: its gradients were no numbers too often.
struct QuarantinedEvent {
  static constexpr char kEvent[] = "quarantined";
  SeatId seat;
  Life life;
  Clock clock;
  std::string why;
  void Fields(auto&& field) const {
    field("seat", seat);
    field("life", life);
    field("clock", clock);
    field("why", why);
  }
};

// What the end of a worker's life has cost: its iterations from `begin` to `end` - 1 were applied
// by some shards only. Told again when they have become more. Where a run is resumed from a torn
// snapshot also those that no shard has.
struct TornEvent {
  static constexpr char kEvent[] = "torn";
  SeatId seat;
  Life life;
  Clock begin;
  Clock end;
  bool lost = false;  // they are more than a death alone can tear: a shard has died as well
  void Fields(auto&& field) const {
    field("seat", seat);
    field("life", life);
    field("begin", begin);
    field("end", end);
    field("lost", lost);
  }
};

// What the end of a worker's life may have cost: a shard that had its pushes has died as well, and
// nobody knows which of them it alone had acknowledged.
struct PossibleLossEvent {
  static constexpr char kEvent[] = "possible_loss";
  Life life;
  void Fields(auto&& field) const { field("life", life); }
};

// A life of a shard has loaded the committed snapshot and serves.
struct ServingEvent {
  static constexpr char kEvent[] = "serving";
  PlaceId place;
  Life life;
  void Fields(auto&& field) const {
    field("place", place);
    field("life", life);
  }
};

// A shard that does not answer, or gets nowhere: its server had better be started again.
struct SilentEvent {
  static constexpr char kEvent[] = "silent";
  PlaceId place;
  std::string why;  // what follows "shard 3"
  void Fields(auto&& field) const {
    field("place", place);
    field("why", why);
  }
};

// Everybody goes back to the committed snapshot: what was trained after it is trained again.
struct FleetResumeEvent {
  static constexpr char kEvent[] = "fleet_resume";
  Clock clock;  // of that snapshot
  std::string why;
  void Fields(auto&& field) const {
    field("clock", clock);
    field("why", why);
  }
};

// The scheduler's last word on a training that ended, or was stopped.
struct SchedulerDoneEvent {
  static constexpr char kEvent[] = "done";
  Clock clock;              // of the newest committed snapshot
  SnapshotNumber snapshot;  // its number
  uint64_t lost = 0;        // pushes that were made and are in no snapshot
  void Fields(auto&& field) const {
    field("clock", clock);
    field("snapshot", snapshot);
    field("lost", lost);
  }
};

// Servers ----------------------------------------------------------------------------------------

// Of one worker, at one shard: sums as of server/shard/influence.h.
struct SeatInfluence {
  SeatId seat;
  uint64_t samples = 0;
  double squared_norm = 0;
  double dot = 0;
  double own = 0;
  double others = 0;
  void Fields(auto&& field) const {
    field("seat", seat);
    field("samples", samples);
    field("squared_norm", squared_norm);
    field("dot", dot);
    field("own", own);
    field("others", others);
  }
};

// Of one shard, since its life began.
struct ShardDone {
  PlaceId place;
  uint64_t pushes = 0;              // applied
  uint64_t rows = 0;                // stored, of all tables
  uint64_t rows_applied = 0;        // of those pushes
  uint64_t pulls = 0;               // answered
  uint64_t duplicates_refused = 0;  // pushes that were there already
  uint64_t nonfinite_refused = 0;   // pushes with a gradient that is no number
  uint64_t cuts = 0;                // snapshots begun
  // Iterations -> applied pushes whose oldest rows were so many behind.
  std::map<int64_t, uint64_t> staleness_histogram = {};
  std::vector<SeatInfluence> influences = {};
  void Fields(auto&& field) const {
    field("place", place);
    field("pushes", pushes);
    field("rows", rows);
    field("rows_applied", rows_applied);
    field("pulls", pulls);
    field("duplicates_refused", duplicates_refused);
    field("nonfinite_refused", nonfinite_refused);
    field("cuts", cuts);
    field("staleness_histogram", staleness_histogram);
    field("influences", influences);
  }
};

// A server's last word.
struct ServerDoneEvent {
  static constexpr char kEvent[] = "done";
  std::vector<ShardDone> shards;
  void Fields(auto&& field) const { field("shards", shards); }
};

// Workers ----------------------------------------------------------------------------------------

// A life of a worker begins: its first one, or after one that was ended by the fleet.
struct BegunEvent {
  static constexpr char kEvent[] = "begun";
  Life life;
  Clock clock;  // its first iteration
  void Fields(auto&& field) const {
    field("life", life);
    field("clock", clock);
  }
};

// How far a worker is, from time to time.
struct ProgressEvent {
  static constexpr char kEvent[] = "progress";
  Clock clock;                      // its next iteration
  int64_t epoch = 0;                // of its last one
  uint64_t rows = 0;                // trained on
  int64_t max_staleness = 0;        // iterations: of the oldest rows that a step has read
  double samples_per_second = 0;    // since the last such event
  double seconds_since_start = 0;   // of its first iteration
  std::optional<double> loss = {};  // mean over the rows since the last such event, if any
  void Fields(auto&& field) const {
    field("clock", clock);
    field("epoch", epoch);
    field("rows", rows);
    field("max_staleness", max_staleness);
    field("samples_per_second", samples_per_second);
    field("seconds_since_start", seconds_since_start);
    field("loss", loss);
  }
};

// The validation rows at the end of an epoch.
struct ValidationEvent {
  static constexpr char kEvent[] = "validation";
  int64_t epoch = 0;
  Clock clock;                            // its iteration, which changes no weights
  double seconds = 0;                     // since the worker's first iteration
  std::map<std::string, double> figures;  // by the names of the metrics that judge the target
  void Fields(auto&& field) const {
    field("epoch", epoch);
    field("clock", clock);
    field("seconds", seconds);
    field("figures", figures);
  }
};

// Where the time of a worker went; they add up to that from its first iteration to its last.
// Without servers all but `compute` is `other`.
struct SecondsSpent {
  Duration compute;
  std::optional<Duration> wait = {};  // for slower workers, as the staleness bound says
  std::optional<Duration> pull = {};  // for rows
  std::optional<Duration> push = {};
  Duration other;  // batches, validation
  void Fields(auto&& field) const {
    field("compute", compute);
    field("wait", wait);
    field("pull", pull);
    field("push", push);
    field("other", other);
  }
};

// A worker's last word on what it trained. Without servers there is no traffic to tell of.
struct WorkerDoneEvent {
  static constexpr char kEvent[] = "done";
  SeatId seat;
  uint64_t rows = 0;                         // trained on
  uint64_t pushes = 0;                       // without servers: steps
  std::optional<uint64_t> resent = {};       // messages
  int64_t max_staleness = 0;                 // as of ProgressEvent
  std::optional<uint64_t> nonfinite = {};    // pushes made empty: a gradient was no number
  std::optional<uint64_t> clipped = {};      // pushes scaled down to train.clip_norm
  std::optional<uint64_t> unprotected = {};  // pushes no longer kept for servers that come back
  std::optional<uint64_t> rows_pulled = {};
  std::optional<uint64_t> rows_cached = {};   // that needed no pull
  std::optional<uint64_t> bytes_pulled = {};  // of values
  std::optional<uint64_t> bytes_pushed = {};  // of keys and values
  double samples_per_second = 0;
  SecondsSpent seconds;
  void Fields(auto&& field) const {
    field("seat", seat);
    field("rows", rows);
    field("pushes", pushes);
    field("resent", resent);
    field("max_staleness", max_staleness);
    field("nonfinite", nonfinite);
    field("clipped", clipped);
    field("unprotected", unprotected);
    field("rows_pulled", rows_pulled);
    field("rows_cached", rows_cached);
    field("bytes_pulled", bytes_pulled);
    field("bytes_pushed", bytes_pushed);
    field("samples_per_second", samples_per_second);
    field("seconds", seconds);
  }
};

// Asked which GPUs there are: one of them.
struct GpuEvent {
  static constexpr char kEvent[] = "gpu";
  uint64_t index = 0;  // N of device = "cuda:N"
  std::string name;
  std::string capability;  // compute capability: "9.0"
  uint64_t memory_bytes = 0;
  uint64_t free_bytes = 0;
  void Fields(auto&& field) const {
    field("index", index);
    field("name", name);
    field("capability", capability);
    field("memory_bytes", memory_bytes);
    field("free_bytes", free_bytes);
  }
};

}  // namespace rubato
