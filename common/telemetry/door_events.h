// What a scheduler or server tells of those who speak to it, by their keys.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/ids.h"

namespace rubato {

// What it has refused since it began.
struct RefusedEvent {
  static constexpr char kEvent[] = "refused";
  uint64_t connections = 0;
  uint64_t messages = 0;
  std::string why;  // of the newest message
  void Fields(auto&& field) const {
    field("connections", connections);
    field("messages", messages);
    field("why", why);
  }
};

// An operator's order, to the scheduler.
struct OrderedEvent {
  static constexpr char kEvent[] = "ordered";
  std::string order;  // "snapshot", "stop", "stop at once"
  std::string key;    // as of ShortKey; "" where there are none
  bool accepted = false;
  std::string why;
  void Fields(auto&& field) const {
    field("order", order);
    field("key", key);
    field("accepted", accepted);
    field("why", why);
  }
};

// What a reader has taken of a shard's weights, as it goes.
struct ReadEvent {
  static constexpr char kEvent[] = "read";
  PlaceId place;
  Life life;
  std::string key;  // as of ShortKey; "" where there are none
  uint64_t replies = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;  // of weights
  void Fields(auto&& field) const {
    field("place", place);
    field("life", life);
    field("key", key);
    field("replies", replies);
    field("rows", rows);
    field("bytes", bytes);
  }
};

// What the holders of a key have said to a listener, and were sent, as the listener ends.
struct KeyUseEvent {
  static constexpr char kEvent[] = "key_use";
  std::string role;
  std::string key;  // as of ShortKey
  uint64_t messages = 0;
  uint64_t refused = 0;  // that it may not say
  uint64_t beyond = 0;   // more than it may send in a second
  uint64_t taken_bytes = 0;
  uint64_t sent_bytes = 0;
  void Fields(auto&& field) const {
    field("role", role);
    field("key", key);
    field("messages", messages);
    field("refused", refused);
    field("beyond", beyond);
    field("taken_bytes", taken_bytes);
    field("sent_bytes", sent_bytes);
  }
};

}  // namespace rubato
