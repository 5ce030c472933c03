// A large read travels in many answers; a shard queues only so many for one peer.
#include <algorithm>
#include <deque>
#include <iterator>
#include <optional>
#include <variant>
#include <vector>

#include "common/wire/protocol.h"
#include "gtest/gtest.h"
#include "worker/client/ps_client.h"

namespace rubato {
namespace {

constexpr Nonce kShard(11);
constexpr uint32_t kDim = 256;
constexpr size_t kMib = 1 << 20;
constexpr uint64_t kMibRows = kMib / (kDim * sizeof(float));

// A reader of rows that each come in an answer of their own.
class PsClientWindowTest : public ::testing::Test {
 protected:
  PsClientWindowTest() {
    options_.role = Role::kReader;
    options_.job.tables.resize(1);
    options_.job.tables[0].dim = kDim;
    options_.max_part_bytes = kDim * sizeof(float);
    Open();
  }
  void Open() {
    client_.emplace(options_, 7, now_);
    view_.version = ViewVersion(1);
    view_.shards = {{Life(1), kShard, "here"}};
    view_.readers = {{Life(2), client_->nonce()}};
    client_->Receive(now_, kSchedulerNonce, view_, &out_);
    out_ = {};
  }
  void Read(Clock at_least, uint64_t rows) {
    std::vector<RowKey> keys;
    for (uint64_t key = 0; key < rows; ++key) keys.emplace_back(key);
    client_->Read(now_, at_least, {{TableId(0), keys, {}}}, &out_);
  }
  std::vector<Pull> TakePulls() {
    std::vector<Pull> pulls;
    for (const Envelope& envelope : out_.messages) {
      if (const auto* pull = std::get_if<Pull>(&envelope.message)) pulls.push_back(*pull);
    }
    out_.messages.clear();
    return pulls;
  }
  void Answer(const Pull& pull, float value) {
    TableRows rows{TableId(0), pull.rows[0].rows, ValueCodec::kF32, {}, {}};
    rows.values = Buffer::Own(std::vector<float>(size_t{rows.rows} * kDim, value));
    const Life shard = view_.shards[0].life;
    client_->Receive(now_, kShard,
                     PullReply{shard, Life(2), pull.id, view_.version, Clock(5), {rows}}, &out_);
  }
  static uint64_t BytesOf(const std::deque<Pull>& pulls) {
    uint64_t bytes = 0;
    for (const Pull& pull : pulls) bytes += CreditRule::RowBytes(pull.rows[0].rows, kDim);
    return bytes;
  }
  // Answers what is asked, until nothing is; how many there were.
  uint64_t AnswerAll() {
    uint64_t answered = 0;
    std::deque<Pull> asked;
    for (;;) {
      std::ranges::move(TakePulls(), std::back_inserter(asked));
      if (asked.empty()) return answered;
      EXPECT_LE(asked.size(), options_.max_asked);
      EXPECT_LE(BytesOf(asked), CreditRule::kPulls);
      Answer(asked.front(), static_cast<float>(answered++));
      asked.pop_front();
    }
  }

  Instant now_;
  PsClientOptions options_;
  View view_;
  std::optional<PsClient> client_;
  ClientOutput out_;
};

// Beyond the queue of a shard's endpoint answers are dropped, and were asked for again after two
// seconds.
TEST_F(PsClientWindowTest, ALargeReadAsksOnAsItIsAnswered) {
  Read(Clock(0), 1000);
  EXPECT_EQ(AnswerAll(), 1000U);
  ASSERT_EQ(out_.events.size(), 1U);
  const Parameters& read = std::get<Ready>(out_.events[0]).rows;
  for (uint64_t row = 0; row < 1000; ++row) {
    ASSERT_EQ(read[0].values[row * kDim], static_cast<float>(row));
  }
}

// Of rows that come by the MiB, beside their keys.
TEST_F(PsClientWindowTest, RowsBeyondTheCreditOfPullsAreAskedForAsTheOthersCome) {
  options_.max_part_bytes = kMib;
  Open();
  Read(Clock(0), 100 * kMibRows);
  const std::vector<Pull> first = TakePulls();
  EXPECT_EQ(first.size(), 31U);
  for (const Pull& pull : first) Answer(pull, 1.0F);
  EXPECT_EQ(AnswerAll(), 100U - 31U);
  EXPECT_EQ(out_.events.size(), 1U);
}

// What is read later may wait for what is read first: a pull of it that is small enough for the
// room that is left would take it for as long as that wants more.
TEST_F(PsClientWindowTest, ALaterReadTakesNoRoomThatAnEarlierOneNeeds) {
  options_.max_part_bytes = kMib;
  Open();
  Read(Clock(0), 40 * kMibRows);
  Read(Clock(1), 10);
  std::vector<Pull> asked = TakePulls();
  for (int answered = 0; answered < 40 - 31; ++answered) {
    ASSERT_EQ(asked.size(), answered == 0 ? 31U : 1U);
    ASSERT_EQ(asked.back().use, Clock(0));
    Answer(asked.back(), 1.0F);
    asked = TakePulls();
  }
  ASSERT_EQ(asked.size(), 2U) << "the last one of the first read, and what has room beside it";
  EXPECT_EQ(asked.back().use, Clock(1));
}

// What the old life was asked is not asked of the new one, and does not count any more.
TEST_F(PsClientWindowTest, ANewLifeOfTheShardIsAskedForEachRowOnce) {
  Read(Clock(0), 10);
  Read(Clock(1), 200);
  ASSERT_EQ(TakePulls().size(), options_.max_asked);
  view_.version = ViewVersion(2);
  view_.shards[0].life = Life(3);
  client_->Receive(now_, kSchedulerNonce, view_, &out_);
  EXPECT_EQ(AnswerAll(), 210U);
  EXPECT_EQ(out_.events.size(), 2U);
}

// The others are queued: to send them as well would fill the queue with what is there already.
TEST_F(PsClientWindowTest, OnlyThePullThatCouldNotBeQueuedIsSentAgainSoon) {
  Read(Clock(0), 3);
  const std::vector<Pull> pulls = TakePulls();
  ASSERT_EQ(pulls.size(), 3U);
  client_->NotSent(now_, {kShard, pulls[1]});
  now_ = now_ + options_.resend_soon_after;
  client_->Tick(now_, &out_);
  const std::vector<Pull> again = TakePulls();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].id, pulls[1].id);
}

}  // namespace
}  // namespace rubato
