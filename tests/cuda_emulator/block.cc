#include "tests/cuda_emulator/block.h"

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "tests/cuda_emulator/api.h"
#include "tests/cuda_emulator/cuda_runtime.h"
#include "tests/cuda_emulator/emulator.h"
#include "tests/cuda_emulator/fiber.h"

// Bounds of the section of all __shared__ arrays; null where there are none.
extern "C" __attribute__((weak)) char __start_rubato_shared[];
extern "C" __attribute__((weak)) char __stop_rubato_shared[];

uint3 threadIdx;
uint3 blockIdx;
dim3 blockDim;
dim3 gridDim;

namespace rubato::emulator {
namespace {

struct Warp {
  unsigned lanes = 0;    // that the block has
  unsigned arrived = 0;  // lanes that wait
  unsigned mask = 0;     // what they wait for
  WarpOperation operation = WarpOperation::kSync;
  uint64_t values[kWarpLanes] = {};     // brought so far
  uint64_t exchanged[kWarpLanes] = {};  // of the newest operation that is complete
};

class Block {
 public:
  // `fibers`: what earlier blocks made.
  Block(unsigned threads, const std::function<void()>& thread, Rng& rng,
        std::vector<std::unique_ptr<Fiber>>& fibers);
  void Run(unsigned block);

  void WaitForBlock(int line);
  const uint64_t* WaitForWarp(WarpOperation operation, unsigned mask, uint64_t value);
  [[noreturn]] static void Fail(const std::string& what);

 private:
  struct Waiting {
    unsigned thread;
    Fiber* fiber;
  };
  void Shuffle(std::vector<unsigned>& numbers);
  void RunFreshThreads();
  void RunNext();
  void Pause(std::vector<Waiting>& where);
  void Wake(std::vector<Waiting>& from);
  void FailStuck();

