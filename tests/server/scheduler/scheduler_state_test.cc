#include "server/scheduler/scheduler_state.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"
#include "tests/common/wire/random_message.h"
#include "tests/hex_bytes.h"
#include "tests/server/snapshot/snapshot_fixture.h"

namespace rubato {
namespace {

SchedulerState RandomState(uint64_t seed) {
  RandomMessages messages(seed);
  Rng rng(seed);
  SchedulerState state;
  state.view = std::get<View>(messages.OfKind(3));
  state.life_counter = rng.Next();
  state.snapshot_counter = rng.Next();
  state.job_fingerprint = rng.Next();
  for (uint64_t i = rng.Below(4); i > 0; --i) state.retired.emplace_back(rng.Next());
  for (uint64_t i = rng.Below(4); i > 0; --i) {
    state.contenders.push_back(
        {SeatId(static_cast<uint32_t>(rng.Next())), Nonce(rng.Next()), rng.Chance(0.5)});
  }
  for (uint64_t i = rng.Below(4); i > 0; --i) state.place_holders.emplace_back(rng.Next());
  for (uint64_t i = rng.Below(4); i > 0; --i) state.superseded.emplace_back(rng.Next());
  for (uint64_t i = rng.Below(4); i > 0; --i) {
    state.high_water.push_back({Life(rng.Next()), Clock(static_cast<int64_t>(rng.Below(1000)))});
  }
  for (uint64_t i = rng.Below(4); i > 0; --i) {
    const uint64_t snapshot = rng.Next();
    state.earlier.push_back({SnapshotNumber(snapshot),
                             Clock(7),
                             Generation(1),
                             {NameOf(snapshot, 0, rng.Next()), NameOf(snapshot, 1, rng.Next())}});
    state.set_aside.emplace_back(rng.Next());
    state.torn[Life(rng.Next())] = ClockDelta(static_cast<int64_t>(rng.Below(100)));
  }
  state.cut_opened_at = ViewVersion(rng.Next());
  state.pushes_lost = rng.Next();
  return state;
}

SchedulerState SmallState() {
  SchedulerState state;
  state.view.version = ViewVersion(5);
  state.view.shards = {{Life(3), Nonce(0x1234), "ipc:///x"}};
  state.view.committed = {SnapshotNumber(1), Clock(10), Generation(0), {NameOf(1, 0, 3)}};
  state.life_counter = 4;
  state.snapshot_counter = 1;
  state.job_fingerprint = 0x1122334455667788;
  state.retired = {Nonce(0x99)};
  state.high_water = {{Life(4), Clock(12)}};
  return state;
}

// A file of format 1 with a view of protocol 1: if it cannot be read, no run can be continued by a
// newer version. (How a view is encoded is the wire's business: only decoding is held to it.)
constexpr char kGolden[] =
    "524254736368656460010000000000002dfbdef71c7cb9d31c00000000000000000012003000040008001400"
    "1c0024000c0010001200000001000000500000003c0000002000000004000000000000000100000000000000"
    "8877665544332211000000000100000004000000000000000c00000000000000000000000100000099000000"
    "0000000000000000e800000014000000524254310c000e0000000000070008000c000000000000041c000000"
    "00001600240018000000040008000c0010000000000014001600000070000000680000006000000058000000"
    "1c0000000500000000000000000000000c001c0008001000000004000c000000180000000100000000000000"
    "0a00000000000000000000000100000001000000000000000300000000000000000000000000000000000000"
    "0000000000000000010000001000000000000a0018000800100004000a000000140000000300000000000000"
    "3412000000000000080000006970633a2f2f2f7800000000";

class SchedulerStateTest : public ::testing::Test {
 protected:
  std::string Bytes() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  ScratchFolder folder_;
  const std::string path_ = folder_.path() + "/scheduler.state";
  const std::string draft_ = folder_.path() + "/.scheduler.state.part";
};

TEST_F(SchedulerStateTest, ReadsFormat1) {
  const auto read = DecodeSchedulerState(HexBytes(kGolden));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, SmallState());
}

TEST_F(SchedulerStateTest, IsNotFoundBeforeTheFirstWrite) {
  EXPECT_EQ(ReadSchedulerState(path_).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SchedulerStateTest, GivesBackTheLastOneWritten) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const SchedulerState state = RandomState(seed);
    ASSERT_TRUE(WriteSchedulerState(path_, state).ok());
    const auto read = ReadSchedulerState(path_);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, state) << "seed " << seed;
  }
  EXPECT_FALSE(std::filesystem::exists(draft_));
}

TEST_F(SchedulerStateTest, EveryFlippedBitAndEveryCutIsDataLoss) {
  const std::string good = EncodeSchedulerState(SmallState()).value();
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(DecodeSchedulerState(bad).status().code(), absl::StatusCode::kDataLoss) << bit;
  }
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(DecodeSchedulerState(good.substr(0, size)).status().code(),
              absl::StatusCode::kDataLoss);
  }
}

TEST_F(SchedulerStateTest, DamageIsTheFilesNameAndWhatToDo) {
  std::ofstream(path_) << "RBTsched and something else";
  const auto status = ReadSchedulerState(path_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(status.message().find(path_), std::string::npos) << status;
  EXPECT_NE(status.message().find("restore it"), std::string::npos) << status;
  EXPECT_NE(status.message().find("`rm -r " + folder_.path() + "`"), std::string::npos) << status;
}

// A crash before the rename leaves the older file and a draft, which the next write replaces.
TEST_F(SchedulerStateTest, AHalfWrittenDraftIsIgnored) {
  ASSERT_TRUE(WriteSchedulerState(path_, SmallState()).ok());
  std::ofstream(draft_) << "half";
  EXPECT_EQ(ReadSchedulerState(path_).value(), SmallState());
  ASSERT_TRUE(WriteSchedulerState(path_, RandomState(1)).ok());
  EXPECT_EQ(ReadSchedulerState(path_).value(), RandomState(1));
}

TEST_F(SchedulerStateTest, AStateThatCannotBeReadBackReplacesNothing) {
  ASSERT_TRUE(WriteSchedulerState(path_, SmallState()).ok());
  const std::string before = Bytes();
  SchedulerState bad = SmallState();
  bad.view.shards.resize(kMaxPlaces + 1);
  EXPECT_EQ(WriteSchedulerState(path_, bad).code(), absl::StatusCode::kInvalidArgument);
  bad = SmallState();
  bad.retired.resize(kMaxSchedulerStateBytes / 8);
  EXPECT_EQ(WriteSchedulerState(path_, bad).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Bytes(), before);
}

TEST_F(SchedulerStateTest, AWriteThatFailsLeavesTheOlderState) {
  ASSERT_TRUE(WriteSchedulerState(path_, SmallState()).ok());
  ASSERT_TRUE(std::filesystem::create_directories(draft_ + "/in-the-way"));
  EXPECT_FALSE(WriteSchedulerState(path_, RandomState(1)).ok());
  EXPECT_EQ(ReadSchedulerState(path_).value(), SmallState());
}

}  // namespace
}  // namespace rubato
