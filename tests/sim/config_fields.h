// All fields of a Config under their names.
#pragma once

#include "tests/sim/config.h"

namespace rubato::sim {

// `visit` is called with (name, field) for each.
template <class Visit>
void VisitSizes(Config& c, Visit visit) {
  visit("seed", c.seed);
  visit("salt", c.salt);
  visit("places", c.places);
  visit("seats", c.seats);
  visit("staleness", c.staleness);
  visit("ledger_slack", c.ledger_slack);
  visit("sums_slack", c.sums_slack);
  visit("last_clock", c.last_clock);
  visit("deterministic", c.deterministic);
  visit("cache", c.cache);
  visit("push_bf16", c.push_bf16);
  visit("pull_bf16", c.pull_bf16);
  visit("per_epoch", c.per_epoch);
  visit("readers", c.readers);
  visit("prefetch", c.prefetch);
  visit("ahead", c.ahead);
  visit("max_part_bytes", c.max_part_bytes);
  visit("max_part_tables", c.max_part_tables);
  visit("snapshot_every", c.snapshot_every);
  visit("snapshot_within_ms", c.snapshot_within_ms);
  visit("snapshot_pause_ms", c.snapshot_pause_ms);
  visit("retention_soft", c.retention_soft);
  visit("retention_hard", c.retention_hard);
  visit("push_credit", c.push_credit);
  visit("greedy", c.greedy);
  visit("reports_loss", c.reports_loss);
  visit("empty_share", c.empty_share);
  visit("strikes", c.strikes);
  visit("checked", c.checked);
  visit("early", c.early);
  visit("faults_ms", c.faults_ms);
  visit("goes_on", c.goes_on);
  visit("patient", c.patient);
  visit("only_sleeps", c.only_sleeps);
  visit("write_ms", c.write_ms);
  visit("fast_pusher", c.fast_pusher);
  visit("skipped", c.skipped);
}

template <class Visit>
void VisitFaults(Config& c, Visit visit) {
  visit("nan_share", c.nan_share);
  visit("broken_seats", c.broken_seats);
  visit("loss", c.loss);
  visit("duplicate", c.duplicate);
  visit("long_delay", c.long_delay);
  visit("forged", c.forged);
  visit("worker_crashes", c.worker_crashes);
  visit("worker_freezes", c.worker_freezes);
  visit("churn", c.churn);
  visit("worker_zombies", c.worker_zombies);
  visit("shard_crashes", c.shard_crashes);
  visit("shard_zombies", c.shard_zombies);
  visit("scheduler_crashes", c.scheduler_crashes);
  visit("half_open_links", c.half_open_links);
  visit("partitions", c.partitions);
  visit("operator_resumes", c.operator_resumes);
  visit("reshard", c.reshard);
  visit("late_workers", c.late_workers);
  visit("sleeps", c.sleeps);
  visit("pauses", c.pauses);
  visit("clock_jumps", c.clock_jumps);
  visit("clock_skew", c.clock_skew);
  visit("slow_evaluation", c.slow_evaluation);
  visit("write_failure", c.write_failure);
  visit("state_write_failure", c.state_write_failure);
  visit("state_write_ms", c.state_write_ms);
  visit("full_disks", c.full_disks);
  visit("slow_spells", c.slow_spells);
  visit("slow_disks", c.slow_disks);
}

template <class Visit>
void VisitFields(Config& c, Visit visit) {
  VisitSizes(c, visit);
  VisitFaults(c, visit);
}

}  // namespace rubato::sim
