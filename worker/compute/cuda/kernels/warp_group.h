// A warp cut into groups of lanes, each of which handles one row of floats, or one of several that
// are added up. For .cu files.
//
// A group has as many lanes as a row has packs (of one or four floats): a power of two, 32 at most;
// a longer row takes several rounds.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "worker/compute/cuda/device/launch.h"

namespace rubato {

// Lanes of a group for rows of `packs` packs.
inline uint32_t GroupLanes(uint32_t packs) {
  uint32_t lanes = 1;
  while (lanes < packs && lanes < kWarpThreads) lanes *= 2;
  return lanes;
}

// The position of a thread among the groups of its warp.
struct WarpGroup {
  __device__ explicit WarpGroup(uint32_t group_lanes)
      : lanes(group_lanes),
        lane(threadIdx.x & (group_lanes - 1)),
        number((threadIdx.x & (kWarpThreads - 1)) / group_lanes),
        groups(kWarpThreads / group_lanes) {}
  uint32_t lanes;   // of a group
  uint32_t lane;    // of this thread in its group
  uint32_t number;  // of its group
  uint32_t groups;  // in the warp
};

}  // namespace rubato
