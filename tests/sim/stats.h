// What happened in a history, or in many, counted.
#pragma once

#include <algorithm>
#include <cstdint>

namespace rubato::sim {

struct Stats {
  uint64_t steps = 0;
  uint64_t messages = 0;
  uint64_t lost = 0;
  uint64_t duplicated = 0;
  uint64_t long_delays = 0;
  uint64_t forged = 0;
  uint64_t worker_crashes = 0;
  uint64_t worker_freezes = 0;
  uint64_t churned = 0;
  uint64_t worker_zombies = 0;
  uint64_t superseded = 0;  // processes that were told that a newer one has their seat
  uint64_t shard_crashes = 0;
  uint64_t shard_zombies = 0;
  uint64_t scheduler_crashes = 0;
  uint64_t half_open_links = 0;
  uint64_t partitions = 0;    // in one direction
  uint64_t messages_cut = 0;  // by partitions and half-open links
  uint64_t operator_resumes = 0;
  uint64_t write_failures = 0;
  uint64_t incremental_images = 0;
  uint64_t state_write_failures = 0;  // of the scheduler
  uint64_t full_disks = 0;
  uint64_t full_disk_failures = 0;  // of writes of images and states
  uint64_t slow_spells = 0;
  uint64_t torn_images = 0;  // left behind by crashes
  uint64_t late_images = 0;  // whole, though nobody was told
  uint64_t late_states = 0;  // the same of the scheduler's
  uint64_t sleeps = 0;       // of all machines together
  uint64_t pauses = 0;       // of one process
  uint64_t clock_jumps = 0;
  uint64_t skewed_clocks = 0;
  uint64_t evictions = 0;
  uint64_t joins = 0;
  uint64_t commits = 0;
  uint64_t cuts_withdrawn = 0;
  uint64_t fleet_resumes = 0;
  uint64_t iterations = 0;
  uint64_t reads_checked = 0;
  uint64_t evaluations = 0;   // exact reads at the end of an epoch
  uint64_t reader_reads = 0;  // answers to readers
  uint64_t nan_pushes = 0;
  uint64_t quarantined = 0;  // lives
  uint64_t bf16_pushes = 0;
  uint64_t snapshot_wishes = 0;  // heartbeats at the soft bound of retention
  uint64_t unprotected = 0;      // pushes dropped at the hard bound
  uint64_t credit_refusals = 0;  // of pushes of a greedy client
  uint64_t endless = 0;          // histories whose faults never stop
  uint64_t most_joins = 0;       // of one history
  uint64_t most_sealed = 0;      // lives in one view
};

// `visit` is called with (what is counted, its number in each of `all`) for each sum.
template <class Visit, class... All>
void VisitSums(Visit visit, All&... all) {
  visit("steps", all.steps...);
  visit("messages", all.messages...);
  visit("messages lost", all.lost...);
  visit("messages duplicated", all.duplicated...);
  visit("messages long delayed", all.long_delays...);
  visit("messages forged", all.forged...);
  visit("messages cut off", all.messages_cut...);
  visit("partitions", all.partitions...);
  visit("half-open links", all.half_open_links...);
  visit("worker crashes", all.worker_crashes...);
  visit("worker freezes", all.worker_freezes...);
  visit("workers replaced", all.churned...);
  visit("worker zombies", all.worker_zombies...);
  visit("processes superseded", all.superseded...);
  visit("shard crashes", all.shard_crashes...);
  visit("shard zombies", all.shard_zombies...);
  visit("scheduler crashes", all.scheduler_crashes...);
  visit("operator's resumes", all.operator_resumes...);
  visit("image write failures", all.write_failures...);
  visit("incremental images", all.incremental_images...);
  visit("state write failures", all.state_write_failures...);
  visit("full disks", all.full_disks...);
  visit("writes to full disks", all.full_disk_failures...);
  visit("slow disks for a while", all.slow_spells...);
  visit("torn images left", all.torn_images...);
  visit("images left untold", all.late_images...);
  visit("states left untold", all.late_states...);
  visit("sleeps of all", all.sleeps...);
  visit("pauses of one", all.pauses...);
  visit("clock jumps", all.clock_jumps...);
  visit("skewed clocks", all.skewed_clocks...);
  visit("NaN pushes", all.nan_pushes...);
  visit("quarantined lives", all.quarantined...);
  visit("bf16 pushes", all.bf16_pushes...);
  visit("snapshot wishes", all.snapshot_wishes...);
  visit("pushes unprotected", all.unprotected...);
  visit("refusals for credit", all.credit_refusals...);
  visit("endless histories", all.endless...);
  visit("joins", all.joins...);
  visit("evictions", all.evictions...);
  visit("fleet resumes", all.fleet_resumes...);
  visit("cuts committed", all.commits...);
  visit("cuts withdrawn", all.cuts_withdrawn...);
  visit("iterations", all.iterations...);
  visit("reads checked", all.reads_checked...);
  visit("evaluations", all.evaluations...);
  visit("answers to readers", all.reader_reads...);
}

inline void Add(const Stats& one, Stats* all) {
  VisitSums([](const char*, uint64_t& sum, const uint64_t& more) { sum += more; }, *all, one);
  all->most_joins = std::max(all->most_joins, one.joins);
  all->most_sealed = std::max(all->most_sealed, one.most_sealed);
}

}  // namespace rubato::sim
