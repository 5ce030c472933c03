#include "server/scheduler/shard_watch.h"

#include "gtest/gtest.h"

namespace rubato {
namespace {

constexpr Nonce kFirst{5};
constexpr Nonce kSecond{6};

class ShardWatchTest : public testing::Test {
 protected:
  static Instant At(double seconds) {
    return Instant::FromNanos(static_cast<int64_t>(seconds * 1e9));
  }
  std::vector<PlaceId> Silent(double seconds) { return watch_.Silent(At(seconds), shards_); }
  absl::Status Check(double seconds) const { return watch_.Check(At(seconds), shards_); }

  std::vector<ShardEntry> shards_ = {{Life(1), kFirst, "a"}, {Life(2), kSecond, "b"}};
  ShardWatch watch_{Duration::Seconds(10), At(0)};
};

TEST_F(ShardWatchTest, TellsOfSilenceOnceALease) {
  EXPECT_EQ(Silent(10), std::vector<PlaceId>());
  watch_.Heard(At(9), shards_, kSecond);
  EXPECT_EQ(Silent(11), std::vector<PlaceId>{PlaceId(0)});
  EXPECT_EQ(Silent(18), std::vector<PlaceId>());
  EXPECT_EQ(Silent(19.5), std::vector<PlaceId>{PlaceId(1)});
  EXPECT_EQ(Silent(21.5), std::vector<PlaceId>{PlaceId(0)});
}

TEST_F(ShardWatchTest, HearsOnlyTheProcessThatTheViewNames) {
  watch_.Heard(At(9), shards_, Nonce(7));
  EXPECT_EQ(Silent(11).size(), 2u);
  shards_[0].nonce = Nonce(7);  // it was started again
  watch_.Heard(At(20), shards_, Nonce(7));
  EXPECT_EQ(Silent(25), std::vector<PlaceId>{PlaceId(1)});
}

TEST_F(ShardWatchTest, AShardThatHasNotComeYetIsNotSilent) {
  shards_[1].life = kNoLife;
  EXPECT_EQ(Silent(11), std::vector<PlaceId>{PlaceId(0)});
}

TEST_F(ShardWatchTest, GivesUpAfterAMinuteWithASentence) {
  shards_[1].life = kNoLife;
  watch_.Heard(At(9), shards_, kFirst);
  EXPECT_TRUE(Check(59).ok());
  EXPECT_EQ(Check(60), absl::UnavailableError("shard 1 did not come up within 60 s: see the log of "
                                              "its server, and go on with --resume"));
  shards_[1].life = Life(2);
  watch_.Heard(At(60), shards_, kSecond);
  EXPECT_EQ(Check(69), absl::UnavailableError("shard 0 has said nothing for 60 s: see the log of "
                                              "its server, and go on with --resume"));
}

}  // namespace
}  // namespace rubato
