// What a listener takes from whom (ARCHITECTURE.md, "Doors"): a sender is the key that ZeroMQ has
// proved, whatever his message says, and may say what his key's role may. No socket: the endpoint
// asks, and tells what it has sent.
//
// Where there are no keys everybody may say all that comes to such a listener. Only loopback is
// without keys.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "common/base/env.h"
#include "common/base/ids.h"
#include "common/keys/key_ring.h"
#include "common/keys/key_use.h"
#include "common/wire/message.h"
#include "common/wire/protocol.h"
#include "common/wire/token_bucket.h"

namespace rubato {

// Names of the tables of a shard, as keys are limited to them.
using TableNames = absl::flat_hash_map<TableId, std::string>;

class Doorman {
 public:
  // `keys`: null where there are none.
  Doorman(Listener where, std::shared_ptr<const KeyRing> keys, TableNames tables);

  // `key`: the sender's, "" where there are none. PermissionDenied says what he may not.
  absl::Status Admit(const std::string& key, const Message& message);
  // Before a message of the holders of `key` is looked at: false where they have sent what they may
  // for now. A larger one than is left is taken, and then nothing until that time is over.
  bool MayCome(const std::string& key, uint64_t bytes, Instant now);
  // Whether more may be sent to the holders of `key` now; larger answers as above.
  bool MaySend(const std::string& key, Instant now);
  void NoteSent(const std::string& key, uint64_t bytes, Instant now);

  // Of those that the list has had since the process began.
  const KeyUses& uses() const { return uses_; }

 private:
  struct Budgets {
    TokenBucket pulls;  // bytes, as pushes
    TokenBucket pushes;
    TokenBucket messages;
  };
  absl::Status Judge(const std::string& key, const Grant* grant, const Message& message) const;
  absl::Status CheckTables(const Grant& grant, const std::vector<TableRows>& rows) const;

  const Listener where_;
  const std::shared_ptr<const KeyRing> keys_;
  const TableNames tables_;
  KeyUses uses_;
  absl::flat_hash_map<std::string, Budgets> budgets_;
};

}  // namespace rubato
