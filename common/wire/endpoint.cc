#include "common/wire/endpoint.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <zmq.hpp>

#include "common/base/log.h"
#include "common/base/open_files.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/wire/address.h"
#include "common/wire/connections.h"
#include "common/wire/freed_memory.h"
#include "common/wire/listening.h"
#include "common/wire/routes.h"
#include "common/wire/sockets.h"
#include "common/wire/zap.h"

namespace rubato {
namespace {

size_t BytesOf(const Frames& frames) {
  size_t bytes = 0;
  for (const Buffer& frame : frames) bytes += frame.size();
  return bytes;
}

// Of each context, beside its input and output: ZeroMQ's reaper, and who answers for keys.
constexpr int kOtherThreads = 2;
constexpr size_t kMaxBatch = 64;   // messages of one socket in one Receive
constexpr int kMaxSockets = 4096;  // a worker connects to at most kMaxPlaces shards
constexpr const char* kEndings = "inproc://endings";
constexpr Duration kReadListEvery = Duration::Seconds(1);
constexpr double kAnswersPerSecond = 500;  // to messages that are refused

}  // namespace

// Impl --------------------------------------------------------------------------------------------

class Endpoint::Impl {
 public:
  explicit Impl(const EndpointOptions& options)
      : self_(options.self),
        keys_(options.keys),
        wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        context_(options.io_threads),
        connections_(&context_, keys_.get()),
        doorman_(self_ == kSchedulerNonce ? Listener::kScheduler : Listener::kShard, keys_,
                 options.tables) {
    context_.set(zmq::ctxopt::max_sockets, kMaxSockets);
  }
  ~Impl() {
    // An ending that is told while endings_ closes would be a message that libzmq leaks.
    if (listener_) zmq_socket_monitor(listener_->handle(), nullptr, 0);
    if (wake_ >= 0) close(wake_);
  }

  absl::Status Listen(const std::string& address);
  absl::Status Connect(Nonce peer, const PeerAddress& at) { return connections_.Connect(peer, at); }
  void Disconnect(Nonce peer) { connections_.Disconnect(peer); }
  const Trouble& trouble() const { return connections_.trouble(); }
  const Doorman& doorman() const { return doorman_; }
  SendResult Send(Nonce to, const Frames& frames);
  bool HasRoom(Nonce to);
  std::vector<Decoded> Receive(Duration timeout);
  void Wake() const;
  Nonce self() const { return self_; }
  std::string KeyOf(Nonce peer) const {
    const Routes::Route* route = routes_.Find(peer);
    return route == nullptr ? "" : route->key;
  }

  std::string address;
  EndpointCounts counts;

 private:
  absl::Status Bind(const std::string& wanted, const Binding& binding);
  SendResult Queue(Nonce to, const Frames& frames);
  SendResult QueueTo(const Routes::Route& route, const Frames& frames);
  // Where messages come from: the listener, or the connection to `peer`.
  struct Source {
    zmq::socket_t* socket;
    std::optional<Nonce> peer;
  };
  void Wait(Duration timeout);
  void Drain(const Source& source, std::vector<Decoded>* out);
  void Take(std::vector<zmq::message_t> parts, const Source& source, std::vector<Decoded>* out);
  absl::Status CheckSender(Nonce from, const Source& source) const;
  absl::Status Admit(const std::string& key, Decoded* decoded);
  bool Learn(Nonce peer, const std::string& route, const std::string& key);
  bool IsThere(const std::string& route);
  void Refuse(const absl::Status& why);
  void AnswerRefusal(const absl::Status& why, const std::string& route);
  void ReadList(Instant now);
  void NoteEndings(Instant now);

