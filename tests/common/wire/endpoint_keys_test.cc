// What keys make of an endpoint: who is heard, and as whom. Every test says what arrives.
#include <unistd.h>

#include <algorithm>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/durable_file.h"
#include "common/base/host_names.h"
#include "common/keys/key_folder.h"
#include "common/wire/address.h"
#include "common/wire/endpoint.h"
#include "common/wire/zap.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

constexpr Nonce kShard{11};
constexpr Duration kLong = Duration::Seconds(20);  // only waited for by a test that fails
constexpr const char* kAnyPort = "tcp://127.0.0.1:0";

class EndpointKeysTest : public testing::Test {
 protected:
  EndpointKeysTest() { EXPECT_TRUE(MakeKeyFolder(folder_, NewKeyPair).ok()); }

  std::shared_ptr<KeyRing> Keys(KeyRole role) const {
    auto keys = KeyRing::Open(folder_, role);
    EXPECT_TRUE(keys.ok()) << keys.status();
    return *std::move(keys);
  }
  static std::unique_ptr<Endpoint> Open(Nonce self, const std::string& listen,
                                        std::shared_ptr<KeyRing> keys) {
    auto endpoint = Endpoint::Open({.self = self, .listen = listen, .keys = std::move(keys)});
    EXPECT_TRUE(endpoint.ok()) << endpoint.status();
    return *std::move(endpoint);
  }
  std::unique_ptr<Endpoint> Shard() const { return Open(kShard, kAnyPort, Keys(KeyRole::kServer)); }
  // A process with `keys` that connects to `listener`, whose key it expects to be the server's.
  std::unique_ptr<Endpoint> Client(uint64_t nonce, std::shared_ptr<KeyRing> keys,
                                   const Endpoint& listener, Nonce peer = kShard) const {
    const std::string key =
        keys && peer != kSchedulerNonce ? keys->allowed()->KeysOf(KeyRole::kServer).at(0) : "";
    auto client = Open(Nonce(nonce), "", std::move(keys));
    EXPECT_TRUE(client->Connect(peer, {listener.address(), key}).ok());
    return client;
  }
  // Sends `message` until `listener` takes or refuses something, or answers.
  static std::vector<Decoded> Say(Endpoint& client, Endpoint& listener, const Message& message,
                                  Nonce peer = kShard) {
    const uint64_t refused = listener.counts().refused;
    const uint64_t strangers = listener.counts().refused_connections;
    for (const Instant end = MonotonicNow() + kLong; MonotonicNow() < end;) {
      client.Send(peer, message);
      client.Receive(Duration::Millis(1));
      std::vector<Decoded> taken = listener.Receive(Duration::Millis(20));
      if (!taken.empty() || listener.counts().refused != refused ||
          listener.counts().refused_connections != strangers) {
        return taken;
      }
    }
    ADD_FAILURE() << "neither taken nor refused";
    return {};
  }

  ScratchFolder scratch_;
  const std::string folder_ = scratch_.path() + "/keys";
};

TEST_F(EndpointKeysTest, WhoIsInTheListIsHeardAndAnswered) {
  const auto shard = Shard();
  const auto worker = Client(22, Keys(KeyRole::kWorker), *shard);
  EXPECT_EQ(Say(*worker, *shard, Sync{Life(1), Life(2)}).at(0),
            (Decoded{Nonce(22), Sync{Life(1), Life(2)}}));
  EXPECT_EQ(shard->Send(Nonce(22), Ack{}), SendResult::kSent);
  std::vector<Decoded> answer;
  for (const Instant end = MonotonicNow() + kLong; answer.empty() && MonotonicNow() < end;) {
    answer = worker->Receive(Duration::Millis(20));
  }
  EXPECT_EQ(answer.at(0), (Decoded{kShard, Ack{}}));
  EXPECT_EQ(worker->trouble().words, "");
}

