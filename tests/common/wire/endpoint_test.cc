#include "common/wire/endpoint.h"

#include <cstdlib>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "gtest/gtest.h"
#include "tests/common/wire/random_message.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

constexpr Nonce kShard{11};
constexpr Nonce kWorker{22};
constexpr Duration kLong = Duration::Seconds(20);  // only waited for by a test that fails

std::unique_ptr<Endpoint> MustOpen(const EndpointOptions& options) {
  auto endpoint = Endpoint::Open(options);
  EXPECT_TRUE(endpoint.ok()) << endpoint.status();
  return *std::move(endpoint);
}

class EndpointTest : public testing::TestWithParam<const char*> {
 protected:
  std::string ListenAddress() const {
    return std::string(GetParam()) == "ipc" ? "ipc://" + folder_ + "/shard" : "tcp://127.0.0.1:0";
  }
  std::unique_ptr<Endpoint> OpenShard() {
    return MustOpen({.self = kShard, .listen = ListenAddress()});
  }
  // A worker connected to `shard`.
  std::unique_ptr<Endpoint> OpenWorker(const Endpoint& shard) {
    auto worker = MustOpen({.self = kWorker, .listen = ""});
    EXPECT_TRUE(worker->Connect(kShard, {shard.address(), ""}).ok());
    return worker;
  }
  // Sends until it is taken: what a protocol that resends does.
  static void MustSend(Endpoint& endpoint, Nonce to, const Message& message) {
    const Instant deadline = MonotonicNow() + kLong;
    while (endpoint.Send(to, message) != SendResult::kSent && MonotonicNow() < deadline) {
      endpoint.Receive(Duration::Millis(1));
    }
  }
  static std::vector<Decoded> MustReceive(Endpoint& endpoint, size_t count) {
    std::vector<Decoded> all;
    const Instant deadline = MonotonicNow() + kLong;
    while (all.size() < count && MonotonicNow() < deadline) {
      for (Decoded& one : endpoint.Receive(Duration::Millis(50))) all.push_back(std::move(one));
    }
    EXPECT_EQ(all.size(), count);
    return all;
  }

  ScratchFolder scratch_;
  const std::string folder_ = scratch_.path();
};

INSTANTIATE_TEST_SUITE_P(Transports, EndpointTest, testing::Values("ipc", "tcp"),
                         [](const auto& transport) { return std::string(transport.param); });

TEST_P(EndpointTest, EveryKindThatAShardTakesArrivesAndEveryKindGoesBack) {
  const auto shard = OpenShard();
  const auto worker = OpenWorker(*shard);
  RandomMessages messages(1);
  MustSend(*worker, kShard, Sync{});
  MustReceive(*shard, 1);
  for (size_t i = 0; i < 3 * std::variant_size_v<Message>; ++i) {
    const Message question = messages.Next();
    if (DoorRule::ComesTo(Listener::kShard, question)) {
      MustSend(*worker, kShard, question);
      EXPECT_EQ(MustReceive(*shard, 1).at(0), (Decoded{kWorker, question}));
    }
    const Message answer = messages.Next();
    MustSend(*shard, kWorker, answer);
    EXPECT_EQ(MustReceive(*worker, 1).at(0), (Decoded{kShard, answer}));
  }
}

TEST_P(EndpointTest, WhatNoListenerTakesIsRefusedWhoeverSendsIt) {
  const auto shard = OpenShard();
  const auto worker = OpenWorker(*shard);
  RandomMessages messages(2);
  uint64_t refused = 0;
  for (size_t i = 0; i < 2 * std::variant_size_v<Message>; ++i) {
    const Message message = messages.Next();
    if (DoorRule::ComesTo(Listener::kShard, message)) continue;
    MustSend(*worker, kShard, message);
    ++refused;
    for (const Instant end = MonotonicNow() + kLong;
         shard->counts().refused < refused && MonotonicNow() < end;) {
      EXPECT_TRUE(shard->Receive(Duration::Millis(50)).empty());
    }
    EXPECT_TRUE(std::holds_alternative<ErrorReply>(MustReceive(*worker, 1).at(0).message));
    EXPECT_EQ(shard->counts().refused, refused);
  }
  EXPECT_EQ(shard->counts().last_refusal, "message refused: no shard takes such a message");
}

