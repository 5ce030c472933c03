#include "common/wire/doorman.h"

#include <set>

#include "common/base/durable_file.h"
#include "common/keys/key_folder.h"
#include "gtest/gtest.h"
#include "tests/common/wire/random_message.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

constexpr const char* kKinds[] = {
    "Hello",     "Heartbeat",    "ShardReport", "View",  "Pull",      "PullReply",
    "Parked",    "Push",         "Sync",        "Ack",   "Stale",     "ErrorReply",
    "Telemetry", "TelemetryAck", "FleetEnd",    "Order", "OrderReply"};

class DoormanTest : public testing::Test {
 protected:
  DoormanTest() {
    EXPECT_TRUE(MakeKeyFolder(folder_, [this] { return Next(); }).ok());
    keys_ = *KeyRing::Open(folder_, KeyRole::kServer);
  }
  KeyPair Next() {
    const std::string key(kKeyLength, static_cast<char>('a' + made_++));
    return {key, key};
  }
  std::string KeyOf(KeyRole role) const { return keys_->allowed()->KeysOf(role).at(0); }
  // The line of `role` in the list is limited to this.
  void Limit(KeyRole role, const std::string& limit) {
    std::string list;
    for (const KeyRole each : kKeyRoles) {
      absl::StrAppend(&list, KeyRoleName(each), " ", KeyOf(each), " ", each == role ? limit : "",
                      "\n");
    }
    ASSERT_TRUE(WriteFileAtomically(AllowListOf(folder_), list).ok());
    ASSERT_TRUE(keys_->Refresh().ok());
  }
  // Kinds that `role` may say there, of messages of every kind.
  std::set<std::string> Admitted(Listener where, KeyRole role) {
    Doorman doorman(where, keys_, {});
    std::set<std::string> kinds;
    RandomMessages messages(3);
    for (size_t i = 0; i < 40 * std::variant_size_v<Message>; ++i) {
      const Message message = messages.Next();
      if (doorman.Admit(KeyOf(role), message).ok()) kinds.insert(kKinds[message.index()]);
    }
    return kinds;
  }

  ScratchFolder scratch_;
  const std::string folder_ = scratch_.path() + "/keys";
  std::shared_ptr<KeyRing> keys_;
  int made_ = 0;
};

using Kinds = std::set<std::string>;

TEST_F(DoormanTest, EachRoleMaySayItsOwnAndNothingElse) {
  EXPECT_EQ(Admitted(Listener::kScheduler, KeyRole::kServer),
            (Kinds{"Hello", "ShardReport", "Telemetry"}));
  EXPECT_EQ(Admitted(Listener::kScheduler, KeyRole::kWorker),
            (Kinds{"Hello", "Heartbeat", "Telemetry"}));
  EXPECT_EQ(Admitted(Listener::kScheduler, KeyRole::kReader),
            (Kinds{"Hello", "Heartbeat", "Telemetry"}));
  EXPECT_EQ(Admitted(Listener::kScheduler, KeyRole::kAdmin), Kinds{"Order"});
  EXPECT_EQ(Admitted(Listener::kScheduler, KeyRole::kScheduler), Kinds{});
  EXPECT_EQ(Admitted(Listener::kShard, KeyRole::kServer), Kinds{});
  EXPECT_EQ(Admitted(Listener::kShard, KeyRole::kWorker), (Kinds{"Pull", "Push", "Sync"}));
  EXPECT_EQ(Admitted(Listener::kShard, KeyRole::kReader), Kinds{"Pull"});
  EXPECT_EQ(Admitted(Listener::kShard, KeyRole::kAdmin), Kinds{});
  EXPECT_EQ(Admitted(Listener::kShard, KeyRole::kScheduler), Kinds{});
}

TEST_F(DoormanTest, WhoSaysHelloOrTellsIsOfTheRoleThatTheKeyHas) {
  Doorman doorman(Listener::kScheduler, keys_, {});
  for (const KeyRole key : {KeyRole::kServer, KeyRole::kWorker, KeyRole::kReader}) {
    for (const Role said : {Role::kShard, Role::kWorker, Role::kReader}) {
      EXPECT_EQ(doorman.Admit(KeyOf(key), Hello{.role = said, .address = "", .key = ""}).ok(),
                DoorRule::RoleOf(said) == key);
      EXPECT_EQ(doorman.Admit(KeyOf(key), Telemetry{.role = said, .lines = {}}).ok(),
                DoorRule::RoleOf(said) == key);
    }
  }
}

TEST_F(DoormanTest, SaysWhatIsWrong) {
  Doorman doorman(Listener::kShard, keys_, {});
  EXPECT_EQ(doorman.Admit(KeyOf(KeyRole::kReader), Sync{}).message(),
            "message refused: its sender's key dddddddd is that of a reader, who may not say this");
  EXPECT_EQ(doorman.Admit(std::string(kKeyLength, 'z'), Sync{}).message(),
            "message refused: its sender's key zzzzzzzz is not, or no longer, in the list");
  EXPECT_EQ(doorman.Admit(KeyOf(KeyRole::kWorker), Heartbeat{}).message(),
            "message refused: no shard takes such a message");
}

