// A workload with servers: a scheduler, servers with a shard each, and workers on one GPU, all of
// them processes of this host. Workers run the product's trainer, on batches out of memory.
//
// Forks: to be called before this process has used CUDA, which does not survive a fork.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "bench/gpu_workloads.h"

namespace rubato {

// What a worker does with the rows that it pulls: trains on the GPU, or pushes them back as they
// are, which leaves out whatever is not the servers' and the transport's.
enum class FleetCompute { kGpu, kNone };

struct FleetPlan {
  const Workload* workload = nullptr;
  std::span<const Batch> batches;
  uint32_t servers = 4;
  uint32_t workers = 1;
  int64_t warm_up = 20;  // iterations of each worker
  int64_t iterations = 100;
  FleetCompute compute = FleetCompute::kGpu;
};

// Samples a second of all workers together. Unavailable: a worker failed, and why, or said nothing.
absl::StatusOr<double> FleetSamplesPerSecond(const FleetPlan& plan);

// Seconds of an iteration of a worker's pipeline alone: rows come from memory, and gradients go
// nowhere. Uses CUDA.
absl::StatusOr<double> PipelineStepSeconds(const FleetPlan& plan);

}  // namespace rubato
