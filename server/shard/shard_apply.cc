// Applying pushes, and cutting an image exactly between iterations C - 1 and C.
#include <algorithm>
#include <utility>

#include "common/wire/protocol.h"
#include "server/shard/frozen_image.h"
#include "server/shard/shard.h"

namespace rubato {

void Shard::Advance(ShardOutput* out) {
  const bool together = PushRule::AppliesTogether(staleness_);
  bool again = true;
  bool cut = false;
  while (again) {
    again = together ? ApplyBoundary() : ApplyReady();
    if (CutIfReached(out)) again = cut = true;
  }
  if (cut) SendAckToAll(out);  // what was held back is applied: its credit is free
  AnswerParked(out);
  TellCommonClock(out);
}

// Under ASP the cut at which all workers wait is opened once all shards are there, and they wait
// until the scheduler knows.
void Shard::TellCommonClock(ShardOutput* out) {
  if (!staleness_.infinite()) return;
  const Clock common = options_.job.NextCommon(view_.committed.clock.Next());
  if (clocks_.min_clock() < common || told_common_ == common) return;
  told_common_ = common;
  Report(out);
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
      inbox.held_bytes -= push->second.bytes;
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
    inbox.held_bytes -= inbox.held[boundary].bytes;
    inbox.held.erase(boundary);
  }
  return !order.empty();
}

void Shard::NoteInfluence(Life life, const DecodedPush& push) {
  const auto member = std::ranges::find(view_.members, life, &MemberEntry::life);
  if (member == view_.members.end() || push.rows.empty()) return;
  std::vector<GradientRows> rows;
  for (const DecodedRows& of : push.rows) {
    const TableSpec& spec = of.table->spec();
    rows.push_back({spec.id, of.keys.span(), of.gradients.span().data(), spec.dim});
  }
  influence_.Note(member->seat, rows);
}

void Shard::Apply(Life life, Clock number, const DecodedPush& push) {
  if (Influence::Samples(number)) NoteInfluence(life, push);
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
  FollowBase();
  std::shared_ptr<ImageSource> image = Capture(HeadOf(cut));
  captured_[cut.snapshot] = {image->head().clock, image->head().positions};
  ++counters_.cuts;
  out->write.push_back(std::move(image));
}

// `applied` positions, never `received`: what is held back is not in the rows.
ImageHead Shard::HeadOf(const OpenCut& cut) const {
  ImageHead head;
  head.name = {cut.snapshot, options_.place, life_};
  head.generation = view_.generation;
  head.exact = cut.exact;
  head.clock = cut.clock;
  head.job_fingerprint = job_fingerprint_;
  head.places = static_cast<uint32_t>(view_.shards.size());
  for (const auto& [life, clock] : applied_) {
    head.positions.push_back({life, clock});
    if (!cut.exact) head.clock = std::max(head.clock, clock);
  }
  return head;
}

// The rows that changed since the base, unless the chain would grow too long, or not much shorter
// to read than a full image.
std::shared_ptr<ImageSource> Shard::Capture(ImageHead head) {
  uint64_t full = 0;
  uint64_t changed = 0;
  for (const auto& table : tables_) {
    const uint64_t row_bytes = sizeof(RowKey) + table->RowFloats() * sizeof(float);
    changed += table->Cut() * row_bytes;
    full += table->StoredRows() * row_bytes;
  }
  last_cut_ = Base{head.name, 0, 0};
  if (base_ && ChainRule::Extends(base_->depth, base_->behind, changed, full)) {
    head.base = base_->name;
    head.depth = base_->depth + 1;
    last_cut_ = Base{head.name, head.depth, base_->behind + changed};
  }
  std::vector<FrozenImage::FrozenTable> tables;
  for (const auto& table : tables_) {
    const FrozenExtent extent = head.base ? FrozenExtent::kChanged : FrozenExtent::kAll;
    tables.push_back({table->spec().id, table->Freeze(extent)});
  }
  return std::make_shared<FrozenImage>(std::move(head), std::move(tables));
}

// An image that is committed is what the next one rests on. What was cut and not committed leaves
// its changes to the next image.
void Shard::FollowBase() {
  const std::vector<ImageName>& images = view_.committed.images;
  const size_t place = options_.place.value();
  if (!last_cut_ || place >= images.size()) return;
  if (!ChainRule::IsBase(last_cut_->name, images[place])) return;
  base_ = std::exchange(last_cut_, std::nullopt);
  for (const auto& table : tables_) table->SetBase();
}

// `image` is all that this shard holds.
void Shard::LoadedBase(const Image& image) {
  uint64_t read = 0;
  uint64_t held = 0;
  for (const TableImage& t : image.tables) {
    read += t.keys.size() * sizeof(RowKey) + t.rows.size() * sizeof(float);
  }
  for (const auto& table : tables_) {
    held += table->StoredRows() * (sizeof(RowKey) + table->RowFloats() * sizeof(float));
    table->Cut();
    table->SetBase();
  }
  base_ = Base{image.name, image.depth, read - std::min(read, held)};
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
