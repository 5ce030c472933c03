// What a simulated worker does with its client: pull, check what it reads, compute, push.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/sim/world.h"

namespace rubato::sim {
namespace {

using Act = IterationPlan::Act;

// Nothing is to be done, but an event to come.
bool Awaits(Act act) {
  return act == Act::kAwaitStart || act == Act::kAwaitRows || act == Act::kAwaitCommit ||
         act == Act::kLeave;
}

}  // namespace

void World::Handle(WorkerProcess* worker, const ClientEvent& event) {
  if (worker->role == Role::kReader) return HandleReader(worker, event);
  if (const auto* started = std::get_if<Started>(&event)) return Begin(worker, *started);
  if (const auto* committed = std::get_if<Committed>(&event)) {
    worker->plan->TakeCommit(committed->clock);
  }
  if (const auto* refused = std::get_if<Refused>(&event); refused && !config_.greedy) {
    return Violate("V17", refused->sentence);
  }
  if (std::holds_alternative<SeatTaken>(event)) {
    ++stats_.superseded;
    if (seats_[worker->seat.value()] == worker) FollowHolder(worker->seat);
  }
  if (std::holds_alternative<Reset>(event)) worker->busy = false;  // all it does is void
  if (const auto* ready = std::get_if<Ready>(&event)) {
    CheckRead(worker, *ready);
    worker->ready[ready->clock] = *ready;
    worker->plan->TakeRows(ready->clock);
  }
}

void World::Begin(WorkerProcess* worker, const Started& started) {
  Log(absl::StrCat("seat ", worker->seat.value(), " begins life ", started.life.value(), " at ",
                   started.start.value()));
  worker->info = lives_[started.life];
  if (worker->machine->quarantined()) NoteQuarantine(worker, started.start);
  worker->ready.clear();
  worker->plan->Begin(started.start);
}

// Does what the plan says. A client may answer at once: no task is begun amid another.
void World::GoOn(WorkerProcess* worker) {
  if (!worker->plan) return;
  while (!worker->busy && worker->machine->life() != kNoLife && !violation_) {
    const MutatedPlan::Task task = worker->plan->Next();
    if (Awaits(task.act)) return;
    Do(worker, task);
  }
}

// The answer of its client may be that the life is over.
void World::Do(WorkerProcess* worker, const MutatedPlan::Task& task) {
  const Life life = worker->machine->life();
  worker->busy = true;
  switch (task.act) {
    case Act::kPull:
      Prefetch(worker, task.clock, PsClient::Freshness::kBounded);
      break;
    case Act::kPullExact:
      Prefetch(worker, task.clock, PsClient::Freshness::kExact);
      break;
    case Act::kStart:
      Start(worker, task.clock);
      break;
    case Act::kBegin:
      if (worker->ready.contains(task.clock)) break;
      return Violate("V2", absl::StrCat("iteration ", task.clock.value(), " begins without rows"));
    case Act::kPush:
      PushGradients(worker, task.clock);
      break;
    case Act::kFinish:
    case Act::kEvaluate:
      return Compute(worker, task);
    default:
      break;
  }
  if (worker->machine->life() == life) Done(worker, task);
}

void World::Done(WorkerProcess* worker, const MutatedPlan::Task& task) {
  worker->busy = false;
  worker->plan->Done(task);
}

void World::Start(WorkerProcess* worker, Clock clock) {
  ClientOutput out;
  worker->machine->Start(Now(worker), clock, &out);
  Flush(worker, &out);
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

void World::Prefetch(WorkerProcess* worker, Clock clock, PsClient::Freshness freshness) {
  const std::set<RowKey> readable = ReadableRows(worker->info.places);
  const bool evaluates = worker->seat == SeatId(0) && job_.IsEvaluation(clock);
  stats_.evaluations += evaluates;
  Parameters keys = evaluates
                        ? Ledger::AllKeys(readable)
                        : ledger_.Keys(worker->info, worker->machine->life(), clock, readable);
  ClientOutput out;
  worker->machine->Prefetch(Now(worker), clock, std::move(keys), freshness, &out);
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

void World::Compute(WorkerProcess* worker, const MutatedPlan::Task& task) {
  const Life life = worker->machine->life();
  At(ComputeDelay(worker, task.clock), [this, worker, life, task] {
    if (!worker->alive || worker->machine->life() != life) return;
    if (worker->frozen_until > now_us_) {
      At(worker->frozen_until - now_us_ + 100, [this, worker, life, task] {
        if (worker->alive && worker->machine->life() == life) Compute(worker, task);
      });
      return;
    }
    Done(worker, task);
    GoOn(worker);
  });
}

void World::PushGradients(WorkerProcess* worker, Clock clock) {
  const Life life = worker->machine->life();
  const Ready ready = std::move(worker->ready.extract(clock).mapped());
  const bool empty = ready.rows[0].keys.empty() || job_.IsEvaluation(clock);
  const bool nan = !empty && ledger_.IsNan(worker->seat, life, clock);
  stats_.nan_pushes += nan;
  if (nan && config_.checked) NoteRefused(worker, clock);
  const Parameters gradients =
      empty ? Parameters{} : ledger_.Gradients(worker->info, life, clock, ready.rows);
  ++stats_.iterations;
  stats_.bf16_pushes += !empty && config_.push_bf16;
  ClientOutput out;
  worker->machine->Push(Now(worker), clock, gradients, &out);
  Flush(worker, &out);
}

}  // namespace rubato::sim
