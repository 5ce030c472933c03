// Both ends of a stream of lines, over a link that loses, doubles and delays, and with a taking end
// that starts anew.
#include <set>
#include <string>
#include <vector>

#include "common/base/env.h"
#include "common/base/limits.h"
#include "common/telemetry/line_receiver.h"
#include "common/telemetry/line_sender.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

constexpr Nonce kStream{7};
constexpr Duration kResendAfter = Duration::Seconds(1);

std::vector<std::string> Lines(int begin, int end) {
  std::vector<std::string> lines;
  for (int i = begin; i < end; ++i) lines.push_back("line " + std::to_string(i));
  return lines;
}

void Append(std::span<const std::string> lines, std::vector<std::string>* all) {
  all->insert(all->end(), lines.begin(), lines.end());
}

class LineSenderTest : public testing::Test {
 protected:
  void Add(int begin, int end) {
    for (const std::string& line : Lines(begin, end)) sender_.Add(line, LineWorth::kOther);
  }
  // Takes all that is due, and acknowledges it.
  std::vector<std::string> Drain(LineSender* sender) {
    std::vector<std::string> all;
    while (const LineBatch* batch = sender->Due(now_)) {
      Append(batch->lines, &all);
      sender->Acknowledged(batch->first + batch->lines.size());
    }
    return all;
  }

  Instant now_;
  LineSender sender_{{.batch_bytes = 18}};  // three lines
};

TEST_F(LineSenderTest, OneBatchAtATimeUntilItIsAcknowledged) {
  Add(0, 5);
  const LineBatch* batch = sender_.Due(now_);
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(batch->first, 0u);
  EXPECT_EQ(batch->lines, Lines(0, 3));
  EXPECT_EQ(sender_.Due(now_ + Duration::Millis(999)), nullptr);
  batch = sender_.Due(now_ + kResendAfter);
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(batch->lines, Lines(0, 3));
  sender_.Acknowledged(2);  // of nothing that was sent
  EXPECT_EQ(sender_.Due(now_ + kResendAfter), nullptr);
  sender_.Acknowledged(3);
  batch = sender_.Due(now_ + kResendAfter);
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(batch->first, 3u);
  EXPECT_EQ(batch->lines, Lines(3, 5));
  EXPECT_FALSE(sender_.Empty());
  sender_.Acknowledged(5);
  EXPECT_TRUE(sender_.Empty());
}

TEST_F(LineSenderTest, WhatCouldNotBeSentIsDueAtOnce) {
  Add(0, 1);
  ASSERT_NE(sender_.Due(now_), nullptr);
  sender_.NotSent();
  ASSERT_NE(sender_.Due(now_), nullptr);
  EXPECT_EQ(sender_.Due(now_), nullptr);
}

TEST_F(LineSenderTest, AFullQueueDropsTheOldestOfWhatIsWorthLeast) {
  LineSender sender({.max_bytes = 60});
  sender.Add("error 0 ..", LineWorth::kLastWords);
  sender.Add("other 1 ..", LineWorth::kOther);
  for (int i = 2; i < 6; ++i) {
    sender.Add("tempo " + std::to_string(i) + " ..", LineWorth::kProgress);
  }
  EXPECT_EQ(sender.Untold(), 0u);
  sender.Add("error 6 ..", LineWorth::kLastWords);
  sender.Add("tempo 7 ..", LineWorth::kProgress);
  EXPECT_EQ(sender.Untold(), 2u);
  sender.TellDropped("2 gone");
  EXPECT_EQ(sender.Untold(), 0u);
  EXPECT_EQ(Drain(&sender),
            (std::vector<std::string>{"2 gone", "error 0 ..", "other 1 ..", "tempo 4 ..",
                                      "tempo 5 ..", "error 6 ..", "tempo 7 .."}));
}

TEST_F(LineSenderTest, LastWordsGoWhenThereIsNothingElseToDrop) {
  LineSender sender({.max_bytes = 20});
  for (const char* line : {"error 0 ..", "tempo 1 ..", "error 2 ..", "error 3 .."}) {
    sender.Add(line, line[0] == 'e' ? LineWorth::kLastWords : LineWorth::kProgress);
  }
  EXPECT_EQ(sender.Untold(), 2u);
  EXPECT_EQ(Drain(&sender), (std::vector<std::string>{"error 2 ..", "error 3 .."}));
}

// The receiver may have it.
TEST_F(LineSenderTest, WhatIsUnderWayIsNeverDropped) {
  LineSender sender({.max_bytes = 20});
  sender.Add("tempo 0 ..", LineWorth::kProgress);
  const LineBatch* batch = sender.Due(now_);
  ASSERT_NE(batch, nullptr);
  for (int i = 1; i < 5; ++i) sender.Add("other " + std::to_string(i) + " ..", LineWorth::kOther);
  EXPECT_EQ(sender.Untold(), 0u);  // not while a batch is under way
  EXPECT_FALSE(sender.Empty());
  batch = sender.Due(now_ + kResendAfter);
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(batch->lines, std::vector<std::string>{"tempo 0 .."});
  sender.Acknowledged(1);
  EXPECT_EQ(sender.Untold(), 2u);
}

