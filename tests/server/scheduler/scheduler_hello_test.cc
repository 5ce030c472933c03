// Who may come into a fleet: what is another protocol's, model's or data's is told why not.
#include <optional>
#include <string>
#include <variant>

#include "gtest/gtest.h"
#include "server/scheduler/scheduler.h"

namespace rubato {
namespace {

class SchedulerHelloTest : public testing::Test {
 protected:
  SchedulerHelloTest() {
    options_.job.tables = {TableSpec{}};
    options_.job.data = {.encoding = 11, .rows = 22};
    scheduler_.emplace(options_, Scheduler::FirstState(options_.job), now_);
  }
  Hello From(Role role) const {
    Hello hello;
    hello.role = role;
    hello.job_fingerprint = options_.job.Fingerprint();
    return hello;
  }
  // The sentence that it is refused with; "": it is not.
  std::string Refusal(const Hello& hello) {
    SchedulerOutput out;
    scheduler_->Receive(now_, Nonce(++nonces_), hello, &out);
    for (const auto& [to, message] : out.messages) {
      if (const auto* reply = std::get_if<ErrorReply>(&message)) return reply->sentence;
    }
    return "";
  }

  Instant now_;
  SchedulerOptions options_;
  std::optional<Scheduler> scheduler_;
  uint64_t nonces_ = 10;
};

TEST_F(SchedulerHelloTest, AnotherProtocolOrModelIsRefused) {
  Hello protocol = From(Role::kWorker);
  protocol.protocol += 1;
  EXPECT_NE(Refusal(protocol).find("start it from the same build"), std::string::npos);
  Hello model = From(Role::kWorker);
  model.job_fingerprint ^= 1;
  EXPECT_EQ(Refusal(model),
            "this process trains another model than the fleet: give it the run folder of the "
            "fleet");
}

TEST_F(SchedulerHelloTest, OtherDataAreRefusedAndNamed) {
  Hello worker = From(Role::kWorker);
  worker.encoding_digest = 11;
  worker.rows_digest = 23;
  worker.job_fingerprint ^= 1;  // as other data often make it
  EXPECT_EQ(Refusal(worker),
            "the run folder of this process has other rows (data/*.rbd) than the scheduler's: "
            "prepare the run on this host from the same data, copy the folder from there, or let "
            "all hosts see one folder (data.shared = true)");
  worker.encoding_digest = 12;
  EXPECT_NE(Refusal(worker).find(" has another encoding (data/encoding.json) than"),
            std::string::npos);
  worker.encoding_digest = 11;
  worker.rows_digest = 22;
  worker.job_fingerprint ^= 1;
  EXPECT_EQ(Refusal(worker), "");
}

// A shard has none, and who predicts has rows of its own.
TEST_F(SchedulerHelloTest, WhatAProcessDoesNotReadIsNotCompared) {
  EXPECT_EQ(Refusal(From(Role::kShard)), "");
  Hello reader = From(Role::kReader);
  reader.encoding_digest = 11;
  EXPECT_EQ(Refusal(reader), "");
  reader.encoding_digest = 12;
  EXPECT_NE(Refusal(reader), "");
}

TEST_F(SchedulerHelloTest, WhereTheJobKnowsNoDigestNothingIsCompared) {
  options_.job.data = {};
  scheduler_.emplace(options_, Scheduler::FirstState(options_.job), now_);
  Hello worker = From(Role::kWorker);
  worker.encoding_digest = 12;
  worker.rows_digest = 23;
  EXPECT_EQ(Refusal(worker), "");
}

}  // namespace
}  // namespace rubato
