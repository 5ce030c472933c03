// A Scheduler, and a WriteAhead, that make the mistakes of tests/sim/mutation.h that lie in what a
// scheduler believes or tells, and in the order in which its words leave: as MutatedShard does for
// a shard. With no mutation active they are what they derive from.
#pragma once

#include <map>
#include <vector>

#include "server/scheduler/scheduler.h"
#include "server/scheduler/write_ahead.h"
#include "tests/sim/mutation.h"

namespace rubato::sim {

class MutatedScheduler : public Scheduler {
 public:
  MutatedScheduler(SchedulerOptions options, SchedulerState state, Instant now);
  void Receive(Instant now, Nonce from, const Message& message, SchedulerOutput* out);
  void Tick(Instant now, SchedulerOutput* out);

 private:
  // What it takes a message for.
  void HearBeat(Nonce* from, Heartbeat* beat) const;
  void HearReport(Nonce* from, ShardReport* report);

  std::map<PlaceId, SnapshotNumber> ever_durable_;  // of any life of the place
};

class MutatedWriteAhead : public WriteAhead {
 public:
  using WriteAhead::WriteAhead;
  const SchedulerState* Due(Instant now) const;
  void Take(SchedulerOutput out);
  Released Release();

 private:
  Outbox messages_;
  std::vector<SchedulerEvent> untold_;
};

}  // namespace rubato::sim
