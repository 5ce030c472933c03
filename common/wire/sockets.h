// The sockets of an endpoint (common/wire/endpoint.h), with every option that is not ZeroMQ's own
// choice.
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

#include <string>
#include <zmq.hpp>

#include "absl/status/status.h"

namespace rubato {

// Not bound yet: a ROUTER, which says so when a peer is gone.
zmq::socket_t ListenerSocket(zmq::context_t* context);
// Not connected yet: a DEALER, which queues nothing for a peer that is not there.
zmq::socket_t ConnectionSocket(zmq::context_t* context);

// What ZeroMQ could not do, with the number that it gives for that: "DOING failed: ...".
absl::Status ZmqError(int error, const std::string& doing);

}  // namespace rubato
