// The connections that an endpoint has opened, by the peer at their other end: one DEALER socket
// each. With keys a connection stands only once both ends have proved theirs.
//
// The scheduler's key is known from the list, which has two of them while one replaces the other:
// as long as nobody has answered, the next one is tried, and a name that nobody knew is asked for
// again. What keeps the scheduler's connection from
// standing is kept as words for people.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "common/base/env.h"
#include "common/base/ids.h"
#include "common/keys/key_ring.h"
#include "common/wire/name_families.h"
#include "common/wire/peer_address.h"
#include "common/wire/send_result.h"
#include "common/wire/wire.h"

namespace rubato {

class Connections {
 public:
  // `keys`: null where there are none. Both outlive it.
  Connections(zmq::context_t* context, const KeyRing* keys) : context_(context), keys_(keys) {}
  // The monitor before the socket that reads it: ZeroMQ leaks what it tells nobody.
  ~Connections() { Disconnect(kSchedulerNonce); }
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  // As of the endpoint.
  absl::Status Connect(Nonce peer, const PeerAddress& at);
  void Disconnect(Nonce peer);
  bool Contains(Nonce peer) const { return open_.contains(peer); }
  // `peer` is connected to.
  SendResult Send(Nonce peer, const Frames& frames);

  // For a poll.
  void AddTo(std::vector<zmq_pollitem_t>* items);
  // Calls visit(peer, socket) for each; it opens and closes none.
  template <class Visit>
  void ForEach(Visit visit) {
    for (auto& [peer, connection] : open_) visit(peer, &connection.socket);
  }
  void NoteHeard(Nonce peer);

  // Looks what became of connections that did not stand at once. As often as you like.
  void Watch(Instant now);
  // Why the scheduler's does not stand, if it does not.
  const Trouble& trouble() const { return trouble_; }

 private:
  struct Connection {
    zmq::socket_t socket;
    PeerAddress at;
    std::vector<std::string> keys;  // that its peer may have, tried in turn
    size_t key = 0;
    std::string unknown;  // why its name means nothing here, if it does not: for people
    bool heard = false;
    Instant opened;
  };
  absl::Status Open(Nonce peer, Connection* connection);
  void OpenAgain(Instant now, Nonce peer, Connection* connection);
  void ReadTroubles(const Connection& scheduler);

  zmq::context_t* const context_;
  const KeyRing* const keys_;
  NameFamilies families_{LookupOfThisHost()};
  absl::flat_hash_map<Nonce, Connection> open_;
  std::optional<zmq::socket_t> troubles_;  // tells of the scheduler's connection
  Trouble trouble_;
  int monitors_ = 0;
  Instant watched_;
};

}  // namespace rubato
