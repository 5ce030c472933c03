// Includes ZeroMQ itself, which the product does in common/wire/endpoint.cc only: a limit cannot be
// measured through what it limits.
#include "bench/raw_zeromq.h"

#include <string>
#include <utility>
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

std::string ListenAddressOf(Transport transport, const Folder& folder) {
  return transport == Transport::kTcp ? "tcp://127.0.0.1:0" : "ipc://" + folder.path() + "/s";
}

void Echo(const std::string& address, size_t count) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::pair);
  socket.connect(address);
  for (size_t i = 0; i < count; ++i) {
    zmq::message_t message;
    CHECK(socket.recv(message).has_value());
    CHECK(socket.send(std::move(message), zmq::send_flags::none).has_value());
  }
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
  socket.bind(ListenAddressOf(transport, folder));
  addresses.Send(socket.get(zmq::sockopt::last_endpoint));
  Instant first;
  for (size_t i = 0; i < shape.messages; ++i) {
    zmq::message_t message;
    CHECK(socket.recv(message).has_value(), "the other process is silent");
    if (i == 0) first = MonotonicNow();
  }
  return MonotonicNow() - first;
}

std::vector<Duration> RawRoundTrips(Transport transport, size_t bytes, size_t count) {
  const Folder folder;
  AddressPipe addresses;
  const Child echo([&] { Echo(addresses.Receive(), count); });
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::pair);
  socket.set(zmq::sockopt::rcvtimeo, kPatienceMs);
  socket.bind(ListenAddressOf(transport, folder));
  addresses.Send(socket.get(zmq::sockopt::last_endpoint));
  std::vector<Duration> times;
  for (size_t i = 0; i < count; ++i) {
    const Instant start = MonotonicNow();
    zmq::message_t message(bytes);
    CHECK(socket.send(std::move(message), zmq::send_flags::none).has_value());
    CHECK(socket.recv(message).has_value(), "the other process is silent");
    times.push_back(MonotonicNow() - start);
  }
  return times;
}

}  // namespace rubato
