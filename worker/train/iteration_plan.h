// In which order a worker does its iterations: which clock is prepared, pulled ahead, started,
// begun, computed and pushed next, and what it waits for. A machine without input or output of its
// own: the driver asks Next(), does it, says Done(), and tells what its client has told. The
// trainer is one driver, the simulator the other.
//
// With clock c under way, in this order, each as soon as it can be:
//
//   prepare c, pull c, start c
//   prepare and pull c + 1 .. c + pulled    their rows travel meanwhile
//   start c + 1 .. c + begun                nobody need wait for the push of c
//   begin c, once its rows are there        and c + 1 .. c + begun, in order, where theirs are
//   prepare c + pulled + 1                  a device computes on its own meanwhile
//   finish c, push c
//
// An evaluation is evaluated in place of begin and finish; where it is a barrier, it is pushed only
// once its clock is committed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>

#include "common/base/ids.h"
#include "common/job/calendar.h"

namespace rubato {

class IterationPlan {
 public:
  enum class Act {
    kAwaitStart,
    kPrepare,    // find the keys of its batch
    kPull,       // ask for its rows, within the bound
    kPullExact,  // ask for its rows as they are after exactly the iterations before it
    kStart,      // say that it may begin
    kAwaitRows,
    kBegin,   // compute with its rows, of which there may be none
    kFinish,  // wait for its gradients
    kEvaluate,
    kAwaitCommit,
    kPush,
    kLeave  // all is pushed: nothing is left to do but to wait until it is durable
  };
  struct Task {
    Act act = Act::kAwaitStart;
    Clock clock{};
    friend bool operator==(const Task&, const Task&) = default;
  };
  // How many iterations after the one under way.
  struct Ahead {
    int64_t pulled = 0;
    int64_t begun = 0;  // no more than are pulled
  };

  IterationPlan(const Calendar& calendar, Ahead ahead) : calendar_(calendar), ahead_(ahead) {}

  // A life begins at `start`: what an earlier one had under way is void.
  void Begin(Clock start);
  // Its life is over: the next Begin is awaited.
  void End() { alive_ = false; }
  // The rows of an iteration that was started are there.
  void TakeRows(Clock clock) { rows_.insert(clock); }
  // The fleet has committed `clock`; a life may hear that before it begins.
  void TakeCommit(Clock clock) { committed_ = std::max(committed_, clock); }

  // Stays the same until it is done or something is taken.
  Task Next() const;
  // Of a task that Next has named in this life, once. What is awaited comes, it is not done.
  void Done(const Task& task);
  // The iteration under way: all before it are pushed.
  Clock clock() const { return clock_; }

 private:
  std::optional<Task> Fetch(Clock last_pulled, Clock last_started) const;
  Task Compute() const;
  Task Evaluate() const;

  const Calendar calendar_;
  const Ahead ahead_;
  bool alive_ = false;
  Clock clock_;     // under way
  Clock prepared_;  // next to prepare, and so on
  Clock pulled_;
  Clock started_;
  Clock begun_;
  bool finished_ = false;  // computed, or evaluated
  Clock committed_;
  std::set<Clock> rows_;  // of iterations not yet pushed
};

}  // namespace rubato
