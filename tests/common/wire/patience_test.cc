#include "common/wire/patience.h"

#include "gtest/gtest.h"

namespace rubato {
namespace {

constexpr Duration kStep = Duration::Millis(100);  // longer ones would be sleep
const Trouble kNobody{"nobody answers there"};
const Trouble kOtherKeys{"it does not know our key", true};

class PatienceTest : public testing::Test {
 protected:
  // The first error within `time`.
  absl::Status CheckFor(Duration time, bool answered, const Trouble& trouble) {
    for (const Instant end = now_ + time; now_ < end; now_ = now_ + kStep) {
      if (absl::Status status = patience_.Check(now_, answered, trouble); !status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  }
  double waited() const { return (now_ - Instant()).seconds(); }

  Instant now_;
  SchedulerPatience patience_{"tcp://head:7000", now_};
};

TEST_F(PatienceTest, OneThatNeverAnswersIsWaitedForAMinute) {
  EXPECT_EQ(CheckFor(Duration::Seconds(100), false, kNobody),
            absl::UnavailableError(
                "the scheduler does not answer at tcp://head:7000: nobody answers there"));
  EXPECT_NEAR(waited(), 60, 0.2);
}

TEST_F(PatienceTest, KeysThatDoNotFitAreWaitedForTenSeconds) {
  EXPECT_EQ(CheckFor(Duration::Seconds(100), false, kOtherKeys),
            absl::FailedPreconditionError(
                "the scheduler does not answer at tcp://head:7000: it does not know our key"));
  EXPECT_NEAR(waited(), 10, 0.2);
}

TEST_F(PatienceTest, OneThatIsGoneForGoodIsWaitedForTenMinutes) {
  EXPECT_TRUE(CheckFor(Duration::Seconds(1000), true, {}).ok());
  EXPECT_EQ(CheckFor(Duration::Seconds(1000), true, kNobody),
            absl::UnavailableError("the scheduler was at tcp://head:7000, and cannot be reached "
                                   "for 10 minutes now: nobody answers there"));
  EXPECT_NEAR(waited(), 1600, 0.3);
}

TEST_F(PatienceTest, WhoCameBackMayBeGoneAgain) {
  EXPECT_TRUE(CheckFor(Duration::Seconds(500), true, kNobody).ok());
  EXPECT_TRUE(CheckFor(Duration::Seconds(1), true, {}).ok());
  EXPECT_TRUE(CheckFor(Duration::Seconds(500), true, kNobody).ok());
}

TEST_F(PatienceTest, TimeThatWasSleptThroughCountsNot) {
  EXPECT_TRUE(CheckFor(Duration::Seconds(300), true, kNobody).ok());
  now_ = now_ + Duration::Seconds(3600);  // the host's lid was shut
  EXPECT_TRUE(CheckFor(Duration::Seconds(299), true, kNobody).ok());
  EXPECT_EQ(CheckFor(Duration::Seconds(10), true, kNobody).code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace rubato
