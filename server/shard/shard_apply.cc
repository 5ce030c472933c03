// Applying pushes, and cutting an image exactly between iterations C - 1 and C.
#include <algorithm>
#include <utility>

#include "common/wire/protocol.h"
#include "server/shard/shard.h"

namespace rubato {

void Shard::Advance(ShardOutput* out) {
  const bool together = PushRule::AppliesTogether(staleness_);
  bool again = true;
  while (again) {
    again = together ? ApplyBoundary() : ApplyReady();
    again = CutIfReached(out) || again;
  }
  AnswerParked(out);
}

bool Shard::HeldBack(Clock number) const {
  return armed_ && !CutRule::Holds(armed_->clock, number);
}

// Each life's pushes in their order, as far as they are here.
bool Shard::ApplyReady() {
  bool any = false;
  for (auto& [life, inbox] : inboxes_) {
    for (;;) {
      const Clock number = applied_[life];
      const auto push = inbox.held.find(number);
      if (push == inbox.held.end() || HeldBack(number)) break;
      Apply(life, number, push->second);
      inbox.held.erase(push);
      any = true;
    }
  }
  return any;
}

// s = 0: iteration b of all members together, in seat order, so that every read at c sees exactly
// the iterations < c, and the result does not depend on arrival.
bool Shard::ApplyBoundary() {
  const Clock boundary = clocks_.min_clock();
  if (inboxes_.empty() || clocks_.any_pending() || HeldBack(boundary)) return false;
  for (const auto& [life, inbox] : inboxes_) {
    if (applied_[life] == boundary && !inbox.held.contains(boundary)) return false;
  }
  std::vector<std::pair<SeatId, Life>> order;
  for (const MemberEntry& member : view_.members) {
    if (applied_[member.life] == boundary) order.emplace_back(member.seat, member.life);
  }
  std::sort(order.begin(), order.end());
  for (const auto& [seat, life] : order) {
    Inbox& inbox = inboxes_[life];
    Apply(life, boundary, inbox.held[boundary]);
    inbox.held.erase(boundary);
  }
  return !order.empty();
}

void Shard::Apply(Life life, Clock number, const DecodedPush& push) {
  for (const DecodedRows& rows : push.rows) {
    rows.table->Apply(rows.keys.span(), rows.gradients.span().data());
    counters_.rows_applied += rows.keys.size();
  }
  ++counters_.pushes_applied;
  if (!push.rows.empty()) ++counters_.staleness[(number - push.oldest_read).value()];
  applied_[life] = number.Next();
  end_ = std::max(end_, number.Next());
  if (clocks_.Contains(life)) clocks_.Advance(life, number.Next());
}

// Takes up the cut of a new view: refuses it if it came too late, else waits for min_clock = C.
void Shard::FollowCut(ShardOutput* out) {
  if (!view_.cut) {
    armed_.reset();
    return;
  }
  const OpenCut& cut = *view_.cut;
  if (cut.snapshot <= cut_handled_ || (armed_ && armed_->snapshot == cut.snapshot)) return;
  armed_.reset();
  if (!cut.exact) {
    cut_handled_ = cut.snapshot;
    Cut(cut, out);
  } else if (!CutRule::ComesInTime(cut.clock, end_)) {
    cut_handled_ = cut.snapshot;
    refused_ = cut.snapshot;
    ++counters_.cuts_refused;
  } else {
    armed_ = cut;
  }
}

bool Shard::CutIfReached(ShardOutput* out) {
  if (!armed_ || clocks_.min_clock() < armed_->clock) return false;
  const OpenCut cut = *armed_;
  armed_.reset();
  cut_handled_ = cut.snapshot;
  Cut(cut, out);
  return true;
}

void Shard::Cut(const OpenCut& cut, ShardOutput* out) {
  std::shared_ptr<Image> image = Capture(cut);
  captured_[cut.snapshot] = {image->clock, image->positions};
  ++counters_.cuts;
  out->write.push_back(std::move(image));
}

// `applied` positions, never `received`: what is held back is not in the rows.
std::shared_ptr<Image> Shard::Capture(const OpenCut& cut) const {
  auto image = std::make_shared<Image>();
  image->name = {cut.snapshot, options_.place, life_};
  image->generation = view_.generation;
  image->exact = cut.exact;
  image->clock = cut.clock;
  image->job_fingerprint = job_fingerprint_;
  image->places = static_cast<uint32_t>(view_.shards.size());
  for (const auto& [life, clock] : applied_) {
    image->positions.push_back({life, clock});
    if (!cut.exact) image->clock = std::max(image->clock, clock);
  }
  for (const auto& table : tables_) {
    TableImage rows;
    rows.table = table->spec().id;
    rows.row_floats = static_cast<uint32_t>(table->RowFloats());
    rows.keys.reserve(table->StoredRows());
    rows.rows.reserve(table->StoredRows() * table->RowFloats());
    table->ForEachRow([&rows](RowKey key, std::span<const float> row) {
      rows.keys.push_back(key);
      rows.rows.insert(rows.rows.end(), row.begin(), row.end());
    });
    image->tables.push_back(std::move(rows));
  }
  return image;
}

void Shard::ImageWritten(const ImageName& image, const absl::Status& status, ShardOutput* out) {
  if (image.life != life_ || state_ != State::kServing) return;
  const auto captured = captured_.find(image.snapshot);
  if (!status.ok()) {
    refused_ = std::max(refused_.value_or(image.snapshot), image.snapshot);
  } else if (captured != captured_.end() &&
             image.snapshot > durable_snapshot_.value_or(SnapshotNumber(0))) {
    durable_snapshot_ = image.snapshot;
    durable_clock_ = captured->second.clock;
  }
  Report(out);
}

}  // namespace rubato
