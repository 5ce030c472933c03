// Whether a run fits into memory, asked before anything of it is started: on one host for all its
// processes, on several by each server for itself.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "common/base/memory_limit.h"
#include "common/job/job.h"

namespace rubato {

// Bytes that a fleet can come to need, all processes together; how they are counted:
// ARCHITECTURE.md, "Bounds". Data, code, what a model computes with and what RocksDB keeps are not
// among them, nor are rows of sparse tables where nobody knows how many keys there are.
struct MemoryNeed {
  uint64_t weights = 0;
  uint64_t slots = 0;     // of optimizers
  uint64_t image = 0;     // rows that change before they are written; of a load, what was read
  uint64_t credits = 0;   // pushes and pulls under way
  uint64_t retained = 0;  // pushes that workers keep for replay
  uint64_t total() const { return weights + slots + image + credits + retained; }
};
enum class FleetFor { kTraining, kReaders };
MemoryNeed NeedOf(const Job& job, FleetFor purpose);
// Of that what the largest process needs.
uint64_t LargestProcess(const Job& job, const MemoryNeed& need);

struct MemoryLimits {
  MemoryLimit host = MemoryOfHost();
  MemoryLimit process = MemoryOfProcess();
};
// ResourceExhausted: a sentence that says what needs how much, and what can be done.
absl::Status CheckItFits(const Job& job, FleetFor purpose, const MemoryLimits& limits);
// The servers of one host: how many, and how many of the job's places each has.
struct ServersOnHost {
  uint32_t servers = 1;
  uint32_t shards = 1;
};
absl::Status CheckServersFit(const Job& job, FleetFor purpose, ServersOnHost here,
                             const MemoryLimits& limits);

}  // namespace rubato
