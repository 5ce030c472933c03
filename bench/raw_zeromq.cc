// Includes ZeroMQ itself, which the product does in common/wire/endpoint.cc only: a limit cannot be
// measured through what it limits.
#include "bench/raw_zeromq.h"

#include <string>
#include <vector>
#include <zmq.hpp>

#include "bench/processes.h"
#include "common/base/status.h"

namespace rubato {
namespace {

constexpr int kPatienceMs = 20'000;  // without a message: the sender has died

void SendRaw(const std::string& address, const StreamShape& shape) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::push);
  socket.set(zmq::sockopt::sndhwm, static_cast<int>(shape.window));
  socket.connect(address);
  std::vector<char> bytes(shape.message_bytes, 'x');
  for (size_t i = 0; i < shape.messages; ++i) {
    zmq::message_t message(
        bytes.data(), bytes.size(), [](void*, void*) {}, nullptr);
    CHECK(socket.send(message, zmq::send_flags::none).has_value());
  }
  socket.close();
  context.close();  // waits until all is sent
}

}  // namespace

Duration RawZeroMqTime(Transport transport, const StreamShape& shape) {
  const Folder folder;
  AddressPipe addresses;
  const Child sender([&] { SendRaw(addresses.Receive(), shape); });
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::pull);
  socket.set(zmq::sockopt::rcvhwm, static_cast<int>(shape.window));
  socket.set(zmq::sockopt::rcvtimeo, kPatienceMs);
  socket.bind(transport == Transport::kTcp ? "tcp://127.0.0.1:0" : "ipc://" + folder.path() + "/s");
  addresses.Send(socket.get(zmq::sockopt::last_endpoint));
  Instant first;
  for (size_t i = 0; i < shape.messages; ++i) {
    zmq::message_t message;
    CHECK(socket.recv(message).has_value(), "the other process is silent");
    if (i == 0) first = MonotonicNow();
  }
  return MonotonicNow() - first;
}

}  // namespace rubato