TEST_F(DoormanTest, AKeyMayBeForSomeTablesOnly) {
  const std::string reader = KeyOf(KeyRole::kReader);
  Limit(KeyRole::kReader, "tables=linear");
  Doorman doorman(Listener::kShard, keys_, {{TableId(0), "linear"}, {TableId(1), "fm"}});
  Pull pull;
  EXPECT_TRUE(doorman.Admit(reader, pull).ok());
  pull.rows.push_back({.table = TableId(0), .keys = {}, .values = {}});
  EXPECT_TRUE(doorman.Admit(reader, pull).ok());
  pull.rows.push_back({.table = TableId(1), .keys = {}, .values = {}});
  EXPECT_EQ(doorman.Admit(reader, pull).message(),
            "message refused: its sender's key is not for table 1");
  pull.rows.back().table = TableId(7);
  EXPECT_FALSE(doorman.Admit(reader, pull).ok());
  EXPECT_TRUE(doorman.Admit(KeyOf(KeyRole::kWorker), pull).ok());
}

TEST_F(DoormanTest, CountsWhatEachKeySaysAndStrangersCostNothing) {
  Doorman doorman(Listener::kShard, keys_, {});
  const std::string worker = KeyOf(KeyRole::kWorker);
  doorman.Admit(worker, Sync{}).IgnoreError();
  doorman.Admit(worker, Heartbeat{}).IgnoreError();
  doorman.Admit(KeyOf(KeyRole::kReader), Sync{}).IgnoreError();
  doorman.Admit(std::string(kKeyLength, 'z'), Sync{}).IgnoreError();
  doorman.NoteSent(worker, 1000, Instant());
  ASSERT_EQ(doorman.uses().size(), 2u);
  const KeyUse& use = doorman.uses().at(worker);
  EXPECT_EQ(use.role, KeyRole::kWorker);
  EXPECT_EQ(use.messages, 1u);
  EXPECT_EQ(use.refused, 0u);
  EXPECT_EQ(use.sent_bytes, 1000u);
  EXPECT_EQ(doorman.uses().at(KeyOf(KeyRole::kReader)).refused, 1u);
}

TEST_F(DoormanTest, AKeyGetsNoMoreBytesASecondThanItMayHave) {
  const std::string reader = KeyOf(KeyRole::kReader);
  Limit(KeyRole::kReader, "pull_mib_per_second=2");
  Doorman doorman(Listener::kShard, keys_, {});
  constexpr uint64_t kReply = 1u << 20;
  uint64_t sent = 0;
  Instant now;
  for (int milli = 0; milli < 10'000; ++milli, now = now + Duration::Millis(1)) {
    while (doorman.MaySend(reader, now)) {
      doorman.NoteSent(reader, kReply, now);
      sent += kReply;
    }
  }
  // Those of the first second are there at once, and the last answer may be beyond.
  EXPECT_GE(sent, uint64_t{20} << 20);
  EXPECT_LE(sent, uint64_t{23} << 20);
  EXPECT_TRUE(doorman.MaySend(KeyOf(KeyRole::kWorker), now));
}

// What the holders of `key` get in within ten seconds, of messages of so many bytes each
// millisecond.
uint64_t TakenInTenSeconds(Doorman* doorman, const std::string& key, uint64_t bytes) {
  uint64_t taken = 0;
  Instant now;
  for (int milli = 0; milli < 10'000; ++milli, now = now + Duration::Millis(1)) {
    taken += doorman->MayCome(key, bytes, now) ? 1u : 0u;
  }
  return taken;
}

TEST_F(DoormanTest, AKeySendsNoMoreBytesASecondThanItMay) {
  const std::string worker = KeyOf(KeyRole::kWorker);
  Limit(KeyRole::kWorker, "push_mib_per_second=2");
  Doorman doorman(Listener::kShard, keys_, {});
  const uint64_t taken = TakenInTenSeconds(&doorman, worker, 1u << 20);
  EXPECT_GE(taken, 20u);
  EXPECT_LE(taken, 23u);
  EXPECT_EQ(doorman.uses().at(worker).taken_bytes, taken << 20);
  EXPECT_EQ(doorman.uses().at(worker).beyond, 10'000 - taken);
  EXPECT_EQ(TakenInTenSeconds(&doorman, KeyOf(KeyRole::kReader), 1u << 20), 10'000u);
}

TEST_F(DoormanTest, AKeySendsNoMoreMessagesASecondThanItMay) {
  Limit(KeyRole::kReader, "messages_per_second=50");
  Doorman doorman(Listener::kShard, keys_, {});
  const uint64_t taken = TakenInTenSeconds(&doorman, KeyOf(KeyRole::kReader), 10);
  EXPECT_GE(taken, 545u);
  EXPECT_LE(taken, 550u);
  EXPECT_EQ(TakenInTenSeconds(&doorman, KeyOf(KeyRole::kWorker), 10), 10'000u);
}

TEST(Doorman, WithoutKeysEverybodyMaySayWhatComesToAListener) {
  Doorman doorman(Listener::kShard, nullptr, {});
  EXPECT_TRUE(doorman.Admit("", Sync{}).ok());
  EXPECT_FALSE(doorman.Admit("", View{}).ok());
  EXPECT_TRUE(doorman.MaySend("", Instant()));
  EXPECT_TRUE(doorman.MayCome("", 1, Instant()));
}

}  // namespace
}  // namespace rubato
