// Who has taken how much of a model from a shard by reading it (predict, evaluate, or anybody who
// has a reader's key): counted for each life of a reader, and told when it goes, while it goes on
// every minute, and with the end of the shard's loop. Each telling has the sums so far, so the last
// of a life counts; of a server that is killed up to a minute is missing. One owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "common/base/env.h"
#include "common/base/ids.h"
#include "common/telemetry/door_events.h"
#include "common/telemetry/telemetry.h"
#include "common/wire/message.h"

namespace rubato {

class ReaderAudit {
 public:
  // `events` may be null: then nothing is told. It outlives this.
  ReaderAudit(PlaceId place, EventLog* events) : place_(place), events_(events) {}

  // What is about to be sent, under the view as it is. What is no answer to a reader is not
  // counted. `key`: gives the receiver's public key, and is asked once a reader.
  template <class KeyOf>
  void Count(const View& view, const Envelope& envelope, KeyOf key) {
    const auto* reply = std::get_if<PullReply>(&envelope.message);
    if (reply == nullptr || view.readers.empty()) return;
    if (Taken* taken = Find(view, envelope.to); taken != nullptr) {
      if (taken->replies == 0) taken->key = key(envelope.to);
      Add(*reply, taken);
    }
  }
  // Tells of those who are gone, and of who has not been told of for a minute.
  void Look(const View& view, Instant now);
  // Tells of all that are left.
  void End() { Look(View(), Instant()); }

 private:
  struct Taken {
    Life life;
    std::string key;
    uint64_t replies = 0;
    uint64_t rows = 0;
    uint64_t bytes = 0;  // of weights, as they travel
    uint64_t told_replies = 0;
    std::optional<Instant> told_at;  // or since when it is counted
  };
  // nullptr: he is no reader.
  Taken* Find(const View& view, Nonce who);
  static void Add(const PullReply& reply, Taken* taken);
  void Tell(const Taken& taken) const;

  const PlaceId place_;
  EventLog* const events_;
  absl::flat_hash_map<Nonce, Taken> taken_;
};

}  // namespace rubato
