// What comes to a shard before it can answer: kept while it loads, else Stale. Never silence, which
// would cost the sender its whole resend time.
#include <optional>
#include <variant>
#include <vector>

#include "common/wire/codec.h"
#include "gtest/gtest.h"
#include "server/shard/shard.h"

namespace rubato {
namespace {

constexpr Nonce kShard(11);
constexpr Nonce kWorker(12);
constexpr Nonce kReader(13);
constexpr Life kShardLife(1);
constexpr Life kWorkerLife(2);
constexpr Life kReaderLife(3);

class ShardEarlyTest : public ::testing::Test {
 protected:
  ShardEarlyTest() {
    job_.tables.resize(1);
    job_.tables[0].name = "weights";
    job_.tables[0].dim = 1;
    shard_.emplace(ShardOptions{PlaceId(0), kShard, "here", job_}, Instant());
    view_.version = ViewVersion(5);
    view_.shards = {{kShardLife, kShard, "here"}};
    view_.members = {{kWorkerLife, SeatId(0), kWorker, Clock(0)}};
    view_.readers = {{kReaderLife, kReader}};
    view_.committed = {
        SnapshotNumber(1), Clock(0), view_.generation, {{SnapshotNumber(1), PlaceId(0), Life(9)}}};
  }
  void BeginToLoad() {
    ShardOutput out;
    shard_->Receive(Instant(), kSchedulerNonce, view_, &out);
    ASSERT_TRUE(out.load);
  }
  Outbox Load() {
    Image image;
    image.name = view_.committed.images[0];
    image.job_fingerprint = job_.Fingerprint();
    image.places = 1;
    ShardOutput out;
    EXPECT_TRUE(shard_->ImagesLoaded(kShardLife, std::vector{image}, &out).ok());
    return out.messages;
  }
  Outbox Say(Nonce from, const Message& message) {
    ShardOutput out;
    shard_->Receive(Instant(), from, message, &out);
    return out.messages;
  }
  static Pull PullOf(Life from, uint32_t table) {
    TableRows rows;
    rows.table = TableId(table);
    rows.rows = 1;
    rows.keys = EncodeKeys(std::vector{RowKey(7)});
    return {from, kShardLife, RequestId(4), Clock(0), {}, {rows}};
  }
  template <class Wanted>
  static std::vector<Wanted> To(Nonce to, const Outbox& messages) {
    std::vector<Wanted> found;
    for (const Envelope& envelope : messages) {
      const auto* wanted = std::get_if<Wanted>(&envelope.message);
      if (envelope.to == to && wanted != nullptr) found.push_back(*wanted);
    }
    return found;
  }

  Job job_;
  View view_;
  std::optional<Shard> shard_;
};

TEST_F(ShardEarlyTest, BeforeItsFirstViewItSaysThatTheSenderKnowsMore) {
  for (const Message& early :
       {Message(PullOf(kReaderLife, 0)), Message(Sync{kReaderLife, kShardLife}),
        Message(Push{kReaderLife, kShardLife, Clock(0), Clock(0), 0, 1, {}})}) {
    const Outbox said = Say(kReader, early);
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(std::get<Stale>(said[0].message), (Stale{kReaderLife, ViewVersion(0), kReader}));
    EXPECT_EQ(said[0].to, kReader);
  }
}

TEST_F(ShardEarlyTest, PullsAreKeptWhileItLoadsAndAnsweredWhenItServes) {
  BeginToLoad();
  EXPECT_TRUE(Say(kReader, PullOf(kReaderLife, 0)).empty());
  EXPECT_TRUE(Say(kReader, PullOf(kReaderLife, 0)).empty());  // once more: the same one
  EXPECT_TRUE(Say(kWorker, PullOf(kWorkerLife, 0)).empty());
  const Outbox said = Load();
  EXPECT_EQ(To<PullReply>(kReader, said).size(), 1U);
  EXPECT_EQ(To<PullReply>(kWorker, said).size(), 1U);
}

TEST_F(ShardEarlyTest, ABadPullThatCameWhileItLoadedIsRefusedWithASentence) {
  BeginToLoad();
  EXPECT_TRUE(Say(kReader, PullOf(kReaderLife, 3)).empty());
  EXPECT_EQ(To<ErrorReply>(kReader, Load()).size(), 1U);
}

TEST_F(ShardEarlyTest, ASyncIsAnsweredWhenItServes) {
  BeginToLoad();
  EXPECT_TRUE(Say(kWorker, Sync{kWorkerLife, kShardLife}).empty());
  EXPECT_EQ(To<Ack>(kWorker, Load()).size(), 1U);
}

TEST_F(ShardEarlyTest, WhomItsViewDoesNotKnowHearsSoWhileItLoads) {
  BeginToLoad();
  constexpr Nonce kLater(14);
  for (const Message& early : {Message(PullOf(Life(8), 0)), Message(Sync{Life(8), kShardLife})}) {
    const Outbox said = Say(kLater, early);
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(std::get<Stale>(said[0].message), (Stale{Life(8), view_.version, kLater}));
  }
}

// Who has left by the time it serves gets no rows.
TEST_F(ShardEarlyTest, APullOfALifeThatEndedMeanwhileIsNotAnswered) {
  BeginToLoad();
  Say(kReader, PullOf(kReaderLife, 0));
  view_.version = ViewVersion(6);
  view_.readers.clear();
  Say(kSchedulerNonce, view_);
  EXPECT_TRUE(To<PullReply>(kReader, Load()).empty());
}

}  // namespace
}  // namespace rubato
