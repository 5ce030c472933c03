// Runs the blocks of a grid and the threads of each, on the calling host thread: a thread runs
// until it waits for others, or ends; who runs next is drawn. Threads that never wait are a plain
// loop on one fiber.
//
// One grid at a time in the process, since threadIdx and shared arrays are plain variables.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/base/env.h"

namespace rubato::emulator {

inline constexpr unsigned kWarpLanes = 32;

struct GridSize {
  unsigned blocks = 0;
  unsigned threads = 0;
};

// `thread` is called once for each thread of each block.
void RunGrid(GridSize size, const std::function<void()>& thread, Rng& rng);

// The rest is called by threads.

enum class WarpOperation { kShuffle, kBallot, kSync };

// __syncthreads on line `line`: all threads have to be at the same one.
void WaitForBlock(int line);
// Waits until every lane of `mask` has come with the same operation and mask; returns the values
// that the lanes [kWarpLanes] brought, valid until the thread's next call.
const uint64_t* WaitForWarp(WarpOperation operation, unsigned mask, uint64_t value);
unsigned LaneOfThread();

// Ends the process with a sentence that names the thread.
[[noreturn]] void FailInKernel(const std::string& what);

}  // namespace rubato::emulator
