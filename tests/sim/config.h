// The shape of one simulated history: sizes, rules and fault rates, all drawn from its seed. Each
// has a name (config_fields.h), so that a history can be told, and run again, as one line of text.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/ids.h"

namespace rubato::sim {

inline constexpr uint64_t kAmple = 1u << 30;
inline constexpr int64_t kLeaseMs = 40;
inline constexpr int64_t kShortRun = 18;  // iterations; longer runs have longer rows and more time

// What is left at its first value is the simplest: no fault, no burden.
struct Config {
  uint64_t seed = 0;
  uint64_t salt = 0;  // another network, the same faults
  uint32_t places = 2;
  uint32_t seats = 3;
  Staleness staleness{1};    // the smallest bound of the tables
  int64_t ledger_slack = 0;  // by how much that of the ledger is larger
  int64_t sums_slack = 0;    // the same of the sums; -1: infinite
  int64_t last_clock = 16;
  bool deterministic = false;
  bool cache = false;
  bool push_bf16 = false;  // all gradients are integers that it holds exactly
  bool pull_bf16 = false;
  int64_t per_epoch = 0;           // with best_epoch: iterations of an epoch; 0: without
  int readers = 0;                 // processes that read the weights meanwhile
  int prefetch = 0;                // iterations pulled ahead
  int ahead = 0;                   // iterations started before the last one is pushed
  uint64_t max_part_bytes = 4096;  // small: pushes travel in parts
  uint64_t max_part_tables = 64;   // 1: each table in parts of its own
  int64_t snapshot_every = 0;
  int64_t snapshot_within_ms = 100'000;
  int64_t snapshot_pause_ms = 0;
  // Bytes of a worker's log; an iteration of two shards takes about 1 KB of it.
  uint64_t retention_soft = kAmple;
  uint64_t retention_hard = kAmple;
  // Bytes that a shard holds of a worker's pushes; and seat 0 keeps to none.
  uint64_t push_credit = kAmple;
  bool greedy = false;
  bool reports_loss = false;  // a loss is reported, and nobody goes back
  double empty_share = 0;     // of (iteration, shard) pairs that touch nothing
  double nan_share = 0;       // of iterations with a NaN gradient that nobody checked
  uint32_t broken_seats = 0;  // the last ones: most of their gradients are no numbers
  uint64_t strikes = 0;       // after so many of those a worker pushes nothing any more; 0: never
  bool checked = false;       // workers look at their gradients themselves
  int64_t early = 0;          // seat 0 is out of data this many clocks before the end
  int64_t faults_ms = 400;    // faults come in this time, and then no more
  // Or they go on at this rate for ever: the run must end all the same.
  bool goes_on = false;
  // Network.
  double loss = 0;
  double duplicate = 0;
  double long_delay = 0;
  double forged = 0;  // of messages: a stranger says the same and more, in their sender's name
  // Links lose nothing and keep their order, and nobody sends again by the clock: all must end
  // without that.
  bool patient = false;
  // Numbers of faults over the history.
  int worker_crashes = 0;
  int worker_freezes = 0;
  int churn = 0;           // workers that leave for good, a new one on their seat at once
  int worker_zombies = 0;  // cut off from the scheduler or frozen, or neither, beside a new one
  int shard_crashes = 0;
  int shard_zombies = 0;  // cut off from the scheduler, but alive
  int scheduler_crashes = 0;
  int half_open_links = 0;  // worker -> shard only, until the worker begins anew
  int partitions = 0;       // between any two, in one direction or both, for a while
  int operator_resumes = 0;
  bool reshard = false;  // resumes change the number of shards
  bool late_workers = false;
  // Clocks.
  int sleeps = 0;         // of all machines together
  int pauses = 0;         // of one process, whose clock stands still meanwhile or does not
  int clock_jumps = 0;    // of one process's clock, forward
  double clock_skew = 0;  // clocks run up to (1 + this) times as fast, or as slow
  // Nothing else goes wrong: then sleeping must cost nothing.
  bool only_sleeps = false;
  bool slow_evaluation = false;  // of seat 0: beyond every deadline, getting on all the while
  // Disks. A crash leaves of what was being written nothing, all, or what cannot be read.
  double write_failure = 0;        // of image writes
  int64_t write_ms = 40;           // longest image write
  double state_write_failure = 0;  // of writes of the scheduler's state
  int64_t state_write_ms = 0;      // longest of them; it does nothing else meanwhile
  int full_disks = 0;              // of a shard or of the scheduler, for a while
  int slow_spells = 0;             // the same
  bool slow_disks = false;  // writes and reads beyond every deadline, getting on all the while
  // Nothing goes wrong, and logs reach their hard bound in less than the pause between snapshots:
  // they must not get there.
  bool fast_pusher = false;
  std::set<std::string> skipped;  // single faults that do not come: kind, dot, number
  friend bool operator==(const Config&, const Config&) = default;

  // NAME=VALUE of all that is not as simple as it could be.
  std::string Describe() const;
};

// From Describe. nullopt: `wrong` says which word is no such pair.
std::optional<Config> ParseConfig(const std::string& text, std::string* wrong);
// False: there is no such field, or no such value of it.
bool Set(const std::string& field, const std::string& value, Config* config);
// The names of all fields.
std::vector<std::string> FieldNames();
// One field as it is in `other`.
void Copy(const std::string& field, const Config& other, Config* config);

// What a seed switches on or off as a whole.
struct FaultKind {
  const char* field;
  const char* high;  // a rate at which it shows what it can do
  const char* low;   // a rate that a run must be able to live with for ever
};
const std::vector<FaultKind>& FaultKinds();
// The same run without any fault.
Config WithoutFaults(Config config);

}  // namespace rubato::sim