  const unsigned threads_;
  const std::function<void()>& thread_;
  Rng& rng_;
  const std::function<void()> fresh_threads_ = [this] { RunFreshThreads(); };
  std::vector<std::unique_ptr<Fiber>>& fibers_;
  std::vector<Fiber*> idle_;
  std::vector<unsigned> order_;  // in which threads begin
  std::vector<Warp> warps_;
  std::vector<std::vector<Waiting>> at_warp_;  // by warp
  std::vector<Waiting> at_barrier_;
  int barrier_line_ = 0;
  std::vector<Waiting> ready_;
  Fiber* running_ = nullptr;  // the fiber of threadIdx
  unsigned begun_ = 0;
  unsigned ended_ = 0;
  bool waited_ = true;  // shared memory may have been used since it was poisoned
};

Block* current = nullptr;  // while a grid runs

void PoisonSharedMemory() {
  if (__start_rubato_shared == nullptr) return;
  Poison(__start_rubato_shared, static_cast<size_t>(__stop_rubato_shared - __start_rubato_shared));
}

Block::Block(unsigned threads, const std::function<void()>& thread, Rng& rng,
             std::vector<std::unique_ptr<Fiber>>& fibers)
    : threads_(threads), thread_(thread), rng_(rng), fibers_(fibers) {
  for (const std::unique_ptr<Fiber>& fiber : fibers_) idle_.push_back(fiber.get());
  const unsigned warps = (threads + kWarpLanes - 1) / kWarpLanes;
  warps_.resize(warps);
  at_warp_.resize(warps);
  for (unsigned i = 0; i < threads; ++i) {
    order_.push_back(i);
    warps_[i / kWarpLanes].lanes |= 1u << i % kWarpLanes;
  }
}

void Block::Shuffle(std::vector<unsigned>& numbers) {
  for (size_t i = numbers.size(); i > 1; --i) std::swap(numbers[i - 1], numbers[rng_.Below(i)]);
}

void Block::Run(unsigned block) {
  if (waited_) PoisonSharedMemory();
  waited_ = false;
  blockIdx = {block, 0, 0};
  begun_ = 0;
  ended_ = 0;
  Shuffle(order_);
  while (ended_ < threads_) RunNext();
}

// A thread that begins, or one that waited.
void Block::RunNext() {
  const bool fresh = begun_ < threads_;
  if (!fresh && ready_.empty()) FailStuck();
  if (fresh && (ready_.empty() || rng_.Below(2) == 0)) {
    if (idle_.empty()) {
      fibers_.push_back(std::make_unique<Fiber>());
      idle_.push_back(fibers_.back().get());
    }
    running_ = idle_.back();
    idle_.pop_back();
    running_->Start(&fresh_threads_);
    return;
  }
  std::swap(ready_[rng_.Below(ready_.size())], ready_.back());
  const Waiting next = ready_.back();
  ready_.pop_back();
  threadIdx = {next.thread, 0, 0};
  running_ = next.fiber;
  running_->Resume();
}

void Block::RunFreshThreads() {
  Fiber* const fiber = running_;
  while (begun_ < threads_) {
    threadIdx = {order_[begun_++], 0, 0};
    thread_();
    ++ended_;
  }
  idle_.push_back(fiber);
}

void Block::Pause(std::vector<Waiting>& where) {
  waited_ = true;
  where.push_back({threadIdx.x, running_});
  running_->Pause();
}

void Block::Wake(std::vector<Waiting>& from) {
  ready_.insert(ready_.end(), from.begin(), from.end());
  from.clear();
}

void Block::WaitForBlock(int line) {
  if (!at_barrier_.empty() && line != barrier_line_) {
    Fail(absl::StrFormat("waits at a barrier on line %d, while others of its block wait on line %d",
                         line, barrier_line_));
  }
  barrier_line_ = line;
  if (at_barrier_.size() + 1 == threads_) {
    Wake(at_barrier_);
    ready_.push_back({threadIdx.x, running_});
    waited_ = true;
    running_->Pause();
  } else {
    Pause(at_barrier_);
  }
}

const uint64_t* Block::WaitForWarp(WarpOperation operation, unsigned mask, uint64_t value) {
  const unsigned number = threadIdx.x / kWarpLanes;
  const unsigned lane = threadIdx.x % kWarpLanes;
  Warp& warp = warps_[number];
  if ((mask >> lane & 1) == 0) Fail("calls a warp operation whose mask leaves its own lane out");
  if ((mask & ~warp.lanes) != 0) {
    Fail("calls a warp operation whose mask names lanes that the block does not have");
  }
  if (warp.arrived != 0 && (warp.operation != operation || warp.mask != mask)) {
    Fail("calls a warp operation while lanes of its warp wait at another one, or for other lanes");
  }
  warp.operation = operation;
  warp.mask = mask;
  warp.values[lane] = value;
  warp.arrived |= 1u << lane;
  if (warp.arrived == mask) {
    warp.arrived = 0;
    std::memcpy(warp.exchanged, warp.values, sizeof(warp.values));
    Wake(at_warp_[number]);
    Pause(ready_);
  } else {
    Pause(at_warp_[number]);
  }
  return warp.exchanged;
}

// Nobody can go on.
void Block::FailStuck() {
  for (const std::vector<Waiting>& lanes : at_warp_) {
    if (lanes.empty()) continue;
    threadIdx = {lanes.front().thread, 0, 0};
    Fail("waits in a warp operation for lanes that never come to it");
  }
  threadIdx = {at_barrier_.front().thread, 0, 0};
  Fail("waits at __syncthreads, which other threads of its block never reach");
}

void Block::Fail(const std::string& what) {
  ::rubato::emulator::Fail(absl::StrFormat("thread %d of block %d (of %d threads, %d blocks) %s",
                                           threadIdx.x, blockIdx.x, blockDim.x, gridDim.x, what));
}

}  // namespace

void RunGrid(GridSize size, const std::function<void()>& thread, Rng& rng) {
  static std::vector<std::unique_ptr<Fiber>> fibers;
  Block block(size.threads, thread, rng, fibers);
  current = &block;
  gridDim = dim3(size.blocks);
  blockDim = dim3(size.threads);
  // A random start and an odd step visit the blocks of a power of two; those behind are left out.
  uint64_t cycle = 1;
  while (cycle < size.blocks) cycle *= 2;
  const uint64_t step = rng.Next() | 1;
  uint64_t next = rng.Next();
  for (uint64_t i = 0; i < cycle; ++i, next += step) {
    const uint64_t number = next & (cycle - 1);
    if (number < size.blocks) block.Run(static_cast<unsigned>(number));
  }
  current = nullptr;
}

void WaitForBlock(int line) { current->WaitForBlock(line); }

const uint64_t* WaitForWarp(WarpOperation operation, unsigned mask, uint64_t value) {
  return current->WaitForWarp(operation, mask, value);
}

unsigned LaneOfThread() { return threadIdx.x % kWarpLanes; }

void FailInKernel(const std::string& what) { Block::Fail(what); }

}  // namespace rubato::emulator
