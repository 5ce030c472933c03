// What the allocator keeps of the memory of messages, and when it goes back to the system.
//
// ZeroMQ takes the memory of each received frame from malloc. By itself malloc would hand memory of
// this size back to the system as soon as it is free, and the system would clear it page by page
// for the next message, which takes longer than to receive it. So it is kept, and goes back
// when messages have been few for a while, or a peer is gone that may have sent a flood.
#pragma once

#include <cstdint>
#include <optional>

#include "common/base/env.h"

namespace rubato {

// Of one thread. The allocator is the process's: the first one tells it so, for good.
class FreedMemory {
 public:
  FreedMemory();

  // A message was sent or received.
  void NoteMessage(uint64_t bytes);
  // What was freed for one peer alone may be much, and is free a moment later: ZeroMQ frees first.
  void NoteEnding(Instant now);
  // Gives back what is due.
  void Look(Instant now);

 private:
  bool large_ = false;             // messages since the last Look
  std::optional<Instant> ending_;  // when what has ended is free
  std::optional<Instant> quiet_;   // when there will have been no large message for a while
  std::optional<Instant> latest_;  // however many there are
};

}  // namespace rubato
