// A worker under chaos: the product's client, session and plan, with integers in place of a model
// (tests/faults/chaos_job.h). Takes the command line of `rubato-worker train`.
#include <unistd.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "CLI/CLI.hpp"
#include "common/base/status.h"
#include "common/process/begin.h"
#include "common/process/process.h"
#include "common/telemetry/events.h"
#include "common/telemetry/telemetry.h"
#include "tests/faults/chaos_job.h"
#include "tests/faults/push_record.h"
#include "worker/client/session.h"
#include "worker/train/iteration_plan.h"

namespace rubato {
namespace {

constexpr Duration kWaitStep = Duration::Millis(20);
constexpr Duration kProgressEvery = Duration::Millis(250);
constexpr IterationPlan::Ahead kAhead = {.pulled = 2};

class ChaosWorker {
 public:
  ChaosWorker(Job job, Session* session, PushRecorder recorder, EventLog* events)
      : job_(std::move(job)),
        session_(session),
        recorder_(std::move(recorder)),
        events_(events),
        plan_(job_, kAhead) {}

  absl::Status Run(StopSignals* signals) {
    while (!left_) {
      RETURN_IF_ERROR(signals->GoOn());
      const IterationPlan::Task task = plan_.Next();
      Do(task);
      plan_.Done(task);
      Record();
      while (std::optional<ClientEvent> event = session_->Next(Duration())) Take(*event);
    }
    return absl::OkStatus();
  }

 private:
  using Act = IterationPlan::Act;

  void Do(const IterationPlan::Task& task) {
    switch (task.act) {
      case Act::kPull:
        session_->Prefetch(task.clock, KeysOf(task.clock), PsClient::Freshness::kBounded);
        return;
      case Act::kStart:
        return session_->Start(task.clock);
      case Act::kPush:
        return Push(task.clock);
      case Act::kPrepare:
      case Act::kBegin:
      case Act::kFinish:
        return;
      default:
        if (std::optional<ClientEvent> event = session_->Next(kWaitStep)) Take(*event);
    }
  }

  void Take(const ClientEvent& event) {
    if (const auto* started = std::get_if<Started>(&event)) {
      rows_.clear();
      life_ = started->life;
      plan_.Begin(started->start);
      record_ = recorder_.Begin();
      CHECK(record_ != nullptr, "too many lives of one process");
      record_->generation = started->generation.value();
      record_->start = record_->pushed = started->start.value();
      record_->applied.fill(started->start.value());
      record_->life = started->life.value();  // last: the record counts from now on
      events_->Write(BegunEvent{.life = started->life, .clock = started->start});
    } else if (const auto* ready = std::get_if<Ready>(&event)) {
      rows_[ready->clock] = ready->rows;
      plan_.TakeRows(ready->clock);
    } else if (std::holds_alternative<Reset>(event)) {
      plan_.End();
    } else if (std::holds_alternative<Left>(event)) {
      left_ = true;
    }
  }

  Parameters KeysOf(Clock clock) const {
    Parameters keys(2);
    keys[0].table = kLedger;
    for (uint32_t place = 0; place < job_.places; ++place) {
      keys[0].keys.push_back(LedgerKey(job_, {life_, clock}, PlaceId(place)));
    }
    std::ranges::sort(keys[0].keys);
    AllBlocks(job_.tables[kSums.value()], &keys[1]);
    keys[1].table = kSums;
    return keys;
  }

  void Push(Clock clock) {
    Parameters gradients = std::move(rows_[clock]);
    rows_.erase(clock);
    std::ranges::fill(gradients[0].values, -1.0F);
    const uint32_t dim = job_.tables[kSums.value()].dim;
    const uint64_t kind = PushKind({life_, clock});
    for (size_t block = 0; block < gradients[1].keys.size(); ++block) {
      for (uint32_t i = 0; i < dim; ++i) {
        gradients[1].values[block * dim + i] =
            static_cast<float>(-SumsStep(kind, gradients[1].keys[block], i));
      }
    }
    record_->pushed = clock.Next().value();
    session_->NoteWork();
    session_->Push(clock, std::move(gradients));
    const Instant now = MonotonicNow();
    if (now - told_at_ < kProgressEvery) return;
    told_at_ = now;
    events_->Write(ProgressEvent{.clock = clock.Next()});
  }

  // What shards have acknowledged to this life.
  void Record() {
    const Acknowledged acknowledged = session_->acknowledged();
    if (record_ == nullptr || acknowledged.life != life_) return;
    for (size_t place = 0; place < acknowledged.applied.size(); ++place) {
      record_->applied[place] = acknowledged.applied[place].value();
    }
  }

  const Job job_;
  Session* const session_;
  PushRecorder recorder_;
  EventLog* const events_;
  IterationPlan plan_;
  Life life_;
  PushRecord* record_ = nullptr;
  std::map<Clock, Parameters> rows_;
  bool left_ = false;
  Instant told_at_;
};

absl::Status Train(const Beginning& beginning, const Frame& frame) {
  const Job& job = beginning.job;
  const SeatId seat(beginning.start.index.index);
  ASSIGN_OR_RETURN(PushRecorder recorder,
                   PushRecorder::Make(absl::StrFormat("%s/pushes/%d-%d", beginning.run.folder,
                                                      seat.value(), getpid())));
  PsClientOptions client;
  client.job = job;
  client.seat = seat;
  ASSIGN_OR_RETURN(const auto session,
                   Session::Open(std::move(client), beginning.start.scheduler->value));
  return ChaosWorker(job, session.get(), std::move(recorder), frame.events).Run(frame.signals);
}

int Main(int argc, char** argv) {
  StartFlags flags;
  CLI::App app("A worker under chaos");
  app.require_subcommand(1);
  AddStartFlags(StartRole::kWorker, app.add_subcommand("train", "push integers"), &flags);
  const auto starter = [&flags](const Surroundings& around) {
    return Starter{StartRole::kWorker, flags, around};
  };
  const auto work = [&](const Frame& frame) -> absl::StatusOr<int> {
    ASSIGN_OR_RETURN(const Beginning beginning, Begin(starter(frame.around), frame));
    RETURN_IF_ERROR(Train(beginning, frame));
    return kExitDone;
  };
  const auto name = [&](const Surroundings& around) { return NameOf(starter(around)); };
  return RunProcess({.app = &app, .name = name, .work = work}, argc, argv);
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
