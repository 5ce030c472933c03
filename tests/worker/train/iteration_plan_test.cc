#include "worker/train/iteration_plan.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"

namespace rubato {
namespace {

// A driver of the plan that tells what it is told to do, as text: tasks in order, what is awaited
// in parentheses.
class IterationPlanTest : public testing::Test {
 protected:
  using Act = IterationPlan::Act;

  IterationPlanTest() {
    calendar_.last_clock = Clock(20);
    calendar_.iterations_per_epoch = 20;
  }
  IterationPlan Plan(int64_t pulled, int64_t begun = 0) const {
    return IterationPlan(calendar_, {.pulled = pulled, .begun = begun});
  }
  static std::string Name(Act act) {
    static const std::map<Act, std::string> names = {
        {Act::kAwaitStart, "(start)"},   {Act::kPrepare, "prepare"}, {Act::kPull, "pull"},
        {Act::kPullExact, "pull exact"}, {Act::kStart, "start"},     {Act::kAwaitRows, "(rows)"},
        {Act::kBegin, "begin"},          {Act::kFinish, "finish"},   {Act::kEvaluate, "evaluate"},
        {Act::kAwaitCommit, "(commit)"}, {Act::kPush, "push"},       {Act::kLeave, "(leave)"}};
    return names.at(act);
  }
  // Does what comes until there is something to wait for, or `last` is done.
  static std::string Run(IterationPlan* plan, Act last = Act::kLeave) {
    std::string story;
    for (;;) {
      const auto task = plan->Next();
      const std::string name = Name(task.act);
      absl::StrAppend(&story, story.empty() ? "" : ", ", name, " ", task.clock.value());
      if (name[0] == '(') return story;
      plan->Done(task);
      if (task.act == last) return story;
    }
  }
  // The rows of `clock` are there: what follows.
  static std::string WithRows(IterationPlan* plan, int64_t clock, Act last = Act::kLeave) {
    plan->TakeRows(Clock(clock));
    return Run(plan, last);
  }

