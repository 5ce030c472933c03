#include "common/wire/connections.h"

#include <array>
#include <cstring>

#include "common/base/log.h"
#include "common/base/status.h"
#include "common/wire/address.h"
#include "common/wire/sockets.h"

namespace rubato {
namespace {

constexpr int kConnectWaitMs = 20;  // a living peer on this host takes about 1
constexpr Duration kTryKeyFor = Duration::Seconds(3);
constexpr Duration kWatchEvery = Duration::Millis(100);
constexpr int kTroubles = ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                          ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                          ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;

Protection ProtectionOf(const KeyRing* keys) {
  return keys == nullptr ? Protection::kNone : Protection::kKeys;
}

Trouble TroubleOf(uint16_t event, const KeyRing* keys) {
  if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) return {};
  if (event == ZMQ_EVENT_CONNECT_RETRIED) {
    return {"nobody answers there; start it, or open its port to this host"};
  }
  if (keys == nullptr) {
    return {"it wants keys, and this process has none; give it --keys DIR", true};
  }
  if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
    return {absl::StrFormat("it does not know our key; take %s, which is the public one in %s, "
                            "into its list",
                            keys->own().public_key, keys->folder()),
            true};
  }
  return {absl::StrFormat("who answers there does not have the scheduler's key that is in %s; are "
                          "both of the same fleet?",
                          AllowListOf(keys->folder())),
          true};
}

std::string UnknownName(const std::string& address, const absl::Status& why) {
  return absl::StrFormat(
      "this host knows no %s (%s); enter it in /etc/hosts or DNS here, or give "
      "an address in its place",
      NameIn(address), why.message());
}

}  // namespace

absl::Status Connections::Connect(Nonce peer, const PeerAddress& at) {
  const auto found = open_.find(peer);
  if (found != open_.end() && found->second.at == at) return absl::OkStatus();
  RETURN_IF_ERROR(CheckConnect(at.address, ProtectionOf(keys_)));
  Disconnect(peer);
  Connection connection{
      .socket = {}, .at = at, .keys = {at.key}, .unknown = {}, .opened = MonotonicNow()};
  if (keys_ != nullptr && at.key.empty()) {
    if (peer != kSchedulerNonce) {
      return absl::InvalidArgumentError(absl::StrCat(at.address, ": its key is not known"));
    }
    connection.keys = keys_->allowed()->KeysOf(KeyRole::kScheduler);
  }
  RETURN_IF_ERROR(Open(peer, &connection));
  if (!connection.unknown.empty() && peer != kSchedulerNonce) {
    LogWarning(absl::StrCat("connecting to ", at.address, ": ", connection.unknown));
  }
  zmq_pollitem_t ready{connection.socket.handle(), 0, ZMQ_POLLOUT, 0};
  zmq_poll(&ready, 1, kConnectWaitMs);
  open_.emplace(peer, std::move(connection));
  return absl::OkStatus();
}

absl::Status Connections::Open(Nonce peer, Connection* connection) {
  const std::string& address = connection->at.address;
  const absl::StatusOr<bool> ipv6 = families_.Find(address);
  connection->unknown = ipv6.ok() ? "" : UnknownName(address, ipv6.status());
  try {
    zmq::socket_t socket = ConnectionSocket(context_, keys_ == nullptr ? nullptr : &keys_->own(),
                                            connection->keys.at(connection->key));
    socket.set(zmq::sockopt::ipv6, ipv6.value_or(false));
    if (peer == kSchedulerNonce) {
      const std::string troubles = absl::StrCat("inproc://troubles-", ++monitors_);
      zmq_socket_monitor(socket.handle(), troubles.c_str(), kTroubles);
      troubles_.emplace(*context_, zmq::socket_type::pair);
      troubles_->set(zmq::sockopt::rcvhwm, 0);  // who writes to it must never wait for us
      troubles_->connect(troubles);
    }
    socket.connect(address);
    connection->socket = std::move(socket);
  } catch (const zmq::error_t& error) {
    return ZmqError(error.num(), absl::StrCat("connecting to ", address));
  }
  return absl::OkStatus();
}

void Connections::Disconnect(Nonce peer) {
  const auto found = open_.find(peer);
  if (found == open_.end()) return;
  if (peer == kSchedulerNonce) {
    zmq_socket_monitor(found->second.socket.handle(), nullptr, 0);
    trouble_ = {};
  }
  open_.erase(found);
}

SendResult Connections::Send(Nonce peer, const Frames& frames) {
  std::vector<zmq::message_t> parts;
  parts.reserve(frames.size());
  for (const Buffer& frame : frames) parts.push_back(ToMessage(frame));
  return SendParts(open_.at(peer).socket, std::move(parts));
}

void Connections::AddTo(std::vector<zmq_pollitem_t>* items) {
  for (auto& [peer, connection] : open_) {
    items->push_back({connection.socket.handle(), 0, ZMQ_POLLIN, 0});
  }
}

void Connections::NoteHeard(Nonce peer) {
  const auto found = open_.find(peer);
  if (found != open_.end()) found->second.heard = true;
}

void Connections::Watch(Instant now) {
  if (now - watched_ < kWatchEvery) return;
  watched_ = now;
  for (auto& [peer, connection] : open_) {
    const bool unknown = !connection.unknown.empty() && families_.MayAskAgain();
    if (peer == kSchedulerNonce) ReadTroubles(connection);
    const bool another_key = connection.keys.size() > 1 && now - connection.opened >= kTryKeyFor;
    if (!connection.heard && (unknown || another_key)) OpenAgain(now, peer, &connection);
  }
}

void Connections::OpenAgain(Instant now, Nonce peer, Connection* connection) {
  if (peer == kSchedulerNonce) zmq_socket_monitor(connection->socket.handle(), nullptr, 0);
  connection->key = (connection->key + 1) % connection->keys.size();
  connection->opened = now;
  Open(peer, connection).IgnoreError();  // as before, and tried again
}

void Connections::ReadTroubles(const Connection& scheduler) {
  zmq::message_t what;
  while (zmq_msg_recv(what.handle(), troubles_->handle(), ZMQ_DONTWAIT) >= 0) {
    uint16_t event = 0;
    std::memcpy(&event, what.data(), sizeof(event));
    zmq::message_t where;
    zmq_msg_recv(where.handle(), troubles_->handle(), ZMQ_DONTWAIT);
    // After a handshake that failed it is tried again: that says nothing new.
    if (event == ZMQ_EVENT_CONNECT_RETRIED && trouble_.of_keys) continue;
    const bool retried = event == ZMQ_EVENT_CONNECT_RETRIED;
    trouble_ = retried && !scheduler.unknown.empty() ? Trouble{scheduler.unknown}
                                                     : TroubleOf(event, keys_);
  }
}

}  // namespace rubato
