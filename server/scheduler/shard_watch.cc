#include "server/scheduler/shard_watch.h"

#include <algorithm>

#include "common/base/status.h"

namespace rubato {
namespace {

constexpr int64_t kLeases = 6;

}  // namespace

ShardWatch::ShardWatch(Duration lease, Instant now)
    : lease_(lease),
      limit_(std::max(Duration::Nanos(kLeases * lease.nanos()), Duration::Seconds(60))),
      begun_(now) {}

ShardWatch::Watched& ShardWatch::At(size_t place) {
  if (watched_.size() <= place) watched_.resize(place + 1, {begun_, begun_});
  return watched_[place];
}

void ShardWatch::Heard(Instant now, const std::vector<ShardEntry>& shards, Nonce from) {
  for (size_t place = 0; place < shards.size(); ++place) {
    if (shards[place].life != kNoLife && shards[place].nonce == from) At(place).heard = now;
  }
}

Duration ShardWatch::SilenceOf(Instant now, size_t place) const {
  return now - (place < watched_.size() ? watched_[place].heard : begun_);
}

std::vector<PlaceId> ShardWatch::Silent(Instant now, const std::vector<ShardEntry>& shards) {
  std::vector<PlaceId> silent;
  for (size_t place = 0; place < shards.size(); ++place) {
    if (shards[place].life == kNoLife) continue;
    Watched& watched = At(place);
    if (now - std::max(watched.heard, watched.told) <= lease_) continue;
    watched.told = now;
    silent.emplace_back(static_cast<uint32_t>(place));
  }
  return silent;
}

absl::Status ShardWatch::Check(Instant now, const std::vector<ShardEntry>& shards) const {
  for (size_t place = 0; place < shards.size(); ++place) {
    if (SilenceOf(now, place) < limit_) continue;
    return absl::UnavailableError(absl::StrFormat(
        "shard %d %s %d s: see the log of its server, and go on with --resume", place,
        shards[place].life != kNoLife ? "has said nothing for" : "did not come up within",
        static_cast<int>(limit_.seconds())));
  }
  return absl::OkStatus();
}

}  // namespace rubato