  const Nonce self_;
  const std::shared_ptr<KeyRing> keys_;
  const int wake_;          // eventfd
  zmq::context_t context_;  // before the sockets: it must outlive them
  std::unique_ptr<ZapHandler> zap_;
  std::optional<zmq::socket_t> listener_;
  std::optional<zmq::socket_t> endings_;  // tells of connections to the listener that ended
  Connections connections_;
  Routes routes_;
  Doorman doorman_;
  TokenBucket answers_;  // kAnswersPerSecond
  FreedMemory freed_;
  Instant read_list_at_;
};

absl::Status Endpoint::Impl::Listen(const std::string& wanted) {
  RETURN_IF_ERROR(CheckListen(wanted, keys_ ? Protection::kKeys : Protection::kNone));
  ASSIGN_OR_RETURN(const Binding binding, BindingOf(wanted, LookupOfThisHost()));
  if (keys_) {
    ASSIGN_OR_RETURN(zap_, ZapHandler::Start(&context_, keys_));
  }
  try {
    listener_ = ListenerSocket(&context_, keys_ ? &keys_->own() : nullptr);
    listener_->set(zmq::sockopt::ipv6, binding.ipv6);
    zmq_socket_monitor(listener_->handle(), kEndings, ZMQ_EVENT_DISCONNECTED);
    endings_.emplace(context_, zmq::socket_type::pair);
    endings_->set(zmq::sockopt::rcvhwm, 0);  // who writes to it must never wait for us
    endings_->connect(kEndings);
    return Bind(wanted, binding);
  } catch (const zmq::error_t& error) {
    return ListenError(wanted, error.num());
  }
}

// Of a range of ports the first that is free.
absl::Status Endpoint::Impl::Bind(const std::string& wanted, const Binding& binding) {
  int error = EADDRINUSE;
  for (const std::string& one : EachPort(binding.address)) {
    if (zmq_bind(listener_->handle(), one.c_str()) == 0) {
      address = listener_->get(zmq::sockopt::last_endpoint);
      if (!binding.name.empty()) address = WithHost(address, binding.name);
      return absl::OkStatus();
    }
    error = zmq_errno();
    if (error != EADDRINUSE) break;
  }
  return ListenError(wanted, error);
}

SendResult Endpoint::Impl::Queue(Nonce to, const Frames& frames) {
  if (connections_.Contains(to)) return connections_.Send(to, frames);
  const Routes::Route* route = routes_.Find(to);
  return route == nullptr ? SendResult::kUnknownPeer : QueueTo(*route, frames);
}

// A message counts until ZeroMQ has done with its last frame, or has dropped it.
SendResult Endpoint::Impl::QueueTo(const Routes::Route& route, const Frames& frames) {
  const size_t bytes = BytesOf(frames);
  const bool counted = bytes >= kCountedBytes;
  if (counted && *route.backlog >= kMaxQueuedBytes) return SendResult::kWouldBlock;
  std::vector<zmq::message_t> parts;
  parts.reserve(frames.size() + 1);
  parts.emplace_back(route.id.data(), route.id.size());
  for (size_t i = 0; i < frames.size(); ++i) {
    const bool last = counted && i + 1 == frames.size();
    parts.push_back(last ? Share({frames[i], route.backlog, bytes}) : ToMessage(frames[i]));
  }
  if (counted) *route.backlog += bytes;
  if (keys_) doorman_.NoteSent(route.key, bytes, MonotonicNow());
  const SendResult result = SendParts(*listener_, std::move(parts));
  if (result == SendResult::kUnknownPeer) routes_.Forget(route.id);
  return result;
}

bool Endpoint::Impl::HasRoom(Nonce to) {
  const Routes::Route* route = routes_.Find(to);
  return route == nullptr ||
         (*route->backlog < kMaxQueuedBytes && doorman_.MaySend(route->key, MonotonicNow()));
}

SendResult Endpoint::Impl::Send(Nonce to, const Frames& frames) {
  const SendResult result = Queue(to, frames);
  counts.would_block += result == SendResult::kWouldBlock ? 1 : 0;
  counts.unknown_peer += result == SendResult::kUnknownPeer ? 1 : 0;
  if (result != SendResult::kSent) return result;
  counts.sent_messages += 1;
  const uint64_t bytes = BytesOf(frames);
  counts.sent_bytes += bytes;
  freed_.NoteMessage(bytes);
  return result;
}

// Returns when a socket has something, or a wake-up was asked for, which this consumes.
void Endpoint::Impl::Wait(Duration timeout) {
  std::vector<zmq_pollitem_t> items = {{nullptr, wake_, ZMQ_POLLIN, 0}};
  if (listener_) items.push_back({listener_->handle(), 0, ZMQ_POLLIN, 0});
  connections_.AddTo(&items);
  constexpr int64_t kMilli = 1'000'000;
  const int64_t nanos = std::max<int64_t>(timeout.nanos(), 0);
  zmq_poll(items.data(), static_cast<int>(items.size()),
           static_cast<long>(nanos / kMilli + (nanos % kMilli > 0 ? 1 : 0)));
  uint64_t wakes = 0;
  while (read(wake_, &wakes, sizeof(wakes)) < 0 && errno == EINTR) {
  }
}

std::vector<Decoded> Endpoint::Impl::Receive(Duration timeout) {
  Wait(timeout);
  std::vector<Decoded> out;
  if (listener_) Drain({&*listener_, std::nullopt}, &out);
  connections_.ForEach([&](Nonce peer, zmq::socket_t* socket) { Drain({socket, peer}, &out); });
  const Instant now = MonotonicNow();
  connections_.Watch(now);
  if (keys_ && now >= read_list_at_) ReadList(now);
  if (listener_) NoteEndings(now);
  freed_.Look(now);
  if (zap_) counts.refused_connections = zap_->refused();
  return out;
}

void Endpoint::Impl::Drain(const Source& source, std::vector<Decoded>* out) {
  for (size_t i = 0; i < kMaxBatch; ++i) {
    std::vector<zmq::message_t> parts = ReceiveParts(*source.socket);
    if (parts.empty()) return;
    Take(std::move(parts), source, out);
  }
}

void Endpoint::Impl::Take(std::vector<zmq::message_t> parts, const Source& source,
                          std::vector<Decoded>* out) {
  const bool routed = !source.peer;
  const std::string route = routed ? parts[0].to_string() : "";
  const std::string key = routed && keys_ ? SenderKey(parts.back()) : "";
  if (parts.size() == kMaxTakenParts) freed_.NoteEnding(MonotonicNow());
  Frames frames;
  for (size_t i = routed ? 1 : 0; i < parts.size(); ++i) {
    frames.push_back(ToBuffer(std::move(parts[i])));
  }
  const uint64_t bytes = BytesOf(frames);
  counts.received_bytes += bytes;
  freed_.NoteMessage(bytes);
  counts.received_messages += 1;
  if (routed && keys_ && !doorman_.MayCome(key, bytes, MonotonicNow())) {
    counts.beyond += 1;
    return;
  }
  absl::StatusOr<Decoded> decoded = Decode(frames);
  absl::Status status = decoded.ok() ? CheckSender(decoded->from, source) : decoded.status();
  if (status.ok() && routed) status = Admit(key, &*decoded);
  if (!status.ok()) {
    Refuse(status);
    // Two connections must not answer each other's answers for ever: only a listener answers.
    if (routed) AnswerRefusal(status, route);
    return;
  }
  if (routed && !Learn(decoded->from, route, key)) return;
  if (!routed) connections_.NoteHeard(*source.peer);
  out->push_back(*std::move(decoded));
}

// Who listens somewhere is known by the key that he proved, and not by one that he tells.
absl::Status Endpoint::Impl::Admit(const std::string& key, Decoded* decoded) {
  RETURN_IF_ERROR(doorman_.Admit(key, decoded->message));
  if (!routes_.IsOf(decoded->from, key)) {
    return absl::PermissionDeniedError("message refused: its nonce is that of another key");
  }
  if (auto* hello = std::get_if<Hello>(&decoded->message)) hello->key = key;
  if (auto* order = std::get_if<Order>(&decoded->message)) order->key = key;
  return absl::OkStatus();
}

// Whether who speaks there may say that he is `from`. A header can claim any nonce.
absl::Status Endpoint::Impl::CheckSender(Nonce from, const Source& source) const {
  if (source.peer) {
    if (from == *source.peer) return absl::OkStatus();
    return absl::InvalidArgumentError("message refused: its nonce is not that of this connection");
  }
  if (from == kSchedulerNonce) {
    return absl::InvalidArgumentError("message refused: nonce 0 is the scheduler's own");
  }
  if (from == self_ || connections_.Contains(from)) {
    return absl::InvalidArgumentError("message refused: its nonce is that of another process");
  }
  return absl::OkStatus();
}

// A nonce belongs to the connection that spoke it first, until that is gone: nobody else speaks, or
// is answered, in its name. Who comes back on a new connection while the old one is not noticed to
// be gone is refused without a word, and asks again.
bool Endpoint::Impl::Learn(Nonce peer, const std::string& route, const std::string& key) {
  const Routes::Route* holder = routes_.Find(peer);
  if (holder != nullptr && holder->id != route) {
    if (IsThere(holder->id)) {
      Refuse(absl::InvalidArgumentError("message refused: its nonce is that of another process"));
      return false;
    }
    routes_.Forget(holder->id);
  }
  routes_.Bind(peer, route, key);
  return true;
}

// An empty message, which nobody decodes, finds a connection or does not.
bool Endpoint::Impl::IsThere(const std::string& route) {
  std::vector<zmq::message_t> parts;
  parts.emplace_back(route.data(), route.size());
  parts.emplace_back();
  return SendParts(*listener_, std::move(parts)) != SendResult::kUnknownPeer;
}

void Endpoint::Impl::Refuse(const absl::Status& why) {
  counts.refused += 1;
  counts.denied += absl::IsPermissionDenied(why) ? 1u : 0u;
  counts.last_refusal = std::string(why.message());
}

// A sentence is for people: who sends what is refused as fast as he can is not answered as fast,
// nor is anybody else meanwhile; who asks again is answered later.
void Endpoint::Impl::AnswerRefusal(const absl::Status& why, const std::string& route) {
  if (answers_.Left(kAnswersPerSecond, MonotonicNow()) < 1) return;
  answers_.Take(1);
  std::vector<zmq::message_t> parts;
  parts.emplace_back(route.data(), route.size());
  const ErrorReply reply{static_cast<uint32_t>(why.code()), std::string(why.message())};
  for (const Buffer& frame : Encode(self_, reply)) parts.push_back(ToMessage(frame));
  SendParts(*listener_, std::move(parts));
}

void Endpoint::Impl::ReadList(Instant now) {
  read_list_at_ = now + kReadListEvery;
  if (const absl::Status read = keys_->Refresh(); !read.ok()) {
    LogWarning(absl::StrCat("the list of keys stays as it was: ", read.message()));
  }
}

// ZeroMQ keeps a message until its last frame is there, at 64 bytes a frame of two, and no option
// bounds their number: when a connection has ended, or such a message, that goes back.
void Endpoint::Impl::NoteEndings(Instant now) {
  zmq::message_t part;
  while (zmq_msg_recv(part.handle(), endings_->handle(), ZMQ_DONTWAIT) >= 0) freed_.NoteEnding(now);
}

void Endpoint::Impl::Wake() const {
  const uint64_t one = 1;
  // The only failure is a full counter, and then the wake-up is due anyway.
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof(one));
}