Push PushOf(uint32_t rows, uint64_t first) {
  constexpr uint32_t kDim = 16;
  std::vector<uint64_t> keys(rows);
  std::vector<float> values(size_t{rows} * kDim);
  for (uint32_t r = 0; r < rows; ++r) {
    keys[r] = first + r;
    for (uint32_t d = 0; d < kDim; ++d) values[r * kDim + d] = static_cast<float>(r + d);
  }
  Push push;
  push.clock = Clock(static_cast<int64_t>(first));
  push.rows = {{TableId(1), rows, ValueCodec::kF32, Buffer::Own(std::move(keys)),
                Buffer::Own(std::move(values))}};
  return push;
}

TEST_P(EndpointTest, LargePayloadsArriveWholeAndInOrder) {
  const auto shard = OpenShard();
  const auto worker = OpenWorker(*shard);
  constexpr uint64_t kPushes = 24;
  constexpr uint32_t kRows = 40'000;  // 2.9 MB a push
  for (uint64_t i = 0; i < kPushes; ++i) MustSend(*worker, kShard, PushOf(kRows, i));
  const std::vector<Decoded> received = MustReceive(*shard, kPushes);
  for (uint64_t i = 0; i < received.size(); ++i) {
    EXPECT_EQ(received[i], (Decoded{kWorker, PushOf(kRows, i)})) << i;
  }
  EXPECT_EQ(shard->counts().received_bytes, worker->counts().sent_bytes);
}

