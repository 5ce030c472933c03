#include "tests/sim/mutated_shard.h"

#include <algorithm>
#include <utility>

#include "common/memory/finite.h"
#include "common/wire/codec.h"

namespace rubato::sim {
namespace {

bool IsFinite(const Push& push) {
  return std::ranges::all_of(push.rows, [](const TableRows& rows) {
    const auto values = TakeValues(rows.codec, rows.values);
    return values.ok() && AllFinite(values->span());
  });
}

// Another head on the rows of an image.
class RenamedImage : public ImageSource {
 public:
  RenamedImage(ImageHead head, std::shared_ptr<ImageSource> rows)
      : head_(std::move(head)), rows_(std::move(rows)) {}
  const ImageHead& head() const override { return head_; }
  std::vector<TableShape> tables() const override { return rows_->tables(); }
  absl::Status Take(size_t table, uint64_t rows, TableImage* out) override {
    return rows_->Take(table, rows, out);
  }

 protected:
  ImageHead head_;
  const std::shared_ptr<ImageSource> rows_;
};

// What the shard holds whenever rows are taken, not what it held at the cut.
class LateImage : public RenamedImage {
 public:
  LateImage(const Shard& shard, const std::shared_ptr<ImageSource>& image)
      : RenamedImage(image->head(), image), shard_(shard) {
    head_.base.reset();
    head_.depth = 0;
  }
  absl::Status Take(size_t table, uint64_t /*rows*/, TableImage* out) override {
    out->keys.clear();
    out->rows.clear();
    shard_.tables()[table]->ForEachRow([out](RowKey key, std::span<const float> row) {
      out->keys.push_back(key);
      out->rows.insert(out->rows.end(), row.begin(), row.end());
    });
    head_.positions.clear();
    for (const auto& [life, clock] : shard_.positions()) head_.positions.push_back({life, clock});
    return absl::OkStatus();
  }

 private:
  const Shard& shard_;
};

}  // namespace

void MutatedShard::Receive(Instant now, Nonce from, const Message& message, ShardOutput* out) {
  if (active_mutation == Mutation::none) return Shard::Receive(now, from, message, out);
  Message heard = message;
  if (Hear(&from, &heard)) Shard::Receive(now, from, heard, out);
  Say(out);
}

void MutatedShard::Tick(Instant now, ShardOutput* out) {
  Shard::Tick(now, out);
  Say(out);
}

void MutatedShard::ImageWritten(const ImageName& image, const absl::Status& status,
                                ShardOutput* out) {
  Shard::ImageWritten(image, status, out);
  Say(out);
}

absl::Status MutatedShard::ImagesLoaded(Life life, absl::StatusOr<std::vector<Image>> images,
                                        ShardOutput* out) {
  const absl::Status status = Shard::ImagesLoaded(life, std::move(images), out);
  Say(out);
  return status;
}

bool MutatedShard::Hear(Nonce* from, Message* message) const {
  if (auto* view = std::get_if<View>(message)) {
    if (Makes(Mutation::view_of_anybody)) *from = kSchedulerNonce;
    return HearView(view);
  }
  if (std::holds_alternative<Stale>(*message)) {
    if (Makes(Mutation::stale_of_anybody)) *from = kSchedulerNonce;
    return true;
  }
  if (Makes(Mutation::drop_early) && !serving()) return false;
  auto* const push = std::get_if<Push>(message);
  if (Makes(Mutation::forged_request)) {
    if (const auto* pull = std::get_if<Pull>(message)) *from = OwnerOf(pull->from, *from);
    if (const auto* sync = std::get_if<Sync>(message)) *from = OwnerOf(sync->from, *from);
    if (push != nullptr) *from = OwnerOf(push->from, *from);
  }
  return push == nullptr || HearPush(push);
}

bool MutatedShard::HearView(View* view) const {
  for (const SealedEntry& sealed : view->sealed) {
    for (MemberEntry& member : view->members) {
      const bool continues = Makes(Mutation::numbers_over_lives) && member.seat == sealed.seat;
      if (!continues || !member.start) continue;
      member.start = std::max(*member.start, applied(sealed.life).value_or(*member.start));
    }
    if (!Makes(Mutation::sealed_push) || sealed.sealed_at != view->version) continue;
    for (const MemberEntry& member : Shard::view().members) {
      if (member.life == sealed.life) view->members.push_back(member);
    }
  }
  return true;
}

bool MutatedShard::HearPush(Push* push) const {
  if (Makes(Mutation::nan_not_consumed) && !IsFinite(*push)) return false;
  if (Makes(Mutation::unnumbered_tick) && push->rows.empty()) {
    push->clock = std::min(push->clock, received(push->from).value_or(push->clock));
  }
  return true;
}

// The process that the view gave this life to.
Nonce MutatedShard::OwnerOf(Life life, Nonce otherwise) const {
  for (const MemberEntry& member : view().members) {
    if (member.life == life) return member.nonce;
  }
  for (const ReaderEntry& reader : view().readers) {
    if (reader.life == life) return reader.nonce;
  }
  return otherwise;
}

void MutatedShard::Say(ShardOutput* out) {
  if (active_mutation == Mutation::none) return;
  for (size_t i = 0; i < out->write.size(); ++i) Cut(&out->write[i], out);
  if (Makes(Mutation::prune_before_commit)) Misreport(out);
}

void MutatedShard::Misreport(ShardOutput* out) {
  for (Envelope& envelope : out->messages) {
    if (const auto* report = std::get_if<ShardReport>(&envelope.message)) {
      reported_durable_ = report->durable_clock;
    }
    if (auto* ack = std::get_if<Ack>(&envelope.message)) {
      ack->durable = std::max(ack->durable, reported_durable_);
    }
  }
}

void MutatedShard::Cut(std::shared_ptr<ImageSource>* image, ShardOutput* out) {
  if (Makes(Mutation::late_image)) *image = std::make_shared<LateImage>(*this, *image);
  if (Makes(Mutation::image_received)) {
    ImageHead head = (*image)->head();
    for (Position& position : head.positions) {
      position.clock = received(position.life).value_or(position.clock);
    }
    *image = std::make_shared<RenamedImage>(head, *image);
  }
  if (Makes(Mutation::durable_before_disk)) {
    Shard::ImageWritten((*image)->head().name, absl::OkStatus(), out);
  }
}

}  // namespace rubato::sim