TEST_F(EndpointKeysTest, AKeyThatIsNotInTheListNeverComesIn) {
  const auto shard = Shard();
  const std::string elsewhere = scratch_.path() + "/others";
  ASSERT_TRUE(MakeKeyFolder(elsewhere, NewKeyPair).ok());
  const auto stranger = Open(Nonce(22), "", *KeyRing::Open(elsewhere, KeyRole::kWorker));
  const std::string key = Keys(KeyRole::kServer)->own().public_key;
  ASSERT_TRUE(stranger->Connect(kShard, {shard->address(), key}).ok());
  EXPECT_TRUE(Say(*stranger, *shard, Sync{}).empty());
  EXPECT_GE(shard->counts().refused_connections, 1u);
  EXPECT_EQ(shard->counts().received_messages, 0u);
}

TEST_F(EndpointKeysTest, WhoHasNoKeyNeverComesIn) {
  const auto shard = Shard();
  const auto open = Client(22, nullptr, *shard);
  const auto worker = Client(23, Keys(KeyRole::kWorker), *shard);
  for (int i = 0; i < 20; ++i) open->Send(kShard, Sync{});
  // What comes after them from a member is all that arrives.
  EXPECT_EQ(Say(*worker, *shard, Sync{}).at(0).from, Nonce(23));
  EXPECT_EQ(shard->counts().received_messages, 1u);
}

TEST_F(EndpointKeysTest, WhatARoleMayNotSayIsRefusedWithAnAnswer) {
  const auto shard = Shard();
  const auto reader = Client(22, Keys(KeyRole::kReader), *shard);
  EXPECT_TRUE(Say(*reader, *shard, Push{}).empty());
  const std::string key = Keys(KeyRole::kReader)->own().public_key;
  EXPECT_EQ(shard->counts().last_refusal,
            absl::StrFormat(
                "message refused: its sender's key %s is that of a reader, who may not say this",
                ShortKey(key)));
  EXPECT_FALSE(Say(*reader, *shard, Pull{}).empty());
  EXPECT_EQ(shard->KeyOf(Nonce(22)), key);
  EXPECT_EQ(shard->KeyOf(Nonce(23)), "");
  const KeyUse& use = shard->uses().at(key);
  EXPECT_EQ(use.role, KeyRole::kReader);
  EXPECT_GE(use.refused, 1u);
}

TEST_F(EndpointKeysTest, AHelloHasTheKeyThatWasProved) {
  const auto scheduler = Open(kSchedulerNonce, kAnyPort, Keys(KeyRole::kScheduler));
  const auto server = Client(31, Keys(KeyRole::kServer), *scheduler, kSchedulerNonce);
  const Hello hello{.role = Role::kShard, .address = "tcp://h1:5", .key = "what it says"};
  const auto heard = Say(*server, *scheduler, hello, kSchedulerNonce);
  EXPECT_EQ(std::get<Hello>(heard.at(0).message).key, Keys(KeyRole::kServer)->own().public_key);
  const auto worker = Client(32, Keys(KeyRole::kWorker), *scheduler, kSchedulerNonce);
  EXPECT_TRUE(Say(*worker, *scheduler, hello, kSchedulerNonce).empty());
}

TEST_F(EndpointKeysTest, OnlyAnAdminOrdersAndItIsKnownWho) {
  const auto scheduler = Open(kSchedulerNonce, kAnyPort, Keys(KeyRole::kScheduler));
  const auto worker = Client(31, Keys(KeyRole::kWorker), *scheduler, kSchedulerNonce);
  const Order order{OrderKind::kStop, "what it says"};
  EXPECT_TRUE(Say(*worker, *scheduler, order, kSchedulerNonce).empty());
  EXPECT_EQ(scheduler->counts().denied, 1u);
  const auto admin = Client(32, Keys(KeyRole::kAdmin), *scheduler, kSchedulerNonce);
  const auto heard = Say(*admin, *scheduler, order, kSchedulerNonce);
  EXPECT_EQ(std::get<Order>(heard.at(0).message).key, Keys(KeyRole::kAdmin)->own().public_key);
}

