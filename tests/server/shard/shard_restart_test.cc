// What a new life of a shard makes of the committed image that the view names.
#include <optional>
#include <vector>

#include "gtest/gtest.h"
#include "server/shard/shard.h"

namespace rubato {
namespace {

constexpr Nonce kShard(11);
constexpr Life kShardLife(9);
constexpr Clock kLast(14);

Job AspJob() {
  Job job;
  job.tables.resize(1);
  job.tables[0].staleness = Staleness::Infinite();
  job.last_clock = kLast;
  return job;
}

MemberEntry Member(uint64_t life, uint32_t seat, int64_t start) {
  return {Life(life), SeatId(seat), Nonce(100 + life), Clock(start)};
}

// Members 4 and 6; the committed image is torn and was cut before 6 began, at 9.
View ViewWithTornCommit() {
  View view;
  view.version = ViewVersion(5);
  view.shards = {{kShardLife, kShard, "here"}};
  view.members = {Member(4, 0, 0), Member(6, 1, 9)};
  view.committed = {
      SnapshotNumber(1), Clock(13), view.generation, {{SnapshotNumber(1), PlaceId(0), Life(1)}}};
  return view;
}

Image TornImage(const Job& job, const View& view) {
  Image image;
  image.name = view.committed.images[0];
  image.exact = false;
  image.clock = Clock(13);
  image.job_fingerprint = job.Fingerprint();
  image.positions = {{Life(2), Clock(5)}, {Life(4), Clock(13)}};
  return image;
}

// The last clock once was cut there without the pushes of the newer member: min_clock began at the
// positions of the image alone.
TEST(ShardRestart, AMemberThatATornImageLacksHoldsMinClockAtItsStart) {
  const Job job = AspJob();
  Shard shard({PlaceId(0), kShard, "here", job}, Instant());
  View view = ViewWithTornCommit();
  ShardOutput out;
  shard.Receive(Instant(), kSchedulerNonce, view, &out);
  ASSERT_TRUE(out.load);
  ASSERT_TRUE(shard.ImagesLoaded(kShardLife, std::vector{TornImage(job, view)}, &out).ok());
  EXPECT_EQ(shard.applied(Life(4)), Clock(13));
  EXPECT_EQ(shard.applied(Life(6)), Clock(9));
  EXPECT_EQ(shard.applied(Life(2)), std::nullopt);  // neither a member nor sealed any more
  EXPECT_EQ(shard.clocks().min_clock(), Clock(9));

  view.version = ViewVersion(6);
  view.cut = OpenCut{SnapshotNumber(2), kLast, true};
  shard.Receive(Instant(), kSchedulerNonce, view, &out);
  for (int64_t c = 13; c < kLast.value(); ++c) {
    shard.Receive(Instant(), Nonce(104), Push{Life(4), kShardLife, Clock(c), Clock(c), 0, 1, {}},
                  &out);
  }
  EXPECT_TRUE(out.write.empty());  // member 6 is at 9 still
  for (int64_t c = 9; c < kLast.value(); ++c) {
    shard.Receive(Instant(), Nonce(106), Push{Life(6), kShardLife, Clock(c), Clock(c), 0, 1, {}},
                  &out);
  }
  ASSERT_EQ(out.write.size(), 1U);
  EXPECT_EQ(out.write[0]->head().clock, kLast);
}

// The fleet was resumed on fewer shards and then on more before this one heard of either: nobody
// has its place, and nobody came for it as long as it stayed.
TEST(ShardRestart, AShardWhoseLifeIsMissingInANewerViewStopsThoughItsPlaceIsVacant) {
  Shard shard({PlaceId(0), kShard, "here", AspJob()}, Instant());
  View view = ViewWithTornCommit();
  view.committed = {};
  ShardOutput out;
  shard.Receive(Instant(), kSchedulerNonce, view, &out);
  ASSERT_TRUE(shard.serving());
  view.version = ViewVersion(6);
  view.shards[0] = {};
  shard.Receive(Instant(), kSchedulerNonce, view, &out);
  EXPECT_TRUE(out.stop);
}

}  // namespace
}  // namespace rubato
