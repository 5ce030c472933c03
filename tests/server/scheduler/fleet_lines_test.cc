// Whose lines a scheduler writes, and how often.
#include "server/scheduler/fleet_lines.h"

#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

constexpr Nonce kFrom{7};

std::string LineOf(const std::string& process, int time, const std::string& event = "begun") {
  return "{\"time_ms\":" + std::to_string(time) + ",\"process\":\"" + process + "\",\"event\":\"" +
         event + "\"}";
}

class FleetLinesTest : public testing::Test {
 protected:
  FleetLinesTest() {
    job_.seats = 2;
    job_.places = 4;
    events_ = *EventLog::Open({.path = path_, .process = "scheduler"});
    lines_ = std::make_unique<FleetLines>(job_, events_.get());
  }

  Telemetry Of(Role role, uint32_t index, std::vector<std::string> lines, uint64_t first = 0) {
    return {.role = role,
            .index = index,
            .job_fingerprint = job_.Fingerprint(),
            .alone = true,
            .first = first,
            .lines = std::move(lines)};
  }
  std::vector<std::string> Written() const {
    std::ifstream file(path_);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  ScratchFolder folder_;
  const std::string path_ = folder_.path() + "/events.jsonl";
  Job job_;
  std::unique_ptr<EventLog> events_;
  std::unique_ptr<FleetLines> lines_;
};

TEST_F(FleetLinesTest, WritesEachLineOnceAndAsItIs) {
  const std::vector<std::string> lines = {LineOf("worker-1", 1), LineOf("worker-1", 2)};
  EXPECT_EQ(lines_->Take(kFrom, Of(Role::kWorker, 1, lines)).next, 2u);
  EXPECT_EQ(lines_->Take(kFrom, Of(Role::kWorker, 1, lines)).next, 2u);
  EXPECT_EQ(Written(), lines);
  EXPECT_EQ(lines_->refused(), 0u);
}

TEST_F(FleetLinesTest, EachRoleHasItsNames) {
  lines_->Take(Nonce(1), Of(Role::kShard, 2, {LineOf("server-2", 1)}));
  lines_->Take(Nonce(2), Of(Role::kWorker, 0, {LineOf("worker-0", 1)}));
  lines_->Take(Nonce(3), Of(Role::kReader, 0, {LineOf("evaluate-0", 1)}));
  lines_->Take(Nonce(4), Of(Role::kReader, 0, {LineOf("predict-0", 1)}));
  EXPECT_EQ(Written().size(), 4u);
  EXPECT_EQ(lines_->refused(), 0u);
}

TEST_F(FleetLinesTest, NobodySpeaksInAnothersName) {
  uint64_t refused = 0;
  const auto expect_refused = [&](Role role, uint32_t index, const std::string& line) {
    const Telemetry message = Of(role, index, {line});
    EXPECT_EQ(lines_->Take(Nonce(++refused), message).next, 1u) << line;
    EXPECT_EQ(lines_->refused(), refused) << line;
  };
  expect_refused(Role::kWorker, 1, LineOf("worker-0", 1));
  expect_refused(Role::kWorker, 1, LineOf("server-1", 1));
  expect_refused(Role::kWorker, 1, LineOf("scheduler", 1));
  expect_refused(Role::kShard, 1, LineOf("worker-1", 1));
  expect_refused(Role::kReader, 0, LineOf("worker-0", 1));
  expect_refused(Role::kWorker, 1, LineOf("worker-1\",\"process\":\"scheduler", 1));
  expect_refused(Role::kWorker, 1, "{\"time_ms\":1}");
  expect_refused(Role::kWorker, 2, LineOf("worker-2", 1));  // the run has two
  expect_refused(Role::kShard, 4, LineOf("server-4", 1));
  expect_refused(Role::kReader, 1, LineOf("predict-1", 1));
  EXPECT_TRUE(Written().empty());
}

TEST_F(FleetLinesTest, WhoDoesNotKnowTheJobIsNotHeard) {
  Telemetry message = Of(Role::kWorker, 1, {LineOf("worker-1", 1)});
  message.job_fingerprint ^= 1;
  EXPECT_EQ(lines_->Take(kFrom, message).next, 1u);
  EXPECT_TRUE(Written().empty());
  EXPECT_TRUE(lines_->AllEnded());
}

TEST_F(FleetLinesTest, ABadLineCostsNoOther) {
  const std::vector<std::string> lines = {LineOf("worker-1", 1), LineOf("worker-0", 2),
                                          LineOf("worker-1", 3)};
  EXPECT_EQ(lines_->Take(kFrom, Of(Role::kWorker, 1, lines)).next, 3u);
  EXPECT_EQ(Written(), (std::vector{lines[0], lines[2]}));
}

TEST_F(FleetLinesTest, AllHaveEndedWhenEachThatIsAloneHasSaidSo) {
  EXPECT_TRUE(lines_->AllEnded());
  lines_->Take(Nonce(1), Of(Role::kWorker, 0, {LineOf("worker-0", 1)}));
  lines_->Take(Nonce(2), Of(Role::kShard, 0, {LineOf("server-0", 1)}));
  Telemetry supervised = Of(Role::kWorker, 1, {LineOf("worker-1", 1)});
  supervised.alone = false;
  lines_->Take(Nonce(3), supervised);
  EXPECT_FALSE(lines_->AllEnded());
  lines_->Take(Nonce(1), Of(Role::kWorker, 0, {LineOf("worker-0", 2, "ended")}, 1));
  EXPECT_FALSE(lines_->AllEnded());
  lines_->Take(Nonce(2), Of(Role::kShard, 0, {LineOf("server-0", 2, "ended")}, 1));
  EXPECT_TRUE(lines_->AllEnded());
}

TEST_F(FleetLinesTest, WhoWasThereBeforeThisSchedulerIsWaitedFor) {
  lines_->Take(kFrom, Of(Role::kWorker, 0, {LineOf("worker-0", 1)}, 40));
  EXPECT_FALSE(lines_->AllEnded());
  lines_->Take(kFrom, Of(Role::kWorker, 0, {LineOf("worker-0", 2, "ended")}, 41));
  EXPECT_TRUE(lines_->AllEnded());
}

TEST_F(FleetLinesTest, SoIsWhoHasToldNothingYetAndItsLinesCountFromWhereTheyAre) {
  EXPECT_EQ(lines_->Take(kFrom, Of(Role::kShard, 1, {})).next, 0u);
  EXPECT_FALSE(lines_->AllEnded());
  const std::vector<std::string> last = {LineOf("server-1", 2, "ended")};
  EXPECT_EQ(lines_->Take(kFrom, Of(Role::kShard, 1, last, 41)).next, 42u);
  EXPECT_EQ(lines_->Take(kFrom, Of(Role::kShard, 1, {})).next, 42u);
  EXPECT_TRUE(lines_->AllEnded());
  EXPECT_EQ(Written(), last);
}

// One that died is not waited for once another has its place, whatever it still says.
TEST_F(FleetLinesTest, WhoIsFollowedIsNotWaitedFor) {
  lines_->Take(Nonce(1), Of(Role::kWorker, 0, {LineOf("worker-0", 1)}));
  lines_->Take(Nonce(2), Of(Role::kWorker, 0, {LineOf("worker-0", 2)}));
  lines_->Take(Nonce(1), Of(Role::kWorker, 0, {LineOf("worker-0", 3, "ended")}, 1));
  EXPECT_FALSE(lines_->AllEnded());
  lines_->Take(Nonce(2), Of(Role::kWorker, 0, {LineOf("worker-0", 4, "ended")}, 1));
  EXPECT_TRUE(lines_->AllEnded());
}

// What it says after that would be taken for the words, and the end, of who has its place now.
TEST_F(FleetLinesTest, WhoIsFollowedByANewerProcessIsNotHeard) {
  lines_->Take(Nonce(1), Of(Role::kWorker, 1, {LineOf("worker-1", 1)}));
  EXPECT_FALSE(lines_->AllEnded());
  const Telemetry end = Of(Role::kWorker, 1, {LineOf("worker-1", 2, "ended")}, 1);
  EXPECT_EQ(lines_->Take(Nonce(1), end, true).next, 2u);
  EXPECT_EQ(Written(), std::vector<std::string>{LineOf("worker-1", 1)});
  EXPECT_EQ(lines_->refused(), 1u);
  EXPECT_TRUE(lines_->AllEnded());
}

}  // namespace
}  // namespace rubato
