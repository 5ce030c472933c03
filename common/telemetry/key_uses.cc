#include "common/telemetry/key_uses.h"

#include "common/telemetry/door_events.h"

namespace rubato {

void TellKeyUses(const KeyUses& uses, EventLog* events) {
  if (events == nullptr) return;
  for (const auto& [key, use] : uses) {
    events->Write(KeyUseEvent{.role = KeyRoleName(use.role),
                              .key = ShortKey(key),
                              .messages = use.messages,
                              .refused = use.refused,
                              .beyond = use.beyond,
                              .taken_bytes = use.taken_bytes,
                              .sent_bytes = use.sent_bytes});
  }
}

}  // namespace rubato
