#include "common/wire/sockets.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "common/base/system_error.h"
#include "common/wire/wire.h"

namespace rubato {
namespace {

// Queues, in messages, per peer and side. A worker's queued pushes share memory with its log; a
// listener's replies do not, so that a peer that asks and never reads costs at most this many.
constexpr int kConnectionSendQueue = 4096;
constexpr int kListenerSendQueue = 256;
constexpr int kReceiveQueue = 64;

constexpr int kLingerMs = 200;  // for the last words (a goodbye) of an endpoint that closes
constexpr int kDeadConnectionMs = 60'000;
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

}  // namespace

zmq::socket_t ListenerSocket(zmq::context_t* context) {
  zmq::socket_t socket(*context, zmq::socket_type::router);
  SetOptions(&socket, kListenerSendQueue);
  socket.set(zmq::sockopt::router_mandatory, true);
  return socket;
}

zmq::socket_t ConnectionSocket(zmq::context_t* context) {
  zmq::socket_t socket(*context, zmq::socket_type::dealer);
  SetOptions(&socket, kConnectionSendQueue);
  socket.set(zmq::sockopt::immediate, true);  // no queue to a peer that is not there
  socket.set(zmq::sockopt::reconnect_ivl, 100);
  socket.set(zmq::sockopt::reconnect_ivl_max, 1000);
  return socket;
}

absl::Status ZmqError(int error, const std::string& doing) {
  // ZeroMQ has numbers of its own beside those of the system.
  if (error < ZMQ_HAUSNUMERO) return SystemError(error, doing);
  return absl::InternalError(absl::StrCat(doing, " failed: ", zmq_strerror(error)));
}

}  // namespace rubato
