// Which shards a scheduler has not heard of for too long. A machine of its loop: times are those of
// one AwakeClock, so what everybody slept through counts against nobody.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "common/base/env.h"
#include "common/wire/message.h"

namespace rubato {

class ShardWatch {
 public:
  // Silence of a `lease` is told. After six of them, or a minute if that is longer, nobody seems to
  // do anything about it.
  ShardWatch(Duration lease, Instant now);

  // Something has come from this process.
  void Heard(Instant now, const std::vector<ShardEntry>& shards, Nonce from);
  // Those whose silence is to be told: once a lease each. A shard without a life has not come yet.
  std::vector<PlaceId> Silent(Instant now, const std::vector<ShardEntry>& shards);
  // Unavailable: nobody has started it again.
  absl::Status Check(Instant now, const std::vector<ShardEntry>& shards) const;

 private:
  struct Watched {
    Instant heard;
    Instant told;
  };
  Watched& At(size_t place);
  Duration SilenceOf(Instant now, size_t place) const;

  const Duration lease_;
  const Duration limit_;
  const Instant begun_;
  std::vector<Watched> watched_;  // by place, as far as anybody spoke or was told of
};

}  // namespace rubato
