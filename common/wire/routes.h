// Which connection of a listener speaks for which nonce. A connection is known by its routing id,
// which ZeroMQ gives to each new one. Bounded: who is gone and never written to stays in here.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/ids.h"

namespace rubato {

class Routes {
 public:
  // nullptr: no connection has spoken for it. Valid until the next change.
  const std::string* Find(Nonce nonce) const;
  // `route` speaks for `nonce`, which no other does. Of too many nonces the oldest is forgotten; of
  // too many connections all are, which is safe: the living are learned again from their next
  // message, and what they ask meanwhile they ask again.
  void Bind(Nonce nonce, const std::string& route);
  // It is gone, with all it spoke for.
  void Forget(std::string route);

 private:
  absl::flat_hash_map<Nonce, std::string> routes_;
  absl::flat_hash_map<std::string, std::vector<Nonce>> nonces_;
};

}  // namespace rubato