TEST_F(LineSenderTest, ALineThatNoMessageCanHoldIsDropped) {
  sender_.Add(std::string(kMaxLineBytes + 1, 'x'), LineWorth::kLastWords);
  EXPECT_EQ(sender_.Untold(), 1u);
  EXPECT_EQ(sender_.Due(now_), nullptr);
  EXPECT_FALSE(sender_.Empty());
}

TEST_F(LineSenderTest, TheLargestBatchFitsIntoAMessage) {
  LineSender sender{{}};
  for (int i = 0; i < 20; ++i) {
    sender.Add(std::string(kMaxLineBytes - 1, 'x'), LineWorth::kOther);
  }
  for (size_t i = 0; i < 2 * kMaxLines; ++i) sender.Add("x", LineWorth::kOther);
  sender.TellDropped(std::string(kMaxLineBytes, 'd'));
  while (const LineBatch* batch = sender.Due(now_)) {
    size_t bytes = 0;
    for (const std::string& line : batch->lines) bytes += line.size();
    EXPECT_LE(bytes, kMaxLinesBytes);
    EXPECT_LE(batch->lines.size(), kMaxLines);
    sender.Acknowledged(batch->first + batch->lines.size());
  }
  EXPECT_TRUE(sender.Empty());
}

TEST(LineReceiver, TakesEachLineOfEachStreamOnce) {
  LineReceiver receiver;
  std::vector<std::string> taken;
  Append(receiver.Take(kStream, 0, Lines(0, 3)), &taken);
  EXPECT_TRUE(receiver.Take(kStream, 0, Lines(0, 3)).empty());
  const std::vector<std::string> overlapping = Lines(2, 5);
  Append(receiver.Take(kStream, 2, overlapping), &taken);
  EXPECT_EQ(taken, Lines(0, 5));
  EXPECT_EQ(receiver.Next(kStream), 5u);
  EXPECT_EQ(receiver.Take(Nonce(8), 0, Lines(0, 2)).size(), 2u);
  EXPECT_EQ(receiver.Next(kStream), 5u);
}

TEST(LineReceiver, TakesAStreamThatItDoesNotKnowFromWhereItIs) {
  LineReceiver receiver;
  const std::vector<std::string> lines = Lines(40, 42);
  EXPECT_EQ(receiver.Take(kStream, 40, lines).size(), 2u);
  EXPECT_EQ(receiver.Next(kStream), 42u);
}

TEST(LineReceiver, ForgetsTheStreamThatBeganFirst) {
  LineReceiver receiver(2);
  for (const uint64_t stream : {1U, 2U, 3U}) receiver.Take(Nonce(stream), 5, Lines(0, 1));
  EXPECT_EQ(receiver.Next(Nonce(1)), 0u);
  EXPECT_EQ(receiver.Next(Nonce(2)), 6u);
  EXPECT_EQ(receiver.Next(Nonce(3)), 6u);
}

// What has arrived is what was told, in order, whatever the link does; after a restart of the
// taking end only lines come twice that the last one had not acknowledged.
TEST(LineStream, ArrivesInOrderOverABadLink) {
  constexpr int kLines = 300;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    LineSender sender({.batch_bytes = 40});
    LineReceiver receiver;
    Instant now;
    int told = 0;
    uint64_t acknowledged = 0;
    std::vector<std::string> arrived;
    std::vector<LineBatch> link;  // on its way
    while (told < kLines || !sender.Empty()) {
      now = now + Duration::Millis(100);
      for (uint64_t n = rng.Below(4); n > 0 && told < kLines; --n) {
        sender.Add("line " + std::to_string(told++), LineWorth::kOther);
      }
      if (const LineBatch* batch = sender.Due(now)) {
        for (uint64_t copies = rng.Below(3); copies > 0; --copies) link.push_back(*batch);
      }
      if (seed % 2 == 1 && rng.Chance(0.05)) {
        receiver = LineReceiver();
        ASSERT_GE(arrived.size(), acknowledged);
        arrived.resize(acknowledged);  // the rest may come again, and is the same
      }
      while (!link.empty() && rng.Chance(0.7)) {
        const size_t which = rng.Below(link.size());
        const LineBatch batch = link[which];
        link.erase(link.begin() + static_cast<ptrdiff_t>(which));
        if (batch.first < acknowledged) continue;  // an old copy, that a new receiver would take
        Append(receiver.Take(kStream, batch.first, batch.lines), &arrived);
        if (rng.Chance(0.7)) {
          acknowledged = std::max(acknowledged, receiver.Next(kStream));
          sender.Acknowledged(receiver.Next(kStream));
        }
      }
    }
    EXPECT_EQ(arrived, Lines(0, kLines)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace rubato
