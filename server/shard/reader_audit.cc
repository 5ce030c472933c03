#include "server/shard/reader_audit.h"

#include <algorithm>

#include "common/base/log.h"
#include "common/base/status.h"
#include "common/keys/allow_list.h"

namespace rubato {
namespace {

constexpr Duration kTellEvery = Duration::Seconds(60);

}  // namespace

ReaderAudit::Taken* ReaderAudit::Find(const View& view, Nonce who) {
  const auto reader = std::ranges::find(view.readers, who, &ReaderEntry::nonce);
  if (reader == view.readers.end()) return nullptr;
  Taken& taken = taken_[who];
  taken.life = reader->life;
  return &taken;
}

void ReaderAudit::Add(const PullReply& reply, Taken* taken) {
  taken->replies += 1;
  for (const TableRows& table : reply.rows) {
    taken->rows += table.rows;
    taken->bytes += table.values.size();
  }
}

void ReaderAudit::Look(const View& view, Instant now) {
  absl::erase_if(taken_, [&](auto& entry) {
    auto& [nonce, taken] = entry;
    const bool reads =
        std::ranges::find(view.readers, nonce, &ReaderEntry::nonce) != view.readers.end();
    if (!taken.told_at) taken.told_at = now;
    const bool due = !reads || now - *taken.told_at >= kTellEvery;
    if (due && taken.replies > taken.told_replies) Tell(taken);
    if (due) {
      taken.told_replies = taken.replies;
      taken.told_at = now;
    }
    return !reads;
  });
}

void ReaderAudit::Tell(const Taken& taken) const {
  if (events_ == nullptr) return;
  const ReadEvent event{.place = place_,
                        .life = taken.life,
                        .key = ShortKey(taken.key),
                        .replies = taken.replies,
                        .rows = taken.rows,
                        .bytes = taken.bytes};
  events_->Write(event);
  LogInfo(absl::StrFormat("shard %d: reader life %d%s has taken %d rows, %d bytes, in %d answers",
                          place_.value(), event.life.value(),
                          event.key.empty() ? "" : absl::StrCat(", key ", event.key), event.rows,
                          event.bytes, event.replies));
}

}  // namespace rubato