TEST_P(EndpointTest, AReceivedPayloadOutlivesTheEndpoint) {
  auto shard = OpenShard();
  const auto worker = OpenWorker(*shard);
  MustSend(*worker, kShard, PushOf(10'000, 5));
  std::vector<Decoded> received = MustReceive(*shard, 1);
  shard.reset();
  EXPECT_EQ(std::get<Push>(received.at(0).message), PushOf(10'000, 5));
}

TEST_P(EndpointTest, WhoNeverSpokeIsUnknown) {
  const auto shard = OpenShard();
  EXPECT_EQ(shard->Send(kWorker, Sync{}), SendResult::kUnknownPeer);
  EXPECT_EQ(shard->counts().unknown_peer, 1u);
}

TEST_P(EndpointTest, WhoLeftBecomesUnknown) {
  const auto shard = OpenShard();
  auto worker = OpenWorker(*shard);
  MustSend(*worker, kShard, Sync{});
  MustReceive(*shard, 1);
  worker.reset();
  const Instant deadline = MonotonicNow() + kLong;
  SendResult result = SendResult::kSent;
  while (result == SendResult::kSent && MonotonicNow() < deadline) {
    result = shard->Send(kWorker, Sync{});
    shard->Receive(Duration::Millis(1));
  }
  EXPECT_EQ(result, SendResult::kUnknownPeer);
}

TEST_P(EndpointTest, APeerThatReadsNothingBlocksNobody) {
  const auto shard = OpenShard();
  const auto worker = OpenWorker(*shard);
  MustSend(*worker, kShard, Sync{});
  MustReceive(*shard, 1);
  const Push big = PushOf(15'000, 1);
  SendResult result = SendResult::kSent;
  for (int i = 0; i < 10'000 && result == SendResult::kSent; ++i)
    result = shard->Send(kWorker, big);
  EXPECT_EQ(result, SendResult::kWouldBlock);
}

// A reply of one large frame, and one of many small ones.
TEST_P(EndpointTest, WhatIsQueuedToAPeerThatReadsNothingIsBoundedInBytes) {
  for (const bool large : {true, false}) {
    const auto shard = OpenShard();
    auto worker = OpenWorker(*shard);
    MustSend(*worker, kShard, Sync{});
    MustReceive(*shard, 1);
    Push answer = PushOf(large ? 130'000 : 400, 1);  // 9 MB; 29 KB
    if (!large) answer.rows.resize(40, answer.rows[0]);
    const uint64_t bytes = 72 * answer.rows.size() * answer.rows[0].rows;
    uint64_t sent = 0;
    while (shard->Send(kWorker, answer) == SendResult::kSent) sent += bytes;
    EXPECT_FALSE(shard->HasRoom(kWorker));
    // What the transport has taken, and the peer's 64 messages, are not in the queue any more.
    constexpr uint64_t kTransport = 32u << 20;
    EXPECT_LE(sent, kMaxQueuedBytes + kTransport + 66 * bytes);
    EXPECT_EQ(shard->Send(kWorker, Stale{}), SendResult::kSent);
    // Who reads has room again.
    const Instant deadline = MonotonicNow() + kLong;
    while (!shard->HasRoom(kWorker) && MonotonicNow() < deadline) {
      worker->Receive(Duration::Millis(1));
    }
    EXPECT_EQ(shard->Send(kWorker, answer), SendResult::kSent);
  }
}

// ZeroMQ's own heartbeats ended the process here: their timer writes to a connection that is closed
// while its input stands still. The wait is long enough for one, were they on again at a second.
// (What the worker leaves unread makes tcp reset the connection, where it would only end it.)
TEST_P(EndpointTest, APeerThatFillsTheQueueAndClosesEndsNobody) {
  const auto shard = OpenShard();
  auto worker = OpenWorker(*shard);
  MustSend(*worker, kShard, Sync{});
  MustReceive(*shard, 1);
  const Push big = PushOf(1'500, 1);
  while (shard->Send(kWorker, big) == SendResult::kSent) {
  }
  while (worker->Send(kShard, big) == SendResult::kSent) {
  }
  worker.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  std::vector<Decoded> received;
  const Instant deadline = MonotonicNow() + kLong;
  while (received.empty() && MonotonicNow() < deadline) received = shard->Receive(kLong);
  EXPECT_FALSE(received.empty());
}

TEST_P(EndpointTest, GarbageIsAnsweredAndSurvived) {
  const auto shard = OpenShard();
  const auto worker = OpenWorker(*shard);
  MustSend(*worker, kShard, Sync{});
  MustReceive(*shard, 1);
  const Buffer noise = Buffer::Own(std::vector<char>(100, 'x'));
  const std::vector<Frames> garbage = {
      {noise}, {Buffer()}, {Buffer(), noise, Buffer()}, Frames(200, noise)};
  for (const Frames& frames : garbage) {
    ASSERT_EQ(worker->SendFrames(kShard, frames), SendResult::kSent);
  }
  MustSend(*worker, kShard, Sync{Life(3), Life(4)});
  EXPECT_EQ(MustReceive(*shard, 1).at(0).message, Message(Sync{Life(3), Life(4)}));
  EXPECT_EQ(shard->counts().refused, garbage.size());
  for (const Decoded& answer : MustReceive(*worker, garbage.size())) {
    const auto& reply = std::get<ErrorReply>(answer.message);
    EXPECT_EQ(reply.sentence.substr(0, 16), "message refused:");
  }
}

TEST_P(EndpointTest, AFloodOfGarbageIsCountedAndNotAnsweredAsFast) {
  constexpr uint64_t kFlood = 4000;
  const auto shard = OpenShard();
  const auto worker = OpenWorker(*shard);
  const Instant began = MonotonicNow();
  uint64_t answers = 0;
  for (uint64_t sent = 0; shard->counts().refused < kFlood && MonotonicNow() - began < kLong;) {
    while (sent < kFlood && worker->SendFrames(kShard, {Buffer()}) == SendResult::kSent) ++sent;
    EXPECT_TRUE(shard->Receive(Duration::Millis(10)).empty());
    answers += worker->Receive(Duration()).size();
  }
  EXPECT_EQ(shard->counts().refused, kFlood);
  const double most = 501 + 500 * (MonotonicNow() - began).seconds();
  while (answers < 500 && MonotonicNow() - began < kLong) {
    answers += worker->Receive(Duration::Millis(10)).size();
  }
  EXPECT_GE(answers, 500u);
  answers += worker->Receive(Duration::Millis(100)).size();
  EXPECT_LE(static_cast<double>(answers), most);
  MustSend(*worker, kShard, Sync{});
  MustReceive(*shard, 1);
}

TEST_P(EndpointTest, NobodySpeaksAsTheScheduler) {
  const auto shard = OpenShard();
  const auto impostor = MustOpen({.self = kSchedulerNonce, .listen = ""});
  ASSERT_TRUE(impostor->Connect(kShard, {shard->address(), ""}).ok());
  MustSend(*impostor, kShard, View{});
  EXPECT_EQ(impostor->counts().sent_messages, 1u);
  const Instant deadline = MonotonicNow() + kLong;
  while (shard->counts().refused == 0 && MonotonicNow() < deadline) {
    EXPECT_TRUE(shard->Receive(Duration::Millis(50)).empty());
  }
  EXPECT_EQ(shard->counts().last_refusal, "message refused: nonce 0 is the scheduler's own");
}

// Sends as `impostor` until the shard has refused that.
void ExpectRefused(Endpoint& impostor, Endpoint& shard) {
  const uint64_t before = shard.counts().refused;
  const Instant deadline = MonotonicNow() + kLong;
  while (shard.counts().refused == before && MonotonicNow() < deadline) {
    impostor.Send(kShard, Sync{Life(666), Life(1)});
    EXPECT_TRUE(shard.Receive(Duration::Millis(20)).empty());
  }
  EXPECT_EQ(shard.counts().last_refusal, "message refused: its nonce is that of another process");
}

TEST_P(EndpointTest, ANonceIsItsFirstSpeakersUntilHeIsGone) {
  const auto shard = OpenShard();
  auto worker = OpenWorker(*shard);
  MustSend(*worker, kShard, Sync{Life(1), Life(1)});
  MustReceive(*shard, 1);
  const auto second = OpenWorker(*shard);
  ASSERT_NO_FATAL_FAILURE(ExpectRefused(*second, *shard));
  MustSend(*shard, kWorker, Stale{});
  EXPECT_EQ(MustReceive(*worker, 1).at(0).message, Message(Stale{}));
  second->Receive(Duration::Millis(1));
  EXPECT_EQ(second->counts().received_messages, 0u);

  worker.reset();  // the second may be the first, come back on a new connection
  const Instant deadline = MonotonicNow() + kLong;
  std::vector<Decoded> received;
  while (received.empty() && MonotonicNow() < deadline) {
    second->Send(kShard, Sync{Life(2), Life(1)});
    received = shard->Receive(Duration::Millis(20));
  }
  ASSERT_FALSE(received.empty());
  MustSend(*shard, kWorker, View{});
  EXPECT_EQ(MustReceive(*second, 1).at(0).message, Message(View{}));
}

TEST_P(EndpointTest, NobodySpeaksAsTheListenerOrAsOneItIsConnectedTo) {
  const auto shard = OpenShard();
  const auto other = MustOpen({.self = Nonce(12), .listen = "tcp://127.0.0.1:0"});
  ASSERT_TRUE(shard->Connect(Nonce(12), {other->address(), ""}).ok());
  for (const Nonce nonce : {kShard, Nonce(12)}) {
    const auto impostor = MustOpen({.self = nonce, .listen = ""});
    ASSERT_TRUE(impostor->Connect(kShard, {shard->address(), ""}).ok());
    ASSERT_NO_FATAL_FAILURE(ExpectRefused(*impostor, *shard));
  }
}

TEST_P(EndpointTest, AConnectionSpeaksForItsPeerAlone) {
  const auto impostor = MustOpen({.self = Nonce(12), .listen = ListenAddress()});
  const auto worker = OpenWorker(*impostor);  // which takes it for kShard
  MustSend(*worker, kShard, Sync{});
  MustReceive(*impostor, 1);
  MustSend(*impostor, kWorker, Stale{});
  const Instant deadline = MonotonicNow() + kLong;
  while (worker->counts().refused == 0 && MonotonicNow() < deadline) {
    EXPECT_TRUE(worker->Receive(Duration::Millis(20)).empty());
  }
  EXPECT_EQ(worker->counts().last_refusal,
            "message refused: its nonce is not that of this connection");
}

TEST_P(EndpointTest, AWorkerTalksToManyShards) {
  const auto shard = OpenShard();
  const auto other = MustOpen({.self = Nonce(12), .listen = "tcp://127.0.0.1:0"});
  const auto worker = OpenWorker(*shard);
  ASSERT_TRUE(worker->Connect(Nonce(12), {other->address(), ""}).ok());
  MustSend(*worker, kShard, Sync{Life(1), Life(1)});
  MustSend(*worker, Nonce(12), Sync{Life(2), Life(2)});
  EXPECT_EQ(MustReceive(*shard, 1).at(0).message, Message(Sync{Life(1), Life(1)}));
  EXPECT_EQ(MustReceive(*other, 1).at(0).message, Message(Sync{Life(2), Life(2)}));
  worker->Disconnect(kShard);
  EXPECT_EQ(worker->Send(kShard, Sync{}), SendResult::kUnknownPeer);
}

TEST_P(EndpointTest, APeerIsFoundAgainAtTheSameAddress) {
  auto shard = OpenShard();
  const std::string address = shard->address();
  const auto worker = OpenWorker(*shard);
  MustSend(*worker, kShard, Sync{Life(1), Life(1)});
  MustReceive(*shard, 1);
  shard.reset();
  shard = MustOpen({.self = kShard, .listen = address});
  // As the protocol does: resend until there is an answer.
  const Instant deadline = MonotonicNow() + kLong;
  std::vector<Decoded> received;
  while (received.empty() && MonotonicNow() < deadline) {
    worker->Send(kShard, Sync{Life(2), Life(2)});
    received = shard->Receive(Duration::Millis(20));
  }
  ASSERT_FALSE(received.empty());
  EXPECT_EQ(received[0].message, Message(Sync{Life(2), Life(2)}));
}

TEST(Endpoint, WakeEndsAWaitFromAnotherThread) {
  const auto endpoint = MustOpen({.self = kWorker, .listen = ""});
  std::thread waker([&] { endpoint->Wake(); });
  const Instant start = MonotonicNow();
  EXPECT_TRUE(endpoint->Receive(kLong).empty());
  EXPECT_LT(MonotonicNow() - start, kLong);
  waker.join();
}

std::string WhyRefused(const std::string& listen) {
  const auto endpoint = Endpoint::Open({.self = kShard, .listen = listen});
  return endpoint.ok() ? "" : std::string(endpoint.status().message());
}

TEST(Endpoint, WithoutKeysOnlyAddressesOfThisHostAreTaken) {
  EXPECT_EQ(WhyRefused("tcp://0.0.0.0:0"),
            "address \"tcp://0.0.0.0:0\" can be reached from other hosts, and there are no keys; "
            "make some with `rubato keygen DIR` and give --keys DIR to all processes, or use "
            "127.0.0.1");
  for (const char* address :
       {"tcp://*:0", "tcp://127.evil.example:0", "tcp://127.0.0.1", "tcp://127.0.0.1:70000",
        "inproc://x", "ipc://@x", "ipc://x", "pgm://127.0.0.1:5", "tcp://10.0.0.1:80"}) {
    EXPECT_NE(WhyRefused(address), "") << address;
    const auto worker = MustOpen({.self = kWorker, .listen = ""});
    EXPECT_FALSE(worker->Connect(kShard, {address, ""}).ok()) << address;
  }
  EXPECT_NE(WhyRefused("ipc:///" + std::string(107, 'x')), "");
  EXPECT_NE(WhyRefused("ipc:///no/such/folder/socket"), "");
}

TEST(Endpoint, APortInUseIsASentence) {
  const auto first = MustOpen({.self = kShard, .listen = "tcp://127.0.0.1:0"});
  EXPECT_EQ(WhyRefused(first->address()),
            "cannot listen on " + first->address() +
                ": it is in use; choose another port, or 0 for any free one");
}

TEST(Endpoint, OfARangeTheFirstFreePortIsTaken) {
  const auto blocker = MustOpen({.self = kShard, .listen = "tcp://127.0.0.1:0"});
  const std::string taken = blocker->address();
  const int port = std::stoi(taken.substr(taken.rfind(':') + 1));
  const std::string range = absl::StrCat("tcp://127.0.0.1:", port, "-", std::min(port + 20, 65535));
  const auto next = MustOpen({.self = kShard, .listen = range});
  EXPECT_NE(next->address(), taken);
  const int chosen = std::stoi(next->address().substr(next->address().rfind(':') + 1));
  EXPECT_GT(chosen, port);
  EXPECT_LE(chosen, port + 20);
  EXPECT_EQ(WhyRefused(absl::StrCat("tcp://127.0.0.1:", port, "-", port)),
            "cannot listen on tcp://127.0.0.1:" + absl::StrCat(port, "-", port) +
                ": it is in use; choose another port, or 0 for any free one");
}

TEST(Endpoint, NoSuchInterfaceIsASentence) {
  EXPECT_NE(WhyRefused("tcp://127.0.0.300:0"), "");
  const auto refused = Endpoint::Open({.self = kShard, .listen = "tcp://localhost:x"});
  EXPECT_FALSE(refused.ok());
}

}  // namespace
}  // namespace rubato
