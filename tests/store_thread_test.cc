#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "server/server_loop.h"

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

}  // namespace
}  // namespace rubato
