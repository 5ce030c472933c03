#include "common/wire/freed_memory.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/resident_memory.h"
#include "tests/sanitizers.h"

namespace rubato {
namespace {

constexpr size_t kMib = size_t{1} << 20;
constexpr size_t kBlocks = 200;
constexpr size_t kMuch = kBlocks / 2;  // MiB

// 200 MiB, taken by one thread, as ZeroMQ's I/O thread does, and freed by another.
class FreedMemoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(RUBATO_ASAN) || defined(RUBATO_TSAN)
    GTEST_SKIP() << "a sanitizer's allocator returns nothing";
#endif
    before_ = ResidentMib();
    std::vector<void*> blocks;
    std::thread([&blocks] {
      for (size_t i = 0; i < kBlocks; ++i) {
        blocks.push_back(std::malloc(kMib));
        std::memset(blocks.back(), 1, kMib);
      }
    }).join();
    for (void* block : blocks) std::free(block);
  }
  bool Kept() const { return ResidentMib() > before_ + kMuch; }

  FreedMemory freed_;
  size_t before_ = 0;
  Instant now_ = Instant() + Duration::Seconds(1000);
};

TEST_F(FreedMemoryTest, GoesBackWhenThereWasNoLargeMessageForAWhile) {
  for (int second = 0; second < 10; ++second) {
    freed_.NoteMessage(kMib);
    freed_.Look(now_ + Duration::Seconds(second));
  }
  freed_.NoteMessage(100);
  freed_.Look(now_ + Duration::Millis(13'900));
  EXPECT_TRUE(Kept());
  freed_.Look(now_ + Duration::Seconds(14));
  EXPECT_FALSE(Kept());
}

TEST_F(FreedMemoryTest, GoesBackSoonWhenSomethingHasEnded) {
  freed_.NoteEnding(now_);
  for (const int64_t millis : {0, 300, 900}) {
    freed_.NoteMessage(kMib);
    freed_.Look(now_ + Duration::Millis(millis));
    EXPECT_TRUE(Kept());
    freed_.NoteEnding(now_ + Duration::Millis(millis));  // does not put it off
  }
  freed_.Look(now_ + Duration::Seconds(1));
  EXPECT_FALSE(Kept());
}

TEST_F(FreedMemoryTest, GoesBackNowAndThenHoweverManyMessagesThereAre) {
  for (int second = 0; second < 60; ++second) {
    freed_.NoteMessage(kMib);
    freed_.Look(now_ + Duration::Seconds(second));
  }
  EXPECT_TRUE(Kept());
  freed_.NoteMessage(kMib);
  freed_.Look(now_ + Duration::Seconds(60));
  EXPECT_FALSE(Kept());
}

}  // namespace
}  // namespace rubato
