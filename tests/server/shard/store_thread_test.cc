#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "server/shard/server_loop.h"

namespace rubato {
namespace {

// Counts wake-ups; the test waits for them, not for time to pass.
class Wakes {
 public:
  std::function<void()> Counter() {
    return [this] {
      ++count_;
      count_.notify_all();
    };
  }
  void Await(uint32_t count) {
    for (uint32_t now = count_; now < count; now = count_) count_.wait(now);
  }

 private:
  std::atomic<uint32_t> count_ = 0;
};

TEST(StoreThread, CallsRunInOrderElsewhereAndResultsWhereTheyAreTaken) {
  Wakes wakes;
  StoreThread thread(wakes.Counter());
  const std::thread::id here = std::this_thread::get_id();
  std::vector<int> results;
  for (int i = 0; i < 20; ++i) {
    thread.Add([&results, here, i]() -> StoreThread::Result {
      const bool elsewhere = std::this_thread::get_id() != here;
      return [&results, elsewhere, i] { results.push_back(elsewhere ? i : -1); };
    });
  }
  wakes.Await(20);
  for (const StoreThread::Result& result : thread.Take()) result();
  std::vector<int> expected;
  for (int i = 0; i < 20; ++i) expected.push_back(i);
  EXPECT_EQ(results, expected);
  EXPECT_TRUE(thread.Take().empty());
}

// Behind a store that hangs, each try would hold a whole image.
TEST(StoreThread, ForgetsWritesThatNobodyWantsAnyMoreAndNothingElse) {
  std::atomic<bool> released = false;
  std::vector<int> ran;
  const auto image = std::make_shared<int>();
  {
    StoreThread thread([] {});
    thread.Add([&]() -> StoreThread::Result { return released.wait(false), [] {}; },
               SnapshotNumber(1));
    for (uint64_t snapshot = 2; snapshot <= 4; ++snapshot) {
      thread.Add(
          [&ran, image, snapshot]() -> StoreThread::Result {
            return ran.push_back(static_cast<int>(snapshot)), [] {};
          },
          SnapshotNumber(snapshot));
    }
    Wakes wakes;
    StoreThread other(wakes.Counter());
    thread.Add([&]() -> StoreThread::Result { return ran.push_back(0), [] {}; });
    thread.Forget([](SnapshotNumber snapshot) { return snapshot < SnapshotNumber(4); });
    EXPECT_EQ(image.use_count(), 2);
    thread.Add([&]() -> StoreThread::Result { return other.Add([] { return [] {}; }), [] {}; });
    released = true;
    released.notify_all();
    wakes.Await(1);
  }
  EXPECT_EQ(ran, (std::vector<int>{4, 0}));
}

TEST(StoreThread, EndsWithTheCallThatItRunsDone) {
  std::atomic<bool> begun = false;
  bool done = false;
  {
    StoreThread thread([] {});
    thread.Add([&]() -> StoreThread::Result {
      begun = true;
      begun.notify_all();
      done = true;
      return [] {};
    });
    begun.wait(false);
  }
  EXPECT_TRUE(done);
}

// A run that has ended leaves no image that nobody counts on.
TEST(StoreThread, EndsWithTheRemovalsThatAreDueAndNothingElse) {
  std::atomic<bool> released = false;
  std::vector<int> ran;
  {
    StoreThread thread([] {});
    thread.Add([&]() -> StoreThread::Result { return released.wait(false), [] {}; });
    for (int i = 1; i <= 2; ++i) {
      thread.Add([&ran]() -> StoreThread::Result { return ran.push_back(0), [] {}; });
      thread.AddRemoval([&ran, i]() -> StoreThread::Result { return ran.push_back(i), [] {}; });
    }
    thread.End();
    released = true;
    released.notify_all();
  }
  EXPECT_EQ(ran, (std::vector<int>{1, 2}));
}

}  // namespace
}  // namespace rubato
