#include "bench/streams.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "bench/processes.h"
#include "common/base/status.h"
#include "common/keys/key_folder.h"
#include "common/wire/endpoint.h"
#include "common/wire/zap.h"

namespace rubato {
namespace {

constexpr Nonce kReceiver{1};
constexpr Nonce kSender{2};
constexpr uint32_t kDim = 16;
constexpr int kPatienceSeconds = 20;  // without a word from the other process: it has died

// Plain sockets -----------------------------------------------------------------------------------

struct SocketAddress {
  union {
    sockaddr any;
    sockaddr_in tcp;
    sockaddr_un ipc;
  };
  socklen_t size;
};

SocketAddress AddressOf(Transport transport, const std::string& path) {
  SocketAddress address;
  std::memset(&address, 0, sizeof(address));
  if (transport == Transport::kTcp) {
    address.size = sizeof(address.tcp);
    address.tcp.sin_family = AF_INET;
    address.tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  } else {
    address.size = sizeof(address.ipc);
    address.ipc.sun_family = AF_UNIX;
    std::strncpy(address.ipc.sun_path, path.c_str(), sizeof(address.ipc.sun_path) - 1);
  }
  return address;
}

int NewSocket(const SocketAddress& address) {
  const int socket_fd = socket(address.any.sa_family, SOCK_STREAM, 0);
  Must(socket_fd >= 0, "socket");
  const int bytes = 4 << 20;  // the fastest found; a unix socket's 208 KiB would be a third
  setsockopt(socket_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
  setsockopt(socket_fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  const timeval silence{.tv_sec = kPatienceSeconds, .tv_usec = 0};  // of accept and read
  setsockopt(socket_fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
  return socket_fd;
}

void WriteStream(const SocketAddress& to, const StreamShape& shape) {
  const int out = NewSocket(to);
  Must(connect(out, &to.any, to.size) == 0, "connect");
  const std::vector<char> piece(shape.message_bytes, 'x');
  for (size_t left = shape.messages * piece.size(); left > 0;) {
    const ssize_t sent = write(out, piece.data(), std::min(left, piece.size()));
    Must(sent > 0, "write");
    left -= static_cast<size_t>(sent);
  }
  close(out);
}

Duration ReadStream(int in, const StreamShape& shape) {
  std::vector<char> piece(shape.message_bytes);
  Instant first;
  for (size_t left = shape.messages * piece.size(); left > 0;) {
    const ssize_t taken = read(in, piece.data(), piece.size());
    Must(taken > 0, "read");
    if (first == Instant()) first = MonotonicNow();
    left -= static_cast<size_t>(taken);
  }
  return MonotonicNow() - first;
}

// Messages ----------------------------------------------------------------------------------------

std::unique_ptr<Endpoint> MustOpen(const EndpointOptions& options) {
  auto endpoint = Endpoint::Open(options);
  CHECK(endpoint.ok(), endpoint.status().ToString());
  return *std::move(endpoint);
}

std::vector<Decoded> MustReceive(Endpoint& endpoint) {
  std::vector<Decoded> received = endpoint.Receive(Duration::Seconds(kPatienceSeconds));
  CHECK(!received.empty(), "the other process is silent");
  return received;
}

// A push whose values are `bytes` long, or one row if that is less.
Push PushOf(size_t bytes) {
  const size_t rows = std::max<size_t>(bytes / (kDim * sizeof(float)), 1);
  Push push;
  push.rows = {{TableId(1), static_cast<uint32_t>(rows), ValueCodec::kF32,
                Buffer::Own(std::vector<uint64_t>(rows)),
                Buffer::Own(std::vector<float>(rows * kDim))}};
  return push;
}

// Null where there are none: `folder` is "".
std::shared_ptr<KeyRing> MustFindKeys(const std::string& folder, KeyRole role) {
  auto keys = FindKeys(folder, role);
  CHECK(keys.ok(), keys.status().ToString());
  return *std::move(keys);
}

// A folder of fresh keys in `folder`; "" where `shape` wants none.
std::string MakeKeys(const Folder& folder, const StreamShape& shape) {
  if (!shape.keys) return "";
  const std::string keys = folder.path() + "/keys";
  const absl::Status made = MakeKeyFolder(keys, NewKeyPair);
  CHECK(made.ok(), made.ToString());
  return keys;
}

// Sends `shape.messages` pushes, never more than `shape.window` ahead of the acknowledged ones.
// Calls acknowledged(count) whenever Acks came.
void SendPushes(const std::string& address, const StreamShape& shape, const std::string& keys,
                const std::function<void(size_t)>& acknowledged) {
  const auto ring = MustFindKeys(keys, KeyRole::kWorker);
  const std::string peer = ring ? ring->allowed()->KeysOf(KeyRole::kServer).at(0) : "";
  const auto endpoint = MustOpen({.self = kSender, .listen = "", .keys = ring});
  const absl::Status connected = endpoint->Connect(kReceiver, {address, peer});
  CHECK(connected.ok(), connected.ToString());
  const Push push = PushOf(shape.message_bytes);
  for (size_t sent = 0, done = 0; done < shape.messages;) {
    while (sent < shape.messages && sent < done + shape.window &&
           endpoint->Send(kReceiver, push) == SendResult::kSent) {
      ++sent;
    }
    if (sent == done) {  // the connection does not stand yet
      endpoint->Receive(Duration::Millis(1));
      continue;
    }
    const size_t acks = MustReceive(*endpoint).size();
    done += acks;
    acknowledged(done);
  }
}

// Acknowledges `messages` messages; from the first to the last.
Duration TakePushes(Endpoint& endpoint, size_t messages) {
  Instant first;
  for (size_t taken = 0; taken < messages;) {
    const std::vector<Decoded> received = MustReceive(endpoint);
    if (first == Instant()) first = MonotonicNow();
    for (const Decoded& one : received) {
      CHECK(endpoint.Send(one.from, Ack{}) == SendResult::kSent);
    }
    taken += received.size();
  }
  return MonotonicNow() - first;
}

std::string ListenAddress(Transport transport, const Folder& folder) {
  return transport == Transport::kTcp ? "tcp://127.0.0.1:0" : "ipc://" + folder.path() + "/s";
}

// Waits until the other side has closed its connection, so that the last Acks are not cut off.
void AwaitLeaving(Endpoint& endpoint) {
  while (endpoint.Send(kSender, Ack{}) != SendResult::kUnknownPeer) {
    endpoint.Receive(Duration::Millis(1));
  }
}

}  // namespace

Duration PlainSocketTime(Transport transport, const StreamShape& shape) {
  const Folder folder;
  SocketAddress address = AddressOf(transport, folder.path() + "/s");
  const int listener = NewSocket(address);
  Must(bind(listener, &address.any, address.size) == 0, "bind");
  Must(getsockname(listener, &address.any, &address.size) == 0, "getsockname");
  Must(listen(listener, 1) == 0, "listen");
  const Child sender([&] { WriteStream(address, shape); });
  const int in = accept(listener, nullptr, nullptr);
  Must(in >= 0, "accept");
  const Duration time = ReadStream(in, shape);
  close(in);
  close(listener);
  return time;
}

Duration EndpointTime(Transport transport, const StreamShape& shape) {
  const Folder folder;
  AddressPipe addresses;
  const std::string keys = MakeKeys(folder, shape);
  const Child sender([&] { SendPushes(addresses.Receive(), shape, keys, [](size_t) {}); });
  const auto endpoint = MustOpen({.self = kReceiver,
                                  .listen = ListenAddress(transport, folder),
                                  .keys = MustFindKeys(keys, KeyRole::kServer)});
  addresses.Send(endpoint->address());
  const Duration time = TakePushes(*endpoint, shape.messages);
  AwaitLeaving(*endpoint);
  return time;
}

std::vector<Duration> EndpointRoundTrips(Transport transport, size_t count) {
  const Folder folder;
  AddressPipe addresses;
  const Child receiver([&] {
    const auto endpoint = MustOpen({.self = kReceiver, .listen = ListenAddress(transport, folder)});
    addresses.Send(endpoint->address());
    TakePushes(*endpoint, count);
    AwaitLeaving(*endpoint);
  });
  std::vector<Duration> times;
  times.reserve(count);
  Instant last = MonotonicNow();
  SendPushes(addresses.Receive(), {.message_bytes = 64, .messages = count, .window = 1}, "",
             [&](size_t) {
               const Instant now = MonotonicNow();
               times.push_back(now - last);
               last = now;
             });
  return times;
}

Duration MemcpyTime(const StreamShape& shape) {
  // 64 MiB, more than the caches hold: what a receiver's copy of fresh messages costs.
  const size_t pieces = std::max<size_t>((64u << 20) / shape.message_bytes, 1);
  const std::vector<char> from(shape.message_bytes, 'x');
  std::vector<char> to(pieces * shape.message_bytes, 'y');
  const Instant start = MonotonicNow();
  for (size_t i = 0; i < shape.messages; ++i) {
    std::memcpy(to.data() + i % pieces * shape.message_bytes, from.data(), from.size());
  }
  const Duration time = MonotonicNow() - start;
  CHECK(to[0] == 'x');  // keeps the copies
  return time;
}

}  // namespace rubato