TEST_F(EndpointKeysTest, ANonceIsItsKeysAlsoWhenItsConnectionIsGone) {
  const auto shard = Shard();
  auto worker = Client(22, Keys(KeyRole::kWorker), *shard);
  EXPECT_FALSE(Say(*worker, *shard, Pull{}).empty());
  worker.reset();
  const auto reader = Client(22, Keys(KeyRole::kReader), *shard);
  EXPECT_TRUE(Say(*reader, *shard, Pull{}).empty());
  EXPECT_EQ(shard->counts().last_refusal, "message refused: its nonce is that of another key");
}

TEST_F(EndpointKeysTest, WhoIsPutOutOfTheListIsRefusedOnHisOpenConnection) {
  const auto shard = Shard();
  const auto worker = Client(22, Keys(KeyRole::kWorker), *shard);
  ASSERT_FALSE(Say(*worker, *shard, Sync{}).empty());
  const std::string old = ShortKey(shard->KeyOf(Nonce(22)));
  ASSERT_TRUE(RotateKey(folder_, KeyRole::kWorker, NewKeyPair).ok());
  ASSERT_TRUE(RetireKeys(folder_).ok());
  std::vector<Decoded> taken = {Decoded{}};
  for (const Instant end = MonotonicNow() + kLong; !taken.empty() && MonotonicNow() < end;) {
    taken = Say(*worker, *shard, Sync{});
  }
  EXPECT_EQ(shard->counts().last_refusal,
            absl::StrFormat(
                "message refused: its sender's key %s is not, or no longer, in the list", old));
  const auto fresh = Client(23, Keys(KeyRole::kWorker), *shard);
  while (Say(*fresh, *shard, Sync{}).empty()) {
  }
}

TEST_F(EndpointKeysTest, TheSchedulersKeyIsReplacedWhileOthersKnowBoth) {
  const auto worker_keys = Keys(KeyRole::kWorker);
  ASSERT_TRUE(RotateKey(folder_, KeyRole::kScheduler, NewKeyPair).ok());
  ASSERT_TRUE(worker_keys->Refresh().ok());
  ASSERT_EQ(worker_keys->allowed()->KeysOf(KeyRole::kScheduler).size(), 2u);
  // It has the second key of the list, so the first one that is tried is wrong.
  const auto scheduler = Open(kSchedulerNonce, kAnyPort, Keys(KeyRole::kScheduler));
  const auto worker = Client(22, worker_keys, *scheduler, kSchedulerNonce);
  EXPECT_EQ(Say(*worker, *scheduler, Heartbeat{}, kSchedulerNonce).size(), 1u);
}

std::string TroubleOnceKnown(Endpoint& endpoint) {
  for (const Instant end = MonotonicNow() + kLong; MonotonicNow() < end;) {
    endpoint.Receive(Duration::Millis(20));
    if (!endpoint.trouble().words.empty()) return endpoint.trouble().words;
  }
  return "";
}

TEST_F(EndpointKeysTest, TroubleIsSaid) {
  const auto scheduler = Open(kSchedulerNonce, kAnyPort, Keys(KeyRole::kScheduler));
  const std::string others = scratch_.path() + "/others";
  ASSERT_TRUE(MakeKeyFolder(others, NewKeyPair).ok());
  const auto other_fleet =
      Client(22, *KeyRing::Open(others, KeyRole::kWorker), *scheduler, kSchedulerNonce);
  const auto open = Client(24, nullptr, *scheduler, kSchedulerNonce);
  auto gone = Open(kSchedulerNonce, kAnyPort, Keys(KeyRole::kScheduler));
  const auto early = Client(25, Keys(KeyRole::kWorker), *gone, kSchedulerNonce);
  gone.reset();
  EXPECT_EQ(TroubleOnceKnown(*other_fleet),
            "who answers there does not have the scheduler's key that is in " + others +
                "/allowed; are both of the same fleet?");
  EXPECT_EQ(TroubleOnceKnown(*open),
            "it wants keys, and this process has none; give it --keys DIR");
  EXPECT_EQ(TroubleOnceKnown(*early),
            "nobody answers there; start it, or open its port to this host");
}

