#include "tests/sim/draw.h"

#include <algorithm>
#include <initializer_list>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "common/base/env.h"

namespace rubato::sim {
namespace {

// The situations that mistakes are made in: rare ones need them.
constexpr const char* kDisk = "state_write_failure=0.2 state_write_ms=20 scheduler_crashes=2";
constexpr const char* kEvaluation = "last_clock=14 per_epoch=7";
constexpr const char* kOldImages =
    "shard_zombies=2 shard_crashes=3 write_ms=120 snapshot_every=2 operator_resumes=1";
constexpr const char* kManyLives = "worker_crashes=4 shard_crashes=3 loss=0.1 long_delay=0.08";
constexpr const char* kOldShards = "shard_crashes=4 long_delay=0.08 operator_resumes=1 cache=1";
constexpr const char* kSlowCommits =
    "shard_crashes=4 write_ms=120 snapshot_every=2 long_delay=0.08";
constexpr const char* kChurn =
    "churn=20 shard_crashes=3 scheduler_crashes=3 snapshot_every=2 long_delay=0.08";
constexpr const char* kSlowEvaluation = "patient=1 slow_evaluation=1 last_clock=14 per_epoch=7";
// A long run whose workers never stay: slow to check, so it is drawn seldom.
constexpr const char* kNobodyStays =
    "last_clock=150 per_epoch=0 faults_ms=2500 churn=300 snapshot_every=5 goes_on=0 "
    "deterministic=0 "
    "retention_soft=1073741824 retention_hard=1073741824";

// Two pushes or three; of a history with few lives, and so few rows, none is larger.
constexpr uint64_t kLittleCredit = 2500;

struct Situation {
  const char* mutation;
  const char* words;
};
constexpr Situation kSituations[] = {
    {"nobody_stays", kNobodyStays},
    {"send_before_disk", kDisk},
    {"tell_before_disk", kDisk},
    {"forget_untold", kDisk},
    {"retry_old_state", kDisk},
    {"state_in_place", kDisk},
    {"one_failure_is_enough", kDisk},
    {"cut_beyond_end", "shard_zombies=0 snapshot_within_ms=60"},
    {"deadline_counts_time", "slow_disks=1"},
    {"stall_counts_time", kSlowEvaluation},
    {"slowest_by_applied", "staleness=0 patient=1 slow_evaluation=1 last_clock=14 per_epoch=7"},
    {"drop_early", "patient=1"},
    {"sealed_leaves_early", kChurn},
    {"sealed_stays", kChurn},
    {"lost_not_kept", kChurn},
    {"image_name_without_life", kOldImages},
    {"dead_life_commit", kOldImages},
    {"prune_before_commit", kSlowCommits},
    {"load_newest", kSlowCommits},
    {"numbers_over_lives", kManyLives},
    {"sealed_push", kManyLives},
    {"no_seal_check", kManyLives},
    {"old_ack", kOldShards},
    {"take_beyond_window", kOldShards},
    {"cache_over_life", kOldShards},
    {"join_at_known_min",
     "worker_crashes=4 snapshot_every=0 retention_soft=1073741824 "
     "retention_hard=1073741824"},
    {"cache_reader_clock", "cache=1"},
    {"block_at_retention", "retention_soft=3000 retention_hard=1073741824 snapshot_every=0"},
    {"nan_not_consumed", "nan_share=0.05 patient=1"},
    {"quarantined_goes_on", "broken_seats=1 strikes=2"},
    {"struck_again", "broken_seats=1 strikes=3"},
    {"stop_when_out_of_data", "early=3"},
    {"unnumbered_tick", "empty_share=0.5 loss=0.1"},
    {"cut_beyond_barrier", kEvaluation},
    {"evaluate_early", kEvaluation},
    {"bounded_evaluation", kEvaluation},
    {"pass_barrier", kEvaluation},
    {"sealed_at_present", "worker_crashes=6 long_delay=0.08"},
    {"sleep_counts", "sleeps=2"},
    {"written_before_synced", "shard_crashes=6 snapshot_every=2 write_ms=80"},
    {"full_disk_is_written", "full_disks=6 snapshot_every=2"},
    {"view_sent_once", "partitions=8 loss=0.1 goes_on=0"},
    {"evicted_goes_on", "partitions=8 pauses=3 worker_freezes=3"},
    {"superseded_comes_back", "worker_zombies=5"},
    {"nobody_to_blame", "calm half_open_links=1 patient=0 goes_on=1 deterministic=0"},
    {"push_without_credit", "push_credit=2500 staleness=3 deterministic=0 greedy=0"},
    {"take_without_credit", "push_credit=2500 staleness=3 deterministic=0 greedy=1"},
    {"one_bound_for_all",
     "staleness=0 ledger_slack=0 sums_slack=2 cache=1 deterministic=0 "
     "empty_share=0"},
};

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
  c->churn = Pick(rng, {0, 0, 0, 6, 20});
  c->shard_crashes = Pick(rng, {0, 1, 1, 2, 3});
  c->shard_zombies = Pick(rng, {0, 0, 1});
  c->scheduler_crashes = Pick(rng, {0, 0, 1});
  c->half_open_links = Pick(rng, {0, 0, 0, 1});
  c->partitions = Pick(rng, {0, 0, 1, 3});
  c->operator_resumes = Pick(rng, {0, 0, 0, 1});
  c->reshard = Pick(rng, {false, true});
  c->late_workers = Pick(rng, {false, false, true});
  c->nan_share = Pick(rng, {0.0, 0.0, 0.05});
  c->forged = Pick(rng, {0.0, 0.0, 0.05, 0.2});
}

void DrawClocksAndDisks(Rng* rng, Config* c) {
  c->sleeps = Pick(rng, {0, 0, 0, 1, 2});
  c->only_sleeps = c->sleeps > 0 && rng->Chance(0.3);
  c->pauses = Pick(rng, {0, 0, 1, 3});
  c->clock_jumps = Pick(rng, {0, 0, 1, 3});
  c->clock_skew = Pick(rng, {0.0, 0.0, 0.1, 0.5});
  c->slow_evaluation = rng->Chance(0.1);
  c->write_failure = Pick(rng, {0.0, 0.0, 0.1});
  c->write_ms = Pick<int64_t>(rng, {5, 40, 80});
  c->state_write_failure = Pick(rng, {0.0, 0.0, 0.2});
  c->state_write_ms = Pick<int64_t>(rng, {0, 0, 0, 20});
  c->full_disks = Pick(rng, {0, 0, 1, 2});
  c->slow_spells = Pick(rng, {0, 0, 1});
  c->slow_disks = rng->Chance(0.1);
}

void DrawShape(Rng* rng, Config* c) {
  c->places = Pick(rng, {2u, 2u, 2u, 3u});
  c->seats = Pick(rng, {3u, 3u, 4u});
  c->last_clock = Pick<int64_t>(rng, {10, 14, 18});
  const auto s = Pick<int64_t>(rng, {0, 0, 1, 1, 1, 2, 2, 3, 3, -1});
  c->staleness = s < 0 ? Staleness::Infinite() : Staleness(s);
  c->deterministic = s == 0 && rng->Chance(0.3);
  // One of the two tables has the smallest bound.
  (rng->Chance(0.5) ? c->ledger_slack : c->sums_slack) = Pick<int64_t>(rng, {0, 0, 1, 2});
  if (c->ledger_slack == 0) c->sums_slack = Pick<int64_t>(rng, {c->sums_slack, -1});
  c->push_bf16 = Pick(rng, {false, false, true});
  c->pull_bf16 = Pick(rng, {false, false, true});
  c->cache = Pick(rng, {false, true});
  c->ahead = Pick(rng, {0, 0, 1, 2});
  c->prefetch = std::max(c->ahead, Pick(rng, {0, 0, 1, 2}));
  c->max_part_bytes = Pick<uint64_t>(rng, {64, 4096});
  c->max_part_tables = Pick<uint64_t>(rng, {64, 1});
  c->snapshot_every = Pick<int64_t>(rng, {0, 2, 3, 5});
  c->snapshot_within_ms = Pick<int64_t>(rng, {100'000, 100'000, 60});
  c->snapshot_pause_ms = Pick<int64_t>(rng, {0, 0, 50});
  c->retention_soft = Pick<uint64_t>(rng, {kAmple, kAmple, 3000, 6000});
  c->retention_hard = std::max(c->retention_soft, Pick<uint64_t>(rng, {0, 9000}));
  c->push_credit = Pick<uint64_t>(rng, {kAmple, kAmple, kLittleCredit});
  c->greedy = c->push_credit < kAmple && rng->Chance(0.3);
  c->per_epoch = Pick<int64_t>(rng, {0, 0, c->last_clock / 2});
  c->readers = Pick(rng, {0, 0, 1, 2});
  c->empty_share = Pick(rng, {0.0, 0.5});
  c->early = Pick<int64_t>(rng, {0, 0, 3});
  c->patient = rng->Chance(0.1);
  c->reports_loss = rng->Chance(0.2);
}

// Drawn apart, so that what is directed at other mistakes is the same with and without.
void DrawQuarantine(Rng rng, Config* c) {
  c->broken_seats = Pick(&rng, {0u, 0u, 0u, 1u});
  c->strikes = Pick<uint64_t>(&rng, {0, 1, 2, 4});
  c->checked = rng.Chance(0.3);
}

// The same. An endless run does not live with it: each costs what a shard just before it has cost,
// and only a commit in between would keep it.
void DrawZombies(Rng rng, Config* c) {
  c->worker_zombies = c->goes_on ? 0 : Pick(&rng, {0, 0, 0, 1, 2, 5});
}

void Swarm(Rng* rng, Config* c) {
  const std::vector<FaultKind>& kinds = FaultKinds();
  const uint64_t style = rng->Below(8);
  if (style < 4) return;  // all mixed as drawn
  if (style < 6) {
    for (const FaultKind& kind : kinds) {
      const bool on = rng->Chance(0.5);
      if (!on) Copy(kind.field, Config(), c);
      if (on && rng->Chance(0.25)) Set(kind.field, kind.high, c);
    }
    return;
  }
  *c = WithoutFaults(*c);
  c->only_sleeps = false;
  const FaultKind& kind = kinds[rng->Below(kinds.size())];
  c->goes_on = style == 7;
  Set(kind.field, c->goes_on ? kind.low : kind.high, c);
}

// NAME=VALUE, or "calm": none of the faults that were drawn.
void Direct(const std::string& words, Config* c) {
  for (const absl::string_view word : absl::StrSplit(words, ' ', absl::SkipEmpty())) {
    if (word == "calm") {
      *c = WithoutFaults(*c);
      continue;
    }
    const std::vector<std::string> pair = absl::StrSplit(word, '=');
    Set(pair[0], pair[1], c);
  }
}

// 2 KB every 6 ms or so: 250 ms after a commit a log would be far beyond its hard bound.
void PushFast(Config* c) {
  *c = WithoutFaults(*c);
  Direct(
      "patient=0 only_sleeps=0 deterministic=0 fast_pusher=1 staleness=1 ledger_slack=0 "
      "sums_slack=0 push_bf16=0 places=2 seats=3 prefetch=0 ahead=0 last_clock=60 per_epoch=0 "
      "early=0 empty_share=0 snapshot_every=0 snapshot_within_ms=100000 write_ms=5 "
      "retention_soft=6000 retention_hard=40000 snapshot_pause_ms=250",
      c);
}

// A stranger who is believed would be found before what another mistake breaks.
void DirectStrangers(const std::string& mutation, Config* c) {
  const bool strangers = absl::StrContains(mutation, "forged_") ||
                         absl::StrContains(mutation, "_of_anybody") ||
                         mutation == "view_to_strangers";
  c->forged = strangers ? 0.2 : 0;
}

// What excludes each other.
void MakeConsistent(Config* c) {
  if (c->patient) {
    c->loss = c->duplicate = c->long_delay = c->clock_skew = 0;
    c->shard_zombies = c->worker_zombies = c->half_open_links = c->partitions = c->sleeps = 0;
    c->pauses = c->clock_jumps = c->full_disks = 0;
    c->state_write_failure = 0;  // then nothing leaves
    c->state_write_ms = 0;
    c->only_sleeps = false;
  }
  if (c->deterministic) {
    c->goes_on =
        false;  // each eviction takes everybody back, and half the runs commit at the end only
    c->nan_share = 0;
    c->broken_seats = 0;
    c->empty_share = 0;
    c->ledger_slack = c->sums_slack = 0;
    c->retention_soft = c->retention_hard = kAmple;
  }
  // A long run has long rows; what is refused is sent again by the clock alone.
  if (c->last_clock > kShortRun) c->push_credit = kAmple;
  if (c->push_credit == kAmple || c->patient) c->greedy = false;
  if (c->push_credit < kAmple) {
    c->churn = 0;
    c->operator_resumes = 0;
    c->deterministic = false;
    c->reports_loss = true;
    c->goes_on = false;
    c->max_part_bytes = 4096;
    c->max_part_tables = 64;
  }
  if (c->strikes > 0) c->nan_share = 0;  // seat 0 trains to the end
  if (!c->only_sleeps) return;
  const int sleeps = c->sleeps;
  *c = WithoutFaults(*c);
  c->sleeps = sleeps;
}

}  // namespace

Config DrawConfig(uint64_t seed, const std::string& mutation) {
  Rng rng(MixBits(seed));
  Config c;
  c.seed = seed;
  DrawShape(&rng, &c);
  DrawFaults(&rng, &c);
  DrawClocksAndDisks(&rng, &c);
  if (mutation.empty()) {
    DrawQuarantine(Rng(MixBits(seed ^ 0x9e37)), &c);
    Swarm(&rng, &c);
    DrawZombies(Rng(MixBits(seed ^ 0x50b1)), &c);
    if (rng.Chance(0.0005)) Direct(kNobodyStays, &c);
  } else {
    DirectStrangers(mutation, &c);
    for (const Situation& situation : kSituations) {
      if (mutation == situation.mutation) Direct(situation.words, &c);
    }
  }
  if (rng.Chance(0.02) || mutation == "pause_whatever_fill") PushFast(&c);
  MakeConsistent(&c);
  return c;
}

}  // namespace rubato::sim
