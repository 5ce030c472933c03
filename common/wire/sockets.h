// The sockets of an endpoint (common/wire/endpoint.h), with every option that is not ZeroMQ's own
// choice, and what passes through them.
//
// ZeroMQ's own heartbeats stay off. libzmq 4.3.4 ends the process ("Assertion failed: !_io_error")
// if their timer fires on a connection that was closed while its input stood still at a full queue,
// as that of a busy process does. They saw stopped processes and dead hosts: leases and reports see
// these (ARCHITECTURE.md, "Eviction"), and of a tcp connection whose other end acknowledges nothing
// the kernel frees us, probing it when it is idle and giving up what it has sent when it is not.
// That bound also ends a connection whose reader stands still for as long, so it is a long one.
//
// What fails is thrown, as ZeroMQ's C++ does (zmq::error_t): the endpoint catches it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "absl/status/status.h"
#include "common/keys/key_ring.h"
#include "common/memory/buffer.h"
#include "common/wire/routes.h"
#include "common/wire/send_result.h"
#include "common/wire/wire.h"

namespace rubato {

// Not bound yet: a ROUTER, which says so when a peer is gone. `own`: null where there are no keys;
// else only who proves a key that the context's ZapHandler knows is heard.
zmq::socket_t ListenerSocket(zmq::context_t* context, const KeyPair* own);
// Not connected yet: a DEALER, which queues nothing for a peer that is not there. With `own` it
// speaks to nobody but the holder of `peer_key`.
zmq::socket_t ConnectionSocket(zmq::context_t* context, const KeyPair* own,
                               const std::string& peer_key);

// What ZeroMQ holds while it sends a frame that is not copied.
struct SharedFrame {
  Buffer frame;
  Backlog backlog;  // that its message counts in until it is sent or dropped; null: none
  uint64_t bytes = 0;
};
zmq::message_t Share(SharedFrame shared);
// Shared where that is cheaper than a copy.
zmq::message_t ToMessage(const Buffer& frame);
Buffer ToBuffer(zmq::message_t message);

// Offers all parts even if one is not taken in the middle: ZeroMQ then drops the rest, and the next
// message begins cleanly.
SendResult SendParts(zmq::socket_t& socket, std::vector<zmq::message_t> parts);

inline constexpr size_t kMaxTakenParts = 2 + kMaxFrames;
// The parts of the next message; empty if none has arrived. Parts beyond what any message may have
// are dropped but for one, by which Decode sees that there were too many.
std::vector<zmq::message_t> ReceiveParts(zmq::socket_t& socket);

// The public key that the sender of a message's part has proved; "" where there are none.
std::string SenderKey(const zmq::message_t& part);

// What ZeroMQ could not do, with the number that it gives for that: "DOING failed: ...".
absl::Status ZmqError(int error, const std::string& doing);
// Why nobody can listen on `address`, in words of what to do: InvalidArgument where another one is
// to be chosen.
absl::Status ListenError(const std::string& address, int error);

}  // namespace rubato
