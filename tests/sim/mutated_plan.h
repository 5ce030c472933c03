// An IterationPlan that makes the mistakes of tests/sim/mutation.h that lie in the order in which a
// worker does its iterations. With no mutation active it is an IterationPlan.
#pragma once

#include "tests/sim/mutation.h"
#include "worker/train/iteration_plan.h"

namespace rubato::sim {

class MutatedPlan : public IterationPlan {
 public:
  using IterationPlan::IterationPlan;
  Task Next() const {
    Task task = IterationPlan::Next();
    const auto take = [&task](Mutation mistake, Act act, Act instead) {
      if (Makes(mistake) && task.act == act) task.act = instead;
    };
    take(Mutation::bounded_evaluation, Act::kPullExact, Act::kPull);
    take(Mutation::pass_barrier, Act::kAwaitCommit, Act::kPush);
    take(Mutation::begin_early, Act::kAwaitRows, Act::kBegin);
    return task;
  }
};

}  // namespace rubato::sim
