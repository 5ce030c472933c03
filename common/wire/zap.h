// Who may open a connection to the listeners of a context: ZeroMQ asks for each (its RFC 27, ZAP),
// and a thread answers from the list of keys. Without such a handler CURVE would let any key in.
//
// A connection that is let in has its public key as User-Id on each of its messages: that, and not
// what a message says, is its sender (common/wire/doorman.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "absl/status/statusor.h"
#include "common/keys/key_ring.h"

namespace rubato {

// A new pair of CURVE.
KeyPair NewKeyPair();

class ZapHandler {
 public:
  // Answers from then on; before any listener of `context` is bound. Internal: ZeroMQ refuses.
  static absl::StatusOr<std::unique_ptr<ZapHandler>> Start(zmq::context_t* context,
                                                           std::shared_ptr<const KeyRing> keys);
  // Before the context ends.
  ~ZapHandler();
  ZapHandler(const ZapHandler&) = delete;
  ZapHandler& operator=(const ZapHandler&) = delete;

  // Connections that were refused, for a key that the list does not have.
  uint64_t refused() const { return refused_; }

 private:
  explicit ZapHandler(std::shared_ptr<const KeyRing> keys) : keys_(std::move(keys)) {}
  void Run();
  void Answer();
  // The public key of a request that may come in, "" of one that may not.
  std::string Judge(const std::vector<zmq::message_t>& request) const;

  const std::shared_ptr<const KeyRing> keys_;
  std::atomic<uint64_t> refused_{0};
  zmq::socket_t questions_;  // the thread's, once it runs
  zmq::socket_t end_here_;   // the thread's end of `end_`
  zmq::socket_t end_;
  std::thread thread_;
};

}  // namespace rubato
