// Which connection of a listener speaks for which nonce. A connection is known by its routing id,
// which ZeroMQ gives to each new one. Bounded: who is gone and never written to stays in here.
//
// A nonce is its key's, too: the holder of another key never gets it, also when the connection that
// spoke for it is gone.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/ids.h"

namespace rubato {

// Bytes queued to a connection: what has left its queue is counted out by ZeroMQ's threads.
using Backlog = std::shared_ptr<std::atomic<uint64_t>>;

class Routes {
 public:
  struct Route {
    std::string id;
    std::string key;  // public key that the connection proved; "" where there are none
    Backlog backlog;  // of all nonces that the connection speaks for
  };
  // nullptr: no connection has spoken for it. Valid until the next change.
  const Route* Find(Nonce nonce) const;
  // Whether `nonce` has always been spoken by the holders of `key`, as far as is remembered.
  bool IsOf(Nonce nonce, const std::string& key) const;
  // `route` speaks for `nonce`, which no other does. Of too many nonces the oldest is forgotten; of
  // too many connections all are, which is safe: the living are learned again from their next
  // message, and what they ask meanwhile they ask again.
  void Bind(Nonce nonce, const std::string& route, const std::string& key);
  // It is gone, with all it spoke for.
  void Forget(std::string route);

 private:
  struct Spoken {
    std::vector<Nonce> nonces;
    Backlog backlog = std::make_shared<std::atomic<uint64_t>>(0);
  };
  void Remember(Nonce nonce, const std::string& key);

  absl::flat_hash_map<Nonce, Route> routes_;
  absl::flat_hash_map<Nonce, std::string> owners_;
  std::deque<Nonce> remembered_;  // those of owners_, oldest first
  absl::flat_hash_map<std::string, Spoken> spoken_;
};

}  // namespace rubato
