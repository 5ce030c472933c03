// What a death may have cost, and when the dead are forgotten.
#include <algorithm>
#include <set>
#include <utility>

#include "common/base/status.h"
#include "common/wire/protocol.h"
#include "server/scheduler/scheduler.h"

namespace rubato {

// Once every shard has acknowledged the view that sealed a life, its positions are final: compare
// them with each other and with the highest ever reported.
void Scheduler::CheckSealed(Instant now, SchedulerOutput* out) {
  if (!AllShardsReported()) return;
  for (const SealedEntry& sealed : view().sealed) {
    const std::optional<Extent> extent = FinalExtent(sealed);
    if (!extent || extent->highest == extent->lowest) continue;
    TellTorn(sealed, *extent, out);
    const bool lost = EvictionRule::IsLoss(extent->highest - extent->lowest, staleness());
    if (!lost || options_.on_loss != OnLoss::kResume) continue;
    return Resume(
        now, static_cast<uint32_t>(view().shards.size()),
        absl::StrFormat("pushes %d to %d of sealed life %d are lost", extent->lowest.value(),
                        extent->highest.value() - 1, sealed.life.value()),
        out);
  }
}

std::optional<Scheduler::Extent> Scheduler::FinalExtent(const SealedEntry& sealed) const {
  const auto known = high_water_.find(sealed.life);
  const Clock highest =
      known == high_water_.end() ? sealed.start : std::max(sealed.start, known->second);
  Extent extent{highest, highest};
  for (const auto& [place, report] : reports_) {
    const auto position = std::find_if(report.positions.begin(), report.positions.end(),
                                       [&](const Position& p) { return p.life == sealed.life; });
    const bool final =
        EvictionRule::IsFinal(report.seen, sealed.sealed_at) && position != report.positions.end();
    if (!final) return std::nullopt;
    extent.lowest = std::min(extent.lowest, position->clock);
  }
  return extent;
}

// Counted once, whoever tells it: a scheduler that starts again may tell it again.
void Scheduler::TellTorn(const SealedEntry& sealed, const Extent& extent, SchedulerOutput* out) {
  const Life life = sealed.life;
  const ClockDelta lacking = extent.highest - extent.lowest;
  if (ClockDelta& counted = state_.torn[life]; lacking > counted) {
    state_.pushes_lost += static_cast<uint64_t>(lacking.value() - counted.value());
    counted = lacking;
    Persist(out);
  }
  ClockDelta& told = torn_told_[life];
  if (lacking <= told) return;
  told = lacking;
  const bool lost = EvictionRule::IsLoss(lacking, staleness());
  Emit(out, {lost ? SchedulerEventKind::kLoss : SchedulerEventKind::kTornIterations, life,
             extent.lowest, extent.highest, "applied on some shards only", sealed.seat.value()});
}

bool Scheduler::ShardIsYounger(Life life) const {
  return std::any_of(view().shards.begin(), view().shards.end(),
                     [&](const ShardEntry& shard) { return shard.life > life; });
}

void Scheduler::ReportPossibleLoss(Life life, SchedulerOutput* out) {
  Emit(out, {SchedulerEventKind::kPossibleLoss, life, Clock(0), Clock(0),
             "sealed while a shard life is younger"});
}

// Of those that are still in the view: a scheduler may die between what it saves and what it tells.
void Scheduler::ReportPossibleLossAgain(SchedulerOutput* out) {
  if (!std::exchange(restarted_, false)) return;
  for (const SealedEntry& sealed : view().sealed) {
    if (ShardIsYounger(sealed.life)) ReportPossibleLoss(sealed.life, out);
  }
}

// At a commit: the final positions of who was sealed before the cut was opened are in its images,
// on every shard. From now on no shard can come back with less, and nothing remains to be compared.
void Scheduler::ForgetSettled() {
  std::erase_if(state_.view.sealed, [&](const SealedEntry& sealed) {
    return EvictionRule::IsSettled(sealed.sealed_at, state_.cut_opened_at);
  });
}

// What is known of lives that are not in the view any more.
void Scheduler::ForgetTheGone() {
  std::set<Life> here;
  for (const MemberEntry& member : view().members) here.insert(member.life);
  for (const ReaderEntry& reader : view().readers) here.insert(reader.life);
  for (const SealedEntry& sealed : view().sealed) here.insert(sealed.life);
  const auto gone = [&](const auto& entry) { return !here.contains(entry.first); };
  std::erase_if(peers_, gone);
  std::erase_if(added_, gone);
  std::erase_if(high_water_, gone);
  std::erase_if(torn_told_, gone);
  std::erase_if(state_.torn, gone);
}

}  // namespace rubato
