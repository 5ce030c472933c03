#include "common/wire/zap.h"

#include <array>
#include <cerrno>
#include <utility>

#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/wire/sockets.h"

namespace rubato {
namespace {

constexpr const char* kQuestions = "inproc://zeromq.zap.01";  // RFC 27
constexpr const char* kEnd = "inproc://zap-end";
constexpr size_t kKeyBytes = 32;
// Frames of a request: version, id, domain, address, routing id, mechanism, key.
enum : size_t { kVersion, kId, kDomain, kAddress, kRoutingId, kMechanism, kKey, kRequestFrames };

std::string TextOf(const void* key) {
  std::array<char, kKeyLength + 1> text{};
  zmq_z85_encode(text.data(), static_cast<const uint8_t*>(key), kKeyBytes);
  return text.data();
}

}  // namespace

KeyPair NewKeyPair() {
  std::array<char, kKeyLength + 1> public_key{};
  std::array<char, kKeyLength + 1> secret_key{};
  CHECK(zmq_curve_keypair(public_key.data(), secret_key.data()) == 0);
  return {public_key.data(), secret_key.data()};
}

absl::StatusOr<std::unique_ptr<ZapHandler>> ZapHandler::Start(zmq::context_t* context,
                                                              std::shared_ptr<const KeyRing> keys) {
  std::unique_ptr<ZapHandler> handler(new ZapHandler(std::move(keys)));
  try {
    handler->questions_ = zmq::socket_t(*context, zmq::socket_type::rep);
    handler->questions_.set(zmq::sockopt::linger, 0);
    handler->questions_.bind(kQuestions);
    handler->end_here_ = zmq::socket_t(*context, zmq::socket_type::pair);
    handler->end_here_.bind(kEnd);
    handler->end_ = zmq::socket_t(*context, zmq::socket_type::pair);
    handler->end_.connect(kEnd);
  } catch (const zmq::error_t& error) {
    return ZmqError(error.num(), "preparing to ask for keys");
  }
  ASSIGN_OR_RETURN(handler->thread_, StartThread([h = handler.get()] { h->Run(); }));
  return handler;
}

ZapHandler::~ZapHandler() {
  if (!thread_.joinable()) return;
  zmq_send(end_.handle(), nullptr, 0, 0);
  thread_.join();
}

void ZapHandler::Run() {
  for (;;) {
    std::array<zmq_pollitem_t, 2> items = {
        {{questions_.handle(), 0, ZMQ_POLLIN, 0}, {end_here_.handle(), 0, ZMQ_POLLIN, 0}}};
    if (zmq_poll(items.data(), static_cast<int>(items.size()), -1) < 0 && errno != EINTR) return;
    if (items[1].revents != 0) return;
    if (items[0].revents != 0) Answer();
  }
}

void ZapHandler::Answer() {
  const std::vector<zmq::message_t> request = ReceiveParts(questions_);
  if (request.size() <= kId) return;
  const std::string key = Judge(request);
  if (key.empty()) ++refused_;
  std::vector<zmq::message_t> reply;
  reply.emplace_back(request[kVersion].data(), request[kVersion].size());
  reply.emplace_back(request[kId].data(), request[kId].size());
  reply.emplace_back(std::string(key.empty() ? "400" : "200"));
  reply.emplace_back(std::string(key.empty() ? "this key is not in the list" : "welcome"));
  reply.emplace_back(key);
  reply.emplace_back();  // no metadata
  SendParts(questions_, std::move(reply));
}

std::string ZapHandler::Judge(const std::vector<zmq::message_t>& request) const {
  if (request.size() != kRequestFrames || request[kMechanism].to_string_view() != "CURVE" ||
      request[kKey].size() != kKeyBytes) {
    return "";
  }
  std::string key = TextOf(request[kKey].data());
  return keys_->allowed()->Find(key) == nullptr ? "" : key;
}

}  // namespace rubato