// Endpoint ----------------------------------------------------------------------------------------

absl::StatusOr<std::unique_ptr<Endpoint>> Endpoint::Open(const EndpointOptions& options) {
  // ZeroMQ ends the process when it lacks these.
  RETURN_IF_ERROR(NeedOpenFiles(FilesOfEndpoint(options.peers), "an endpoint of the fleet"));
  RETURN_IF_ERROR(NeedThreads(options.io_threads + kOtherThreads));
  try {
    auto impl = std::make_unique<Impl>(options);
    if (!options.listen.empty()) RETURN_IF_ERROR(impl->Listen(options.listen));
    return std::unique_ptr<Endpoint>(new Endpoint(std::move(impl)));
  } catch (const zmq::error_t& error) {
    return ZmqError(error.num(), "starting ZeroMQ");
  }
}

Endpoint::Endpoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Endpoint::~Endpoint() = default;

const std::string& Endpoint::address() const { return impl_->address; }
absl::Status Endpoint::Connect(Nonce peer, const PeerAddress& at) {
  return impl_->Connect(peer, at);
}
void Endpoint::Disconnect(Nonce peer) { impl_->Disconnect(peer); }
SendResult Endpoint::Send(Nonce to, const Message& message) {
  return impl_->Send(to, Encode(impl_->self(), message));
}
const Trouble& Endpoint::trouble() const { return impl_->trouble(); }
bool Endpoint::HasRoom(Nonce to) { return impl_->HasRoom(to); }
SendResult Endpoint::SendFrames(Nonce to, const Frames& frames) { return impl_->Send(to, frames); }
std::vector<Decoded> Endpoint::Receive(Duration timeout) { return impl_->Receive(timeout); }
void Endpoint::Wake() const { impl_->Wake(); }
const EndpointCounts& Endpoint::counts() const { return impl_->counts; }
std::string Endpoint::KeyOf(Nonce peer) const { return impl_->KeyOf(peer); }
const KeyUses& Endpoint::uses() const { return impl_->doorman().uses(); }

}  // namespace rubato