  Calendar calendar_;
};

TEST_F(IterationPlanTest, WaitsForItsStart) {
  IterationPlan plan = Plan(0);
  plan.TakeCommit(Clock(3));
  EXPECT_EQ(Run(&plan), "(start) 0");
  plan.Begin(Clock(5));
  EXPECT_EQ(Run(&plan), "prepare 5, pull 5, start 5, (rows) 5");
}

TEST_F(IterationPlanTest, WithoutLookingAheadOneIterationFollowsTheOther) {
  IterationPlan plan = Plan(0);
  plan.Begin(Clock(0));
  EXPECT_EQ(Run(&plan), "prepare 0, pull 0, start 0, (rows) 0");
  EXPECT_EQ(WithRows(&plan, 0), "begin 0, prepare 1, finish 0, push 0, pull 1, start 1, (rows) 1");
  EXPECT_EQ(WithRows(&plan, 1), "begin 1, prepare 2, finish 1, push 1, pull 2, start 2, (rows) 2");
  EXPECT_EQ(plan.clock(), Clock(2));
}

TEST_F(IterationPlanTest, TheFirstIterationIsOnItsWayBeforeOthersArePrepared) {
  IterationPlan plan = Plan(2);
  plan.Begin(Clock(0));
  EXPECT_EQ(Run(&plan),
            "prepare 0, pull 0, start 0, prepare 1, pull 1, prepare 2, pull 2, (rows) 0");
  EXPECT_EQ(WithRows(&plan, 0), "begin 0, prepare 3, finish 0, push 0, start 1, pull 3, (rows) 1");
}

TEST_F(IterationPlanTest, RowsThatComeEarlyAreUsedInTheirTurn) {
  IterationPlan plan = Plan(2);
  plan.Begin(Clock(0));
  Run(&plan);
  EXPECT_EQ(WithRows(&plan, 1), "(rows) 0");
  EXPECT_EQ(WithRows(&plan, 0, Act::kPush), "begin 0, prepare 3, finish 0, push 0");
  EXPECT_EQ(Run(&plan, Act::kPush), "start 1, pull 3, begin 1, prepare 4, finish 1, push 1");
}

TEST_F(IterationPlanTest, AStepIsBegunAheadWhereItsRowsAreThere) {
  IterationPlan plan = Plan(2, 1);
  plan.Begin(Clock(0));
  EXPECT_EQ(Run(&plan),
            "prepare 0, pull 0, start 0, prepare 1, pull 1, prepare 2, pull 2, start 1, (rows) 0");
  plan.TakeRows(Clock(1));
  EXPECT_EQ(WithRows(&plan, 0),
            "begin 0, begin 1, prepare 3, finish 0, push 0, pull 3, start 2, prepare 4, "
            "finish 1, push 1, pull 4, start 3, (rows) 2");
}

TEST_F(IterationPlanTest, RowsThatComeWhileTheDeviceComputesStillLetAStepBeginAhead) {
  IterationPlan plan = Plan(1, 1);
  plan.Begin(Clock(0));
  Run(&plan);
  EXPECT_EQ(WithRows(&plan, 0, Act::kPrepare), "begin 0, prepare 2");
  EXPECT_EQ(WithRows(&plan, 1, Act::kPush), "begin 1, finish 0, push 0");
}

// A third step has room only once the first one is pushed.
TEST_F(IterationPlanTest, NoMoreStepsAreBegunAheadThanAllowed) {
  IterationPlan plan = Plan(3, 1);
  plan.Begin(Clock(0));
  Run(&plan);
  plan.TakeRows(Clock(1));
  plan.TakeRows(Clock(2));
  EXPECT_EQ(WithRows(&plan, 0, Act::kPush), "begin 0, begin 1, prepare 4, finish 0, push 0");
}

TEST_F(IterationPlanTest, NothingIsDoneBeyondTheLastClock) {
  IterationPlan plan = Plan(3, 1);
  plan.Begin(Clock(18));
  EXPECT_EQ(Run(&plan), "prepare 18, pull 18, start 18, prepare 19, pull 19, start 19, (rows) 18");
  EXPECT_EQ(WithRows(&plan, 18), "begin 18, finish 18, push 18, (rows) 19");
  EXPECT_EQ(WithRows(&plan, 19), "evaluate 19, push 19, (leave) 20");
}

// Two epochs of three iterations; others wait for the same commits.
class BarrierPlanTest : public IterationPlanTest {
 protected:
  BarrierPlanTest() {
    calendar_.last_clock = Clock(6);
    calendar_.iterations_per_epoch = 3;
    calendar_.best_epoch = true;
  }
};

TEST_F(BarrierPlanTest, AnEvaluationIsPushedOnlyOnceItIsCommitted) {
  IterationPlan plan = Plan(0);
  plan.Begin(Clock(2));
  EXPECT_EQ(Run(&plan), "prepare 2, pull exact 2, start 2, (rows) 2");
  EXPECT_EQ(WithRows(&plan, 2), "evaluate 2, (commit) 2");
  plan.TakeCommit(Clock(1));
  EXPECT_EQ(Run(&plan), "(commit) 2");
  plan.TakeCommit(Clock(2));
  EXPECT_EQ(Run(&plan), "push 2, prepare 3, pull exact 3, start 3, (rows) 3");
  EXPECT_EQ(WithRows(&plan, 3, Act::kPush), "begin 3, prepare 4, finish 3, push 3");
  EXPECT_EQ(Run(&plan), "pull 4, start 4, (rows) 4");
}

TEST_F(BarrierPlanTest, WithoutABestEpochNobodyWaits) {
  calendar_.best_epoch = false;
  IterationPlan plan = Plan(0);
  plan.Begin(Clock(2));
  EXPECT_EQ(Run(&plan), "prepare 2, pull 2, start 2, (rows) 2");
  EXPECT_EQ(WithRows(&plan, 2), "evaluate 2, push 2, prepare 3, pull 3, start 3, (rows) 3");
}

TEST_F(BarrierPlanTest, ACommitThatCameBeforeTheStartCounts) {
  IterationPlan plan = Plan(0);
  plan.TakeCommit(Clock(2));
  plan.Begin(Clock(2));
  Run(&plan);
  EXPECT_EQ(WithRows(&plan, 2, Act::kPush), "evaluate 2, push 2");
}

TEST_F(BarrierPlanTest, NoStepIsBegunAheadOverAnEvaluation) {
  IterationPlan plan = Plan(2, 2);
  plan.Begin(Clock(1));
  Run(&plan);
  plan.TakeRows(Clock(2));
  plan.TakeRows(Clock(3));
  EXPECT_EQ(WithRows(&plan, 1),
            "begin 1, prepare 4, finish 1, push 1, pull 4, start 4, "
            "evaluate 2, (commit) 2");
}

TEST_F(BarrierPlanTest, AnotherLifeBeginsAnewAndKeepsNothingButTheCommit) {
  IterationPlan plan = Plan(1, 1);
  plan.Begin(Clock(0));
  Run(&plan);
  plan.TakeRows(Clock(1));
  EXPECT_EQ(WithRows(&plan, 0, Act::kFinish), "begin 0, begin 1, prepare 2, finish 0");
  plan.TakeCommit(Clock(2));
  plan.Begin(Clock(1));
  EXPECT_EQ(Run(&plan), "prepare 1, pull 1, start 1, prepare 2, pull exact 2, start 2, (rows) 1");
  EXPECT_EQ(WithRows(&plan, 1, Act::kPush), "begin 1, prepare 3, finish 1, push 1");
  EXPECT_EQ(WithRows(&plan, 2, Act::kPush), "pull exact 3, start 3, evaluate 2, push 2");
}

}  // namespace
}  // namespace rubato
