// The shape of one simulated history: sizes, rules and fault rates, all drawn from its seed.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/ids.h"

namespace rubato::sim {

inline constexpr uint64_t kAmple = 1u << 30;
inline constexpr int64_t kLeaseMs = 40;

struct Config {
  uint64_t seed = 0;
  uint32_t places = 2;
  uint32_t seats = 3;
  Staleness staleness{1};
  int64_t last_clock = 16;
  bool deterministic = false;
  bool cache = false;
  int64_t per_epoch = 0;         // with best_epoch: iterations of an epoch; 0: without
  int readers = 0;               // processes that read the weights meanwhile
  int prefetch = 0;              // iterations pulled ahead
  int ahead = 0;                 // iterations started before the last one is pushed
  size_t max_part_bytes = 4096;  // small: pushes travel in parts
  size_t max_part_tables = 64;   // 1: each table in parts of its own
  int64_t snapshot_every = 0;
  int64_t snapshot_within_ms = 100'000;
  int64_t snapshot_pause_ms = 0;
  // Bytes of a worker's log; an iteration of two shards takes about 1 KB of it.
  uint64_t retention_soft = kAmple;
  uint64_t retention_hard = kAmple;
  double empty_share = 0;  // of (iteration, shard) pairs that touch nothing
  double nan_share = 0;    // of iterations with a NaN gradient that nobody checked
  int64_t early = 0;       // seat 0 is out of data this many clocks before the end
  // Network.
  double loss = 0;
  double duplicate = 0;
  double long_delay = 0;
  double forged = 0;  // of messages: a stranger says the same and more, in their sender's name
  // Numbers of faults over the history.
  int worker_crashes = 0;
  int worker_freezes = 0;
  int shard_crashes = 0;
  int shard_zombies = 0;  // cut off from the scheduler, but alive
  int scheduler_crashes = 0;
  int half_open_links = 0;  // worker -> shard only
  int operator_resumes = 0;
  int churn = 0;            // workers that leave for good, a new one on their seat at once
  int64_t faults_ms = 400;  // all of them come in this time
  bool reshard = false;     // resumes change the number of shards
  bool late_workers = false;
  // Links lose nothing and keep their order, and nobody sends again by the clock: all must end
  // without that.
  bool patient = false;
  double write_failure = 0;        // of image writes
  int64_t write_ms = 40;           // longest image write
  double state_write_failure = 0;  // of writes of the scheduler's state
  int64_t state_write_ms = 0;      // longest of them; it does nothing else meanwhile
  int sleeps = 0;                  // of all machines together
  // Nothing goes wrong, and logs reach their hard bound in less than the pause between snapshots:
  // they must not get there.
  bool fast_pusher = false;
  // Nothing else goes wrong: then sleeping must cost nothing.
  bool only_sleeps = false;
  bool slow_disks = false;       // writes and reads beyond every deadline, getting on all the while
  bool slow_evaluation = false;  // of seat 0: the same
  std::string Describe() const;
};

// `profile` biases the draw towards what catches a mutation (its name), "" for none.
Config DrawConfig(uint64_t seed, const std::string& profile);
// The same run without any fault.
Config WithoutFaults(Config config);

}  // namespace rubato::sim
