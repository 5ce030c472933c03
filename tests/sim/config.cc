#include "tests/sim/config.h"

#include <algorithm>
#include <initializer_list>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "common/base/env.h"

namespace rubato::sim {
namespace {

template <class T>
T Pick(Rng* rng, std::initializer_list<T> values) {
  return values.begin()[rng->Below(values.size())];
}

void DrawFaults(Rng* rng, Config* c) {
  c->loss = Pick(rng, {0.0, 0.02, 0.1, 0.25});
  c->duplicate = Pick(rng, {0.0, 0.05, 0.2});
  c->long_delay = Pick(rng, {0.0, 0.02, 0.08});
  c->worker_crashes = Pick(rng, {0, 1, 1, 2});
  c->worker_freezes = Pick(rng, {0, 0, 1, 2});
  c->shard_crashes = Pick(rng, {0, 1, 1, 2, 3});
  c->shard_zombies = Pick(rng, {0, 0, 1});
  c->scheduler_crashes = Pick(rng, {0, 0, 1});
  c->half_open_links = Pick(rng, {0, 0, 0, 1});
  c->operator_resumes = Pick(rng, {0, 0, 0, 1});
  c->reshard = Pick(rng, {false, true});
  c->late_workers = Pick(rng, {false, false, true});
  c->write_failure = Pick(rng, {0.0, 0.0, 0.1});
  c->nan_share = Pick(rng, {0.0, 0.0, 0.05});
}

// The situations that mistakes with disks and with time are made in.
void BiasDisksAndTime(const std::string& profile, Config* c) {
  if (profile == "send_before_disk" || profile == "tell_before_disk" ||
      profile == "forget_untold" || profile == "retry_old_state") {
    c->state_write_failure = 0.2;
    c->state_write_ms = 20;
    c->scheduler_crashes = 2;
  } else if (profile == "cut_beyond_end") {
    c->shard_zombies = 0;
    c->snapshot_within_ms = 60;
  } else if (profile == "deadline_counts_time") {
    c->slow_disks = true;
  } else if (profile == "stall_counts_time" || profile == "slowest_by_applied") {
    if (profile == "slowest_by_applied") c->staleness = Staleness(0);
    c->patient = true;
    c->slow_evaluation = true;
    c->per_epoch = c->last_clock / 2;
  } else if (profile == "drop_early") {
    c->patient = true;
  } else if (profile == "sealed_leaves_early" || profile == "lost_not_kept") {
    c->churn = 20;
    c->shard_crashes = 3;
    c->scheduler_crashes = 3;
    c->snapshot_every = 2;
    c->long_delay = 0.08;
  }
}

// Rare mistakes need the situation they are made in.
void Bias(const std::string& profile, Config* c) {
  // A stranger who is believed would be found before what another mistake breaks.
  const bool strangers = absl::StrContains(profile, "forged_") ||
                         absl::StrContains(profile, "_of_anybody") ||
                         profile == "view_to_strangers";
  if (!profile.empty()) c->forged = strangers ? 0.2 : 0;
  BiasDisksAndTime(profile, c);
  if (profile == "image_name_without_life" || profile == "dead_life_commit") {
    c->shard_zombies = 2;
    c->shard_crashes = 3;
    c->write_ms = 120;
    c->snapshot_every = 2;
    c->operator_resumes = 1;
  } else if (profile == "prune_before_commit" || profile == "load_newest") {
    c->shard_crashes = 4;
    c->write_ms = 120;
    c->snapshot_every = 2;
    c->long_delay = 0.08;
  } else if (profile == "numbers_over_lives" || profile == "sealed_push" ||
             profile == "no_seal_check") {
    c->worker_crashes = 4;
    c->shard_crashes = 3;
    c->loss = 0.1;
    c->long_delay = 0.08;
  } else if (profile == "old_ack" || profile == "take_beyond_window" ||
             profile == "cache_over_life") {
    c->shard_crashes = 4;
    c->long_delay = 0.08;
    c->operator_resumes = 1;
    c->cache = true;
  } else if (profile == "join_at_known_min") {
    c->worker_crashes = 4;
    c->snapshot_every = 0;
    c->retention_soft = c->retention_hard = kAmple;
  } else if (profile == "cache_reader_clock") {
    c->cache = true;
  } else if (profile == "block_at_retention") {
    c->retention_soft = 3000;
    c->retention_hard = kAmple;
    c->snapshot_every = 0;
  } else if (profile == "nan_not_consumed") {
    c->nan_share = 0.05;
    c->patient = true;
  } else if (profile == "stop_when_out_of_data") {
    c->early = 3;
  } else if (profile == "unnumbered_tick") {
    c->empty_share = 0.5;
    c->loss = 0.1;
  } else if (profile == "cut_beyond_barrier" || profile == "evaluate_early" ||
             profile == "bounded_evaluation" || profile == "pass_barrier") {
    c->per_epoch = c->last_clock / 2;
  } else if (profile == "sealed_at_present") {
    c->worker_crashes = 6;
    c->long_delay = 0.08;
  } else if (profile == "sleep_counts") {
    c->sleeps = 2;
  }
}

// A long run whose workers never stay.
void MakeLong(Config* c) {
  c->last_clock = 150;
  c->per_epoch = 0;
  c->faults_ms = 2500;
  c->churn = 300;
  c->snapshot_every = 5;
  c->retention_soft = c->retention_hard = kAmple;
}

// 2 KB every 6 ms or so: 250 ms after a commit a log would be far beyond its hard bound.
void PushFast(Config* c) {
  *c = WithoutFaults(*c);
  c->patient = c->slow_disks = c->slow_evaluation = false;
  c->staleness = Staleness(1);
  c->last_clock = 60;
  c->per_epoch = 0;
  c->early = 0;
  c->empty_share = 0;
  c->snapshot_every = 0;
  c->snapshot_within_ms = 100'000;
  c->write_ms = 5;
  c->places = 2;
  c->seats = 3;
  c->prefetch = c->ahead = 0;
  c->retention_soft = 6000;
  c->retention_hard = 40'000;
  c->snapshot_pause_ms = 250;
  c->deterministic = false;
  c->fast_pusher = true;
}

}  // namespace

Config DrawConfig(uint64_t seed, const std::string& profile) {
  Rng rng(MixBits(seed));
  Config c;
  c.seed = seed;
  c.places = Pick(&rng, {2u, 2u, 2u, 3u});
  c.seats = Pick(&rng, {3u, 3u, 4u});
  c.last_clock = Pick<int64_t>(&rng, {10, 14, 18});
  const auto s = Pick<int64_t>(&rng, {0, 0, 1, 1, 1, 2, 2, 3, 3, -1});
  c.staleness = s < 0 ? Staleness::Infinite() : Staleness(s);
  c.cache = Pick(&rng, {false, true});
  c.prefetch = Pick(&rng, {0, 0, 1, 2});
  c.max_part_bytes = Pick<size_t>(&rng, {64, 4096});
  c.snapshot_every = Pick<int64_t>(&rng, {0, 2, 3, 5});
  c.retention_soft = Pick<uint64_t>(&rng, {kAmple, kAmple, 3000, 6000});
  c.retention_hard = std::max(c.retention_soft, Pick<uint64_t>(&rng, {0, 9000}));
  c.snapshot_within_ms = Pick<int64_t>(&rng, {100'000, 100'000, 60});
  c.per_epoch = Pick<int64_t>(&rng, {0, 0, c.last_clock / 2});
  c.readers = Pick(&rng, {0, 0, 1, 2});
  c.empty_share = Pick(&rng, {0.0, 0.5});
  c.early = Pick<int64_t>(&rng, {0, 0, 3});
  c.write_ms = Pick<int64_t>(&rng, {5, 40, 80});
  DrawFaults(&rng, &c);
  c.deterministic = s == 0 && rng.Chance(0.3);
  c.snapshot_pause_ms = Pick<int64_t>(&rng, {0, 0, 50});
  c.ahead = Pick(&rng, {0, 0, 1, 2});
  c.prefetch = std::max(c.prefetch, c.ahead);
  c.max_part_tables = Pick<size_t>(&rng, {64, 1});
  c.patient = rng.Chance(0.1);
  c.state_write_failure = Pick(&rng, {0.0, 0.0, 0.2});
  c.state_write_ms = Pick<int64_t>(&rng, {0, 0, 0, 20});
  c.sleeps = Pick(&rng, {0, 0, 0, 1, 2});
  c.only_sleeps = c.sleeps > 0 && rng.Chance(0.3);
  c.forged = Pick(&rng, {0.0, 0.0, 0.05, 0.2});
  c.slow_disks = rng.Chance(0.1);
  c.slow_evaluation = rng.Chance(0.1);
  c.churn = Pick(&rng, {0, 0, 0, 6, 20});
  if (rng.Chance(0.005)) MakeLong(&c);
  Bias(profile, &c);
  if (rng.Chance(0.02) || profile == "pause_whatever_fill") PushFast(&c);
  if (c.patient) {
    c.loss = c.duplicate = c.long_delay = 0;
    c.shard_zombies = c.half_open_links = c.sleeps = 0;
    c.state_write_failure = 0;  // then nothing leaves
    c.state_write_ms = 0;
    c.only_sleeps = false;
  }
  if (c.deterministic) {
    c.nan_share = 0;
    c.empty_share = 0;
    c.retention_soft = c.retention_hard = kAmple;
  }
  if (!c.only_sleeps) return c;
  const int sleeps = c.sleeps;
  c = WithoutFaults(c);
  c.sleeps = sleeps;
  return c;
}

Config WithoutFaults(Config c) {
  c.loss = c.duplicate = c.long_delay = c.forged = c.write_failure = c.nan_share = 0;
  c.worker_crashes = c.worker_freezes = c.shard_crashes = c.shard_zombies = 0;
  c.scheduler_crashes = c.half_open_links = c.operator_resumes = c.sleeps = c.churn = 0;
  c.state_write_failure = 0;
  c.state_write_ms = 0;
  c.late_workers = false;
  return c;
}

std::string Config::Describe() const {
  return absl::StrFormat(
      "shards %d, workers %d, readers %d, s %s, T %d, epoch %d%s%s, prefetch %d, ahead %d, "
      "snapshot every %d, pause %d ms, retention %d/%d B, loss %g, dup %g, delay %g, "
      "forged %g; "
      "crashes: worker %d, shard %d, zombie %d, scheduler %d; "
      "freezes %d, churn %d in %d ms, half-open %d, resumes %d%s, sleeps %d%s, write failure %g, "
      "of state %g in %d "
      "ms%s%s%s%s",
      places, seats, readers,
      staleness.infinite() ? "inf" : std::to_string(staleness.bound().value()), last_clock,
      per_epoch, deterministic ? ", deterministic" : "", cache ? ", cache" : "", prefetch, ahead,
      snapshot_every, snapshot_pause_ms, retention_soft, retention_hard, loss, duplicate,
      long_delay, forged, worker_crashes, shard_crashes, shard_zombies, scheduler_crashes,
      worker_freezes, churn, faults_ms, half_open_links, operator_resumes,
      reshard ? " with reshard" : "", sleeps, only_sleeps ? " only" : "", write_failure,
      state_write_failure, state_write_ms, patient ? "; patient" : "",
      slow_disks ? "; slow disks" : "", slow_evaluation ? "; slow evaluation" : "",
      fast_pusher ? "; fast pusher" : "");
}

}  // namespace rubato::sim
