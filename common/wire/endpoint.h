// The only door to ZeroMQ: messages to peers and from peers, by nonce.
//
// A process (or a shard's thread) opens one Endpoint. It may listen (one ROUTER socket) and connect
// to any number of peers (one DEALER socket each): a scheduler only listens, a worker only
// connects, a shard does both. Whoever has spoken to a listener can be answered by his nonce.
//
// What ZeroMQ does not promise is not hidden: kSent means queued, not arrived. Messages are lost
// when a connection breaks or a queue is full, and nothing is said about it; the protocol above
// numbers, acknowledges and resends. Only Receive waits for messages (opening and closing sockets
// may take as long as the system does), and no message can end the process: bytes that Decode
// refuses are counted and answered with an ErrorReply, up to 500 in a second.
//
// A header can claim any nonce; who is told what Receive returns may rely on it. A connection
// speaks for the peer that it was opened to, and no other. What comes to the listener speaks for
// nobody to whom a connection is open, and a nonce is its first speaker's until that is gone.
//
// What is queued to a peer of the listener is bounded in messages and in bytes: who asks and does
// not read fills his own queue, and is sent no more.
//
// Large frames are not copied, either way: a sent Buffer is kept alive until ZeroMQ is done with
// it, a received frame is the Buffer's owner. One thread owns an Endpoint; only Wake may be called
// from others.
//
// With keys every connection is encrypted, both ends have proved their keys before anything else
// passes, and what a sender may say follows from his (common/wire/doorman.h). Without them only
// addresses of this host are taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/env.h"
#include "common/base/ids.h"
#include "common/keys/key_ring.h"
#include "common/wire/doorman.h"
#include "common/wire/message.h"
#include "common/wire/peer_address.h"
#include "common/wire/send_result.h"
#include "common/wire/wire.h"

namespace rubato {

struct EndpointOptions {
  Nonce self;
  std::string listen;                       // as in common/wire/address.h; "": no listener
  int io_threads = 1;                       // about one for each 5 GB/s
  uint64_t peers = 0;                       // for so many files can be opened, or Open fails
  std::shared_ptr<KeyRing> keys = nullptr;  // null: none
  TableNames tables = {};                   // of a shard
};

// Of one peer of a listener; a message more may be queued while there is room. Those below
// kCountedBytes do not count, as their number is bounded.
inline constexpr uint64_t kMaxQueuedBytes = 64u << 20;
inline constexpr size_t kCountedBytes = 16u << 10;

// Files that an Endpoint has open: its own, and for each peer a socket and what wakes its queue.
constexpr uint64_t FilesOfEndpoint(uint64_t peers) { return 16 + 2 * peers; }

// Since the Endpoint was opened.
struct EndpointCounts {
  uint64_t sent_messages = 0;
  uint64_t sent_bytes = 0;
  uint64_t received_messages = 0;
  uint64_t received_bytes = 0;
  uint64_t would_block = 0;
  uint64_t unknown_peer = 0;
  uint64_t refused = 0;  // messages that do not decode, or that their sender may not say
  uint64_t denied = 0;   // of these: what the sender's key is not good for
  uint64_t beyond = 0;   // messages beyond what their sender's key may send in a second: as if lost
  uint64_t refused_connections = 0;  // for a key that is not in the list
  std::string last_refusal;          // of a message: why, the newest
};

class Endpoint {
 public:
  // InvalidArgument: the address is malformed, not of this host though there are no keys, or in
  // use; or the limit on open files is too low. Unavailable: no more threads may be started.
  static absl::StatusOr<std::unique_ptr<Endpoint>> Open(const EndpointOptions& options);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  // Where peers reach the listener, with the port that was chosen; "" if there is none.
  const std::string& address() const;

  // Opens a connection to `peer`; nothing if it is open already, anew if the address is another.
  // Waits a moment for it to stand, so that a first message is not refused; ZeroMQ goes on trying.
  absl::Status Connect(Nonce peer, const PeerAddress& at);
  // Closes it; what was queued is dropped.
  void Disconnect(Nonce peer);
  // Why the connection to the scheduler does not stand, if it does not.
  const Trouble& trouble() const;

  SendResult Send(Nonce to, const Message& message);
  // False: what is queued to `to`, who was heard by the listener, has reached kMaxQueuedBytes, or
  // his key has had what it may have for now. To make a large answer for him would be in vain.
  bool HasRoom(Nonce to);
  // The same for frames that are encoded already.
  SendResult SendFrames(Nonce to, const Frames& frames);

  // Waits until a message is there, Wake is called or `timeout` is over; returns what has arrived,
  // a bounded number of messages from each connection.
  std::vector<Decoded> Receive(Duration timeout);

  // Makes the present or next Receive return at once. Any thread, also a signal handler.
  void Wake() const;

  const EndpointCounts& counts() const;
  // Of the listener.
  const KeyUses& uses() const;
  // Public key of who was heard by the listener as `peer`; "" where there are none, or he is gone.
  std::string KeyOf(Nonce peer) const;

 private:
  class Impl;
  explicit Endpoint(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rubato
