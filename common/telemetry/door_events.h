// What a scheduler or server tells of those whose keys are not good for it.
#pragma once

#include <cstdint>
#include <string>

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

}  // namespace rubato
