// What a scheduler says leaves once it is on disk, and not before.
#include "server/scheduler/write_ahead.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

constexpr Duration kAgainAfter = Duration::Millis(500);

class WriteAheadTest : public ::testing::Test {
 protected:
  // An output with a message and an event that bear its number; with a state of that version.
  void Take(uint64_t number, bool persist) {
    SchedulerOutput out;
    if (persist) {
      out.persist.emplace();
      out.persist->view.version = ViewVersion(number);
    }
    out.messages.push_back({Nonce(number), Stale{}});
    out.events.push_back({SchedulerEventKind::kJoined, Life(number), Clock(), Clock(), ""});
    ahead_.Take(std::move(out));
  }
  // The version that is to be written, 0 if none is.
  uint64_t Due() const {
    const SchedulerState* state = ahead_.Due(now_);
    return state == nullptr ? 0 : state->view.version.value();
  }
  void Fails() { ahead_.Written(now_, absl::ResourceExhaustedError("disk full")); }
  void Succeeds() { ahead_.Written(now_, absl::OkStatus()); }
  std::string Release() {
    std::string text;
    const WriteAhead::Released released = ahead_.Release();
    for (const Envelope& e : released.messages) absl::StrAppend(&text, "sent ", e.to.value(), " ");
    for (const SchedulerEvent& e : released.events) {
      absl::StrAppend(&text, "told ", e.life.value(), " ");
    }
    return text;
  }

  Instant now_ = Instant() + Duration::Seconds(1);
  WriteAhead ahead_{kAgainAfter};
};

TEST_F(WriteAheadTest, WhatNeedsNoDiskLeavesAtOnce) {
  Take(1, false);
  EXPECT_EQ(Due(), 0U);
  EXPECT_EQ(Release(), "sent 1 told 1 ");
  EXPECT_EQ(Release(), "");
}

TEST_F(WriteAheadTest, AStateIsWrittenFirst) {
  Take(1, true);
  EXPECT_EQ(Due(), 1U);
  Succeeds();
  EXPECT_EQ(Due(), 0U);
  EXPECT_EQ(Release(), "sent 1 told 1 ");
}

TEST_F(WriteAheadTest, AFailedWriteHoldsBackAllThatFollowsAndOnlyTheNewestStateIsTriedAgain) {
  Take(1, true);
  EXPECT_EQ(Due(), 1U);
  Fails();
  EXPECT_EQ(Release(), "");
  Take(2, true);
  EXPECT_EQ(Due(), 0U);  // not yet
  EXPECT_EQ(Release(), "");
  now_ = now_ + kAgainAfter;
  Take(3, false);
  EXPECT_EQ(Due(), 2U);
  Fails();
  EXPECT_EQ(ahead_.failures(), 2);
  EXPECT_EQ(ahead_.error().message(), "disk full");
  EXPECT_EQ(Release(), "");
  now_ = now_ + kAgainAfter;
  Take(4, false);
  EXPECT_EQ(Due(), 2U);
  Succeeds();
  EXPECT_EQ(ahead_.failures(), 0);
  EXPECT_TRUE(ahead_.durable());
  EXPECT_EQ(Release(), "sent 4 told 1 told 2 told 3 told 4 ");  // views are sent again anyway
}

}  // namespace
}  // namespace rubato