TEST_F(EndpointKeysTest, AKeyThatTheSchedulerDoesNotKnowIsNamed) {
  const auto scheduler = Open(kSchedulerNonce, kAnyPort, Keys(KeyRole::kScheduler));
  // It trusts this scheduler, whose list does not have it.
  const std::string others = scratch_.path() + "/others";
  ASSERT_TRUE(MakeKeyFolder(others, NewKeyPair).ok());
  const std::string own = (*KeyRing::Open(others, KeyRole::kWorker))->own().public_key;
  ASSERT_TRUE(WriteFileAtomically(AllowListOf(others),
                                  "scheduler " + Keys(KeyRole::kScheduler)->own().public_key +
                                      "\nworker " + own + "\n")
                  .ok());
  const auto worker =
      Client(22, *KeyRing::Open(others, KeyRole::kWorker), *scheduler, kSchedulerNonce);
  for (const Instant end = MonotonicNow() + kLong;
       worker->trouble().words.empty() && MonotonicNow() < end;) {
    scheduler->Receive(Duration::Millis(10));
    worker->Receive(Duration::Millis(10));
  }
  EXPECT_EQ(worker->trouble().words, "it does not know our key; take " + own +
                                         ", which is the public one in " + others +
                                         ", into its list");
  EXPECT_TRUE(worker->trouble().of_keys);
}

TEST_F(EndpointKeysTest, AllInterfacesAndIpv6AreOpenToKeys) {
  const auto all = Open(kShard, "tcp://*:0", Keys(KeyRole::kServer));
  const std::string port = all->address().substr(all->address().rfind(':'));
  const auto keys = Keys(KeyRole::kWorker);
  const auto worker = Open(Nonce(22), "", keys);
  const std::string server = keys->allowed()->KeysOf(KeyRole::kServer).at(0);
  ASSERT_TRUE(worker->Connect(kShard, {"tcp://localhost" + port, server}).ok());
  EXPECT_FALSE(Say(*worker, *all, Sync{}).empty());
  const auto six =
      Endpoint::Open({.self = kShard, .listen = "tcp://[::1]:0", .keys = Keys(KeyRole::kServer)});
  if (!six.ok()) GTEST_SKIP() << "no IPv6 on this host: " << six.status();
  const auto other = Client(23, keys, **six);
  EXPECT_FALSE(Say(*other, **six, Sync{}).empty());
}

// Often a name for loopback, as in Debian's /etc/hosts: others must get through all the same.
TEST_F(EndpointKeysTest, AHostsOwnNameIsListenedOnAndTold) {
  char name[256] = {};
  ASSERT_EQ(gethostname(name, sizeof(name) - 1), 0);
  if (!ResolveHost(name).ok() || NameIn(absl::StrCat("tcp://", name, ":1")).empty()) {
    GTEST_SKIP() << "this host does not know its own name, " << name;
  }
  const auto shard = Open(kShard, absl::StrCat("tcp://", name, ":0"), Keys(KeyRole::kServer));
  EXPECT_EQ(shard->address().rfind(absl::StrCat("tcp://", name, ":"), 0), 0u) << shard->address();
  const auto worker = Client(22, Keys(KeyRole::kWorker), *shard);
  EXPECT_FALSE(Say(*worker, *shard, Sync{}).empty());
}

TEST_F(EndpointKeysTest, ANameThatNobodyKnowsIsTrouble) {
  const auto worker = Open(Nonce(22), "", Keys(KeyRole::kWorker));
  ASSERT_TRUE(worker->Connect(kSchedulerNonce, {"tcp://no-such-host.invalid:7000", ""}).ok());
  const std::string said = TroubleOnceKnown(*worker);
  EXPECT_EQ(said.rfind("this host knows no no-such-host.invalid (", 0), 0u) << said;
  EXPECT_NE(said.find("enter it in /etc/hosts or DNS here, or give an address"), said.npos) << said;
}

TEST_F(EndpointKeysTest, APeerWhoseKeyNobodyKnowsIsNotConnectedTo) {
  const auto shard = Shard();
  const auto worker = Open(Nonce(22), "", Keys(KeyRole::kWorker));
  EXPECT_FALSE(worker->Connect(kShard, {shard->address(), ""}).ok());
}

}  // namespace
}  // namespace rubato
