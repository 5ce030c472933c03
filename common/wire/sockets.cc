#include "common/wire/sockets.h"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/system_error.h"
#include "common/wire/wire.h"

namespace rubato {
namespace {

// Queues, in messages, per peer and side. A worker's queued pushes share memory with its log; a
// listener's replies do not, so that a peer that asks and never reads costs at most this many.
constexpr int kConnectionSendQueue = 4096;
constexpr int kListenerSendQueue = 256;
constexpr int kReceiveQueue = 64;

// Below this a copy is cheaper than the allocation and the hop through an I/O thread that zero-copy
// sending needs; measured on loopback, 64 KiB and above gain up to 1.9x.
constexpr size_t kShareSentBytes = 64u << 10;
// Smaller received frames may share one 8 KiB read buffer of ZeroMQ, which a kept one would hold.
constexpr size_t kShareReceivedBytes = 8u << 10;
constexpr int kLingerMs = 200;  // for the last words (a goodbye) of an endpoint that closes
constexpr int kDeadConnectionMs = 60'000;
constexpr int kConnectWithinMs = 3'000;  // a firewall may drop what is sent to a closed port
constexpr int kProbeAfterSeconds = 30;
constexpr int kProbeEverySeconds = 10;
constexpr int kProbes = 3;  // so that an idle connection ends when a busy one does

void SetOptions(zmq::socket_t* socket, int send_queue) {
  socket->set(zmq::sockopt::linger, kLingerMs);
  socket->set(zmq::sockopt::sndhwm, send_queue);
  socket->set(zmq::sockopt::rcvhwm, kReceiveQueue);
  socket->set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(kMaxFrameBytes));
  socket->set(zmq::sockopt::handshake_ivl, 5000);
  socket->set(zmq::sockopt::tcp_maxrt, kDeadConnectionMs);
  socket->set(zmq::sockopt::tcp_keepalive, 1);
  socket->set(zmq::sockopt::tcp_keepalive_idle, kProbeAfterSeconds);
  socket->set(zmq::sockopt::tcp_keepalive_intvl, kProbeEverySeconds);
  socket->set(zmq::sockopt::tcp_keepalive_cnt, kProbes);
}

void SetPair(zmq::socket_t* socket, const KeyPair& own) {
  socket->set(zmq::sockopt::curve_publickey, own.public_key);
  socket->set(zmq::sockopt::curve_secretkey, own.secret_key);
}

}  // namespace

zmq::socket_t ListenerSocket(zmq::context_t* context, const KeyPair* own) {
  zmq::socket_t socket(*context, zmq::socket_type::router);
  SetOptions(&socket, kListenerSendQueue);
  socket.set(zmq::sockopt::router_mandatory, true);
  if (own == nullptr) return socket;
  socket.set(zmq::sockopt::curve_server, true);
  SetPair(&socket, *own);
  socket.set(zmq::sockopt::zap_domain, "rubato");
  return socket;
}

zmq::socket_t ConnectionSocket(zmq::context_t* context, const KeyPair* own,
                               const std::string& peer_key) {
  zmq::socket_t socket(*context, zmq::socket_type::dealer);
  SetOptions(&socket, kConnectionSendQueue);
  if (own != nullptr) {
    SetPair(&socket, *own);
    socket.set(zmq::sockopt::curve_serverkey, peer_key);
  }
  socket.set(zmq::sockopt::immediate, true);  // no queue to a peer that is not there
  socket.set(zmq::sockopt::connect_timeout, kConnectWithinMs);
  socket.set(zmq::sockopt::reconnect_ivl, 100);
  socket.set(zmq::sockopt::reconnect_ivl_max, 1000);
  return socket;
}

// Zero-copy: ZeroMQ takes a pointer to non-const bytes, which it only reads.
zmq::message_t Share(SharedFrame shared) {
  const auto release = [](void*, void* kept) {
    const std::unique_ptr<SharedFrame> sent(static_cast<SharedFrame*>(kept));
    if (sent->backlog) sent->backlog->fetch_sub(sent->bytes, std::memory_order_relaxed);
  };
  const Buffer& frame = shared.frame;
  auto* const bytes = const_cast<std::byte*>(frame.data());
  const size_t size = frame.size();
  return zmq::message_t(bytes, size, release, new SharedFrame(std::move(shared)));
}

zmq::message_t ToMessage(const Buffer& frame) {
  if (frame.size() < kShareSentBytes) return zmq::message_t(frame.data(), frame.size());
  return Share({.frame = frame, .backlog = nullptr});
}

Buffer ToBuffer(zmq::message_t message) {
  if (message.size() < kShareReceivedBytes) {
    const auto* bytes = message.data<std::byte>();
    return Buffer::Own(std::vector<std::byte>(bytes, bytes + message.size()));
  }
  auto owner = std::make_shared<const zmq::message_t>(std::move(message));
  const std::span bytes(owner->data<std::byte>(), owner->size());
  return Buffer(std::move(owner), bytes);
}

SendResult SendParts(zmq::socket_t& socket, std::vector<zmq::message_t> parts) {
  SendResult result = SendResult::kSent;
  for (size_t i = 0; i < parts.size(); ++i) {
    const int flags = ZMQ_DONTWAIT | (i + 1 < parts.size() ? ZMQ_SNDMORE : 0);
    int sent;
    do {
      sent = zmq_msg_send(parts[i].handle(), socket.handle(), flags);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) continue;
    if (i == 0) {
      return errno == EHOSTUNREACH ? SendResult::kUnknownPeer : SendResult::kWouldBlock;
    }
    result = SendResult::kWouldBlock;
  }
  return result;
}

std::vector<zmq::message_t> ReceiveParts(zmq::socket_t& socket) {
  std::vector<zmq::message_t> parts;
  bool more = true;
  while (more) {
    zmq::message_t part;
    const int size = zmq_msg_recv(part.handle(), socket.handle(), ZMQ_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) break;
    more = part.more();
    if (parts.size() < kMaxTakenParts) parts.push_back(std::move(part));
  }
  return parts;
}

std::string SenderKey(const zmq::message_t& part) {
  const char* key = zmq_msg_gets(part.handle(), "User-Id");
  return key == nullptr ? "" : key;
}

absl::Status ZmqError(int error, const std::string& doing) {
  // ZeroMQ has numbers of its own beside those of the system.
  if (error < ZMQ_HAUSNUMERO) return SystemError(error, doing);
  return absl::InternalError(absl::StrCat(doing, " failed: ", zmq_strerror(error)));
}

absl::Status ListenError(const std::string& address, int error) {
  if (error == EADDRINUSE) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "cannot listen on %s: it is in use; choose another port, or 0 for any free one", address));
  }
  const absl::Status status = ZmqError(error, absl::StrCat("listening on ", address));
  if (error == ENODEV || error == EADDRNOTAVAIL) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "cannot listen on %s: this host has no such interface or address", address));
  }
  // No folder for a socket is a mistake of the command line.
  return absl::IsNotFound(status) ? absl::InvalidArgumentError(status.message()) : status;
}

}  // namespace rubato
