#include "tests/sim/mutated_scheduler.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace rubato::sim {
namespace {

// What became of a sealed life's last pushes goes untold.
void ForgetLosses(SchedulerOutput* out) {
  if (!Makes(Mutation::no_seal_check)) return;
  std::erase_if(out->events, [](const SchedulerEvent& event) {
    return event.kind == SchedulerEventKind::kTornIterations ||
           event.kind == SchedulerEventKind::kPossibleLoss;
  });
}

SchedulerOptions WithoutBarriers(SchedulerOptions options) {
  if (Makes(Mutation::cut_beyond_barrier)) options.job.best_epoch = false;
  return options;
}

SchedulerState WithoutLosses(SchedulerState state) {
  if (!Makes(Mutation::lost_not_kept)) return state;
  state.pushes_lost = 0;
  state.torn.clear();
  return state;
}

}  // namespace

MutatedScheduler::MutatedScheduler(SchedulerOptions options, SchedulerState state, Instant now)
    : Scheduler(WithoutBarriers(std::move(options)), WithoutLosses(std::move(state)), now) {}

void MutatedScheduler::Receive(Instant now, Nonce from, const Message& message,
                               SchedulerOutput* out) {
  if (active_mutation == Mutation::none) return Scheduler::Receive(now, from, message, out);
  Message heard = message;
  if (auto* beat = std::get_if<Heartbeat>(&heard)) HearBeat(&from, beat);
  if (auto* report = std::get_if<ShardReport>(&heard)) HearReport(&from, report);
  Scheduler::Receive(now, from, heard, out);
  ForgetLosses(out);
}

void MutatedScheduler::Tick(Instant now, SchedulerOutput* out) {
  Scheduler::Tick(now, out);
  ForgetLosses(out);
  if (!Makes(Mutation::view_sent_once) || out->persist) return;
  std::erase_if(out->messages, [](const Envelope& envelope) {
    return std::holds_alternative<View>(envelope.message);
  });
}

void MutatedScheduler::HearBeat(Nonce* from, Heartbeat* beat) const {
  if (Makes(Mutation::stall_counts_time)) beat->work = 0;
  if (!Makes(Mutation::forged_beat)) return;
  for (const MemberEntry& member : view().members) {
    if (member.life == beat->life) *from = member.nonce;
  }
  for (const ReaderEntry& reader : view().readers) {
    if (reader.life == beat->life) *from = reader.nonce;
  }
}

void MutatedScheduler::HearReport(Nonce* from, ShardReport* report) {
  const bool loading = report->seen == ViewVersion(0);
  if (Makes(Mutation::deadline_counts_time) && !loading) report->work = 0;
  if (Makes(Mutation::forged_report)) {
    for (const ShardEntry& shard : view().shards) {
      if (shard.life == report->life) *from = shard.nonce;
    }
  }
  if (Makes(Mutation::dead_life_commit)) {
    SnapshotNumber& ever = ever_durable_[report->place];
    ever = std::max(ever, report->durable.value_or(ever));
    if (ever > SnapshotNumber(0)) report->durable = ever;
  }
}

const SchedulerState* MutatedWriteAhead::Due(Instant now) const {
  if (Makes(Mutation::one_failure_is_enough) && failures() > 0) return nullptr;
  return WriteAhead::Due(now);
}

void MutatedWriteAhead::Take(SchedulerOutput out) {
  if (Makes(Mutation::retry_old_state) && !durable()) out.persist.reset();
  messages_ = out.messages;
  if (Makes(Mutation::tell_before_disk) || Makes(Mutation::forget_untold)) {
    std::ranges::move(std::exchange(out.events, {}), std::back_inserter(untold_));
  }
  WriteAhead::Take(std::move(out));
}

WriteAhead::Released MutatedWriteAhead::Release() {
  Released released = WriteAhead::Release();
  if (Makes(Mutation::send_before_disk)) released.messages = std::exchange(messages_, {});
  std::vector<SchedulerEvent> untold = std::exchange(untold_, {});
  const bool forgets = Makes(Mutation::forget_untold) && !durable();
  if (!untold.empty() && !forgets) released.events = std::move(untold);
  return released;
}

}  // namespace rubato::sim
