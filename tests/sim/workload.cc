// What a simulated worker does with its client: pull, check what it reads, compute, push.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/sim/world.h"

namespace rubato::sim {

void World::Handle(WorkerProcess* worker, const ClientEvent& event) {
  if (worker->role == Role::kReader) return HandleReader(worker, event);
  if (const auto* started = std::get_if<Started>(&event)) return Begin(worker, *started);
  if (const auto* committed = std::get_if<Committed>(&event)) {
    worker->committed = std::max(worker->committed, committed->clock);
    if (!worker->evaluated || worker->committed < worker->evaluated->clock) return;
    const Ready ready = *std::exchange(worker->evaluated, std::nullopt);
    if (worker->machine->life() != kNoLife) Compute(worker, ready);
  }
  // What an old life evaluated is void, also if the new one begins with the same view's commit.
  if (std::holds_alternative<Reset>(event)) worker->evaluated.reset();
  if (const auto* ready = std::get_if<Ready>(&event)) {
    CheckRead(worker, *ready);
    if (violation_) return;
    if (ready->clock == worker->machine->clock()) return Compute(worker, *ready);
    worker->early[ready->clock] = *ready;
  }
}

void World::Begin(WorkerProcess* worker, const Started& started) {
  Log(absl::StrCat("seat ", worker->seat.value(), " begins life ", started.life.value(), " at ",
                   started.start.value()));
  worker->info = lives_[started.life];
  worker->prefetched = worker->started = started.start;
  worker->early.clear();
  worker->evaluated.reset();
  NextIteration(worker);
}

void World::NextIteration(WorkerProcess* worker) {
  const Clock clock = worker->machine->clock();
  const Clock last(config_.last_clock);
  if (worker->machine->life() == kNoLife || clock >= last) return;
  while (worker->prefetched <=
         std::min(clock + ClockDelta(std::max(config_.prefetch, config_.ahead)),
                  last - ClockDelta(1))) {
    const Clock next = worker->prefetched;
    worker->prefetched = next.Next();
    Prefetch(worker, next);
    if (worker->machine->life() == kNoLife) return;
  }
  if (const auto early = worker->early.extract(clock)) Compute(worker, early.mapped());
  const Clock ahead = std::min(clock + ClockDelta(config_.ahead), last - ClockDelta(1));
  worker->started = std::max(worker->started, clock);
  while (worker->machine->life() != kNoLife && worker->started <= ahead) {
    ClientOutput out;
    worker->machine->Start(now(), worker->started, &out);
    worker->started = worker->started.Next();
    Flush(worker, &out);
  }
}

// Everybody's rows: of members for V2, of abandoned lives for V5.
std::set<RowKey> World::ReadableRows(uint32_t places) const {
  std::set<RowKey> readable;
  for (const MemberEntry& member : scheduler_disk_.view.members) {
    for (uint32_t p = 0; member.start && p < places; ++p) {
      readable.insert(ledger_.KeyOf(member.life, PlaceId(p), places));
    }
  }
  for (const auto& [key, contents] : abandoned_) readable.insert(key);
  return readable;
}

void World::Prefetch(WorkerProcess* worker, Clock clock) {
  const std::set<RowKey> readable = ReadableRows(worker->info.places);
  const bool evaluates = worker->seat == SeatId(0) && job_.IsEvaluation(clock);
  stats_.evaluations += evaluates;
  Parameters keys = evaluates
                        ? Ledger::AllKeys(readable)
                        : ledger_.Keys(worker->info, worker->machine->life(), clock, readable);
  ClientOutput out;
  worker->machine->Prefetch(
      now(), clock, std::move(keys),
      job_.IsExact(clock) ? PsClient::Freshness::kExact : PsClient::Freshness::kBounded, &out);
  Flush(worker, &out);
}

// A slow evaluation shows that it gets on.
int64_t World::ComputeDelay(WorkerProcess* worker, Clock clock) {
  constexpr int64_t kComputeUs[] = {1000, 3000, 6000, 6000, 15000};
  const bool evaluates = worker->seat == SeatId(0) && job_.IsEvaluation(clock);
  if (!config_.slow_evaluation || !evaluates) return kComputeUs[rng_.Below(5)];
  constexpr int64_t kSteps = 20;
  constexpr int64_t kStepUs = 30'000;
  for (int64_t step = 1; step < kSteps; ++step) {
    At(step * kStepUs, [worker] { worker->machine->NoteWork(++worker->worked); });
  }
  return kSteps * kStepUs;
}

void World::Compute(WorkerProcess* worker, const Ready& ready) {
  const Life life = worker->machine->life();
  At(ComputeDelay(worker, ready.clock), [this, worker, life, ready] {
    if (!worker->alive || worker->machine->life() != life) return;
    if (worker->frozen_until > now_us_) {
      At(worker->frozen_until - now_us_ + 100, [this, worker, life, ready] {
        if (worker->alive && worker->machine->life() == life) Compute(worker, ready);
      });
      return;
    }
    if (job_.IsEvaluation(ready.clock) && worker->committed < ready.clock) {
      worker->evaluated = ready;  // all wait for the commit of what was evaluated
      return;
    }
    Finish(worker, ready);
  });
}

void World::Finish(WorkerProcess* worker, const Ready& ready) {
  const Life life = worker->machine->life();
  const bool empty = ready.rows[0].keys.empty() || job_.IsEvaluation(ready.clock);
  stats_.nan_pushes += !empty && ledger_.IsNan(life, ready.clock);
  const Parameters gradients =
      empty ? Parameters{} : ledger_.Gradients(worker->info, life, ready.clock, ready.rows);
  ++stats_.iterations;
  ClientOutput out;
  worker->machine->Push(now(), ready.clock, gradients, &out);
  Flush(worker, &out);
  if (worker->machine->life() == life) NextIteration(worker);
}

}  // namespace rubato::sim
