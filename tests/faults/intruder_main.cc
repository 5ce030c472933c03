// intruder: what somebody who wants to harm a fleet says to a listener of it, with the library that
// honest processes use, so that his handshakes are good as far as his keys are.
//
// Prints one JSON line: how many messages he could queue, and how many were answered by a refusal.
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "CLI/CLI.hpp"
#include "common/base/status.h"
#include "common/keys/key_folder.h"
#include "common/wire/endpoint.h"
#include "common/wire/zap.h"

namespace rubato {
namespace {

struct Arguments {
  std::string address;
  std::string keys;  // folder
  std::string role = "worker";
  std::string listener;  // public key of who listens
  double seconds = 5;
  uint64_t nonce = 99;
  bool scheduler = false;  // who listens is the scheduler, and no shard
};

// Pushes, reports, views and the rest of what there is, in the names of lives that there may be.
// A seat is not asked for: who has a worker's key may have one.
std::vector<Message> Forgeries(uint64_t turn) {
  const Life life(1 + turn % 40);
  const Life other(1 + turn / 40 % 40);
  Push push;
  push.from = life;
  push.to = other;
  push.clock = Clock(static_cast<int64_t>(turn));
  push.rows = {{TableId(0), 1, ValueCodec::kF32, Buffer::Own(std::vector<uint64_t>{turn}),
                Buffer::Own(std::vector<float>{1e6F})}};
  View view;
  view.version = ViewVersion(1u << 30);
  ShardReport report;
  report.life = life;
  report.durable = SnapshotNumber(1u << 20);
  Heartbeat heartbeat;
  heartbeat.life = life;
  heartbeat.leaving = true;
  Ack ack;
  ack.from = life;
  ack.to = other;
  const Hello hello{.role = Role::kShard, .index = 0, .address = "tcp://127.0.0.1:1"};
  return {push,
          view,
          report,
          heartbeat,
          hello,
          Sync{life, other},
          ack,
          Stale{life, ViewVersion(1), Nonce(2)},
          Order{OrderKind::kStopAtOnce, ""},
          ErrorReply{3, "end yourself"}};
}

absl::Status Forge(const Arguments& arguments) {
  ASSIGN_OR_RETURN(auto keys, FindKeys(arguments.keys, *FindKeyRole(arguments.role)));
  ASSIGN_OR_RETURN(const auto endpoint,
                   Endpoint::Open({.self = Nonce(arguments.nonce), .listen = "", .keys = keys}));
  const Nonce peer = arguments.scheduler ? kSchedulerNonce : Nonce(7);
  RETURN_IF_ERROR(
      endpoint->Connect(peer, {arguments.address, arguments.scheduler ? "" : arguments.listener}));
  uint64_t sent = 0;
  const Instant end = MonotonicNow() + Duration::Seconds(arguments.seconds);
  for (uint64_t turn = 0; MonotonicNow() < end; ++turn) {
    for (const Message& message : Forgeries(turn)) {
      sent += endpoint->Send(peer, message) == SendResult::kSent ? 1u : 0u;
    }
    endpoint->Receive(Duration::Millis(1));
  }
  std::printf("{\"sent\": %llu, \"answers\": %llu}\n", static_cast<unsigned long long>(sent),
              static_cast<unsigned long long>(endpoint->counts().received_messages +
                                              endpoint->counts().refused));
  return absl::OkStatus();
}

// A message without end, as good as: ZeroMQ sends nothing of one whose last frame is not there yet,
// so it has one, after more than any process has memory for. All frames are the same memory here.
absl::Status Endless(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const KeyPair own,
                   LoadKeyPair(KeyFileOf(arguments.keys, *FindKeyRole(arguments.role))));
  zmq::context_t context(1);
  zmq::socket_t socket(context, zmq::socket_type::dealer);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::curve_publickey, own.public_key);
  socket.set(zmq::sockopt::curve_secretkey, own.secret_key);
  socket.set(zmq::sockopt::curve_serverkey, arguments.listener);
  socket.connect(arguments.address);
  std::vector<char> frame(1u << 20, 'x');
  constexpr int kFrames = 1 << 16;
  const auto keep = [](void*, void*) {};
  for (int i = 1; i <= kFrames; ++i) {
    zmq::message_t part(frame.data(), frame.size(), keep);
    zmq_msg_send(part.handle(), socket.handle(), i < kFrames ? ZMQ_SNDMORE : 0);
  }
  const Instant end = MonotonicNow() + Duration::Seconds(arguments.seconds);
  while (MonotonicNow() < end) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("What somebody who wants to harm a fleet says to it");
  app.require_subcommand(1);
  CLI::App* forge = app.add_subcommand("forge", "messages of every kind, in others' names");
  CLI::App* endless = app.add_subcommand("endless", "a message of 64 GiB");
  for (CLI::App* verb : {forge, endless}) {
    verb->add_option("--address", arguments.address)->required();
    verb->add_option("--keys", arguments.keys)->required();
    verb->add_option("--role", arguments.role);
    verb->add_option("--listener", arguments.listener);
    verb->add_option("--seconds", arguments.seconds);
    verb->add_option("--nonce", arguments.nonce);
    verb->add_flag("--scheduler", arguments.scheduler);
  }
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = *forge ? Forge(arguments) : Endless(arguments);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
