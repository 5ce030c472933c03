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
#include "common/wire/message.h"
#include "common/wire/protocol.h"

namespace rubato {

// Names of the tables of a shard, as keys are limited to them.
using TableNames = absl::flat_hash_map<TableId, std::string>;

// What came from the holders of one key, and went to them.
struct KeyUse {
  KeyRole role = KeyRole::kReader;
  uint64_t messages = 0;
  uint64_t refused = 0;
  uint64_t sent_bytes = 0;
};

class Doorman {
 public:
  // `keys`: null where there are none.
  Doorman(Listener where, std::shared_ptr<const KeyRing> keys, TableNames tables);

  // `key`: the sender's, "" where there are none. PermissionDenied says what he may not.
  absl::Status Admit(const std::string& key, const Message& message);
  // Whether more may be sent to the holders of `key` now. A larger answer than is left is sent, and
  // then nothing until that time is over.
  bool MaySend(const std::string& key, Instant now);
  void NoteSent(const std::string& key, uint64_t bytes, Instant now);

  // By public key, of those that the list has had since the process began.
  const absl::flat_hash_map<std::string, KeyUse>& uses() const { return uses_; }

 private:
  struct Budget {
    double bytes = 0;
    Instant at;
  };
  absl::Status Judge(const Grant* grant, const Message& message) const;
  absl::Status CheckTables(const Grant& grant, const std::vector<TableRows>& rows) const;
  // Bytes that may be sent now; filled up first.
  double* Fill(const std::string& key, uint64_t per_second, Instant now);

  const Listener where_;
  const std::shared_ptr<const KeyRing> keys_;
  const TableNames tables_;
  absl::flat_hash_map<std::string, KeyUse> uses_;
  absl::flat_hash_map<std::string, Budget> budgets_;
};

}  // namespace rubato
