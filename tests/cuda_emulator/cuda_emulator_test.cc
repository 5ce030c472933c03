// The emulator finds what it is there to find: each kind of mistake shows for some seed, and the
// right way is right for all. See cuda_emulator/emulator.h.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <thread>
#include <vector>

#include "tests/cuda_emulator/emulator.h"
#include "tests/sanitizers.h"
#include "tests/worker/compute/cuda/cuda_fixture.h"
#include "worker/compute/cuda/device/launch.h"

namespace rubato {
namespace {

constexpr uint64_t kSeeds = 40;
constexpr uint32_t kThreads = 96;

__global__ void Fill(float* to, float value, uint32_t count) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) to[i] = value;
}

__global__ void ReverseWithoutBarrier(float* values) {
  __shared__ float turned[kThreads];
  turned[kThreads - 1 - threadIdx.x] = values[threadIdx.x];
  values[threadIdx.x] = turned[threadIdx.x];
}

__global__ void Reverse(float* values) {
  __shared__ float turned[kThreads];
  turned[kThreads - 1 - threadIdx.x] = values[threadIdx.x];
  __syncthreads();
  values[threadIdx.x] = turned[threadIdx.x];
}

__global__ void ReadUnwrittenShared(float* to) {
  __shared__ float unwritten[kThreads];
  if (threadIdx.x == 0) unwritten[0] = 1;
  __syncthreads();
  to[threadIdx.x] = unwritten[threadIdx.x];
}

__global__ void ReadAt(const float* from, uint32_t index, float* to) { *to = from[index]; }

__global__ void ReadFour(const float* from, float* to) {
  *to = reinterpret_cast<const float4*>(from)->w;
}

__global__ void WriteSharedAt(uint32_t index, float* to) {
  __shared__ float few[5];
  few[index] = 1;
  *to = few[0];
}

// As if blocks ran in order.
__global__ void AddToNeighbour(float* values) {
  if (threadIdx.x == 0 && blockIdx.x > 0) values[blockIdx.x] += values[blockIdx.x - 1];
}

__global__ void BarrierForSome(uint32_t some) {
  if (threadIdx.x < some) __syncthreads();
}
__global__ void TwoBarriers() {
  if (threadIdx.x < 3) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}
__global__ void ShuffleForSome(uint32_t some, int* to) {
  if (threadIdx.x < some) to[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1, 1);
}
__global__ void TwoWarpOperations() {
  if (threadIdx.x < 7) {
    __syncwarp();
  } else {
    static_cast<void>(__ballot_sync(0xffffffffu, 1));
  }
}

__global__ void WarpResults(uint32_t* to) {
  const uint32_t i = threadIdx.x;
  uint32_t sum = i;
  for (int lanes = 16; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, lanes);
  to[6 * i] = sum;
  to[6 * i + 1] = __shfl_down_sync(0xffffffffu, i, 30);
  to[6 * i + 2] = __shfl_sync(0xffffffffu, i, 5);
  to[6 * i + 3] = __shfl_sync(0xffffffffu, i, 1, 8);
  to[6 * i + 4] = __ballot_sync(0xffffffffu, i % 2 == 1);
  to[6 * i + 5] =
      static_cast<uint32_t>(__any_sync(0xffffffffu, i == 3) + 2 * __all_sync(0xffffffffu, i == 3));
}

__global__ void Count(unsigned* counts) {
  atomicAdd(&counts[0], 2u);
  atomicMax(&counts[1], threadIdx.x);
  atomicOr(&counts[2], 1u << threadIdx.x % 32);
}

class CudaEmulatorTest : public CudaTest {
 protected:
  void SetUp() override {
    emulator::SetSeed(1);
    CudaTest::SetUp();
  }
  // With how many seeds `run` says true.
  static uint64_t SeedsWith(const std::function<bool()>& run) {
    uint64_t with = 0;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      emulator::SetSeed(seed);
      if (run()) ++with;
    }
    return with;
  }
  Stream MakeStream() { return *Stream::Make(); }
  StreamEvent MakeEvent() { return *StreamEvent::Make(); }
  PinnedArray<float> MakePinned(float value) {
    PinnedArray<float> array = *PinnedArray<float>::Make(1);
    array[0] = value;
    return array;
  }
  void Put(StreamView on, float* to, float value) {
    ASSERT_TRUE(Launch(on, OneThreadEach(1), Fill, to, value, 1u).ok());
  }
};
using CudaEmulatorDeathTest = CudaEmulatorTest;

TEST_F(CudaEmulatorTest, AStreamThatDoesNotWaitForAnotherIsNoticed) {
  DeviceArray<float> value = Unwritten<float>(1);
  const auto fill_and_read = [&](bool wait) {
    const Stream other = MakeStream();
    const StreamEvent filled = MakeEvent();
    Put(other.view(), value.data(), 1);
    EXPECT_TRUE(filled.Record(other.view()).ok());
    if (wait) {
      EXPECT_TRUE(filled.Block(stream()).ok());
    }
    const bool seen = Download(value)[0] == 1;
    Overwrite(value, {0});
    return seen;
  };
  EXPECT_EQ(SeedsWith([&] { return fill_and_read(true); }), kSeeds);
  const uint64_t by_luck = SeedsWith([&] { return fill_and_read(false); });
  EXPECT_GT(by_luck, 0u);
  EXPECT_LT(by_luck, kSeeds);
}

TEST_F(CudaEmulatorTest, ASourceThatIsOverwrittenTooEarlyIsNoticed) {
  DeviceArray<float> value = Unwritten<float>(1);
  PinnedArray<float> source = MakePinned(0);
  const auto copy_and_overwrite = [&](bool wait) {
    source[0] = 1;
    EXPECT_TRUE(CopyAsync(stream(), value.data(), source.data(), 1).ok());
    if (wait) Wait();
    source[0] = 2;
    return Download(value)[0] == 1;
  };
  EXPECT_EQ(SeedsWith([&] { return copy_and_overwrite(true); }), kSeeds);
  EXPECT_LT(SeedsWith([&] { return copy_and_overwrite(false); }), kSeeds);
}

// The other way round: a device may be quick.
TEST_F(CudaEmulatorTest, ASourceThatIsFilledTooLateIsNoticed) {
  DeviceArray<float> value = Unwritten<float>(1);
  PinnedArray<float> source = MakePinned(0);
  EXPECT_LT(SeedsWith([&] {
              source[0] = 0;
              EXPECT_TRUE(CopyAsync(stream(), value.data(), source.data(), 1).ok());
              source[0] = 1;
              return Download(value)[0] == 1;
            }),
            kSeeds);
}

TEST_F(CudaEmulatorTest, AHostThatDoesNotWaitIsNoticed) {
  const DeviceArray<float> value = Upload<float>({3});
  PinnedArray<float> target = MakePinned(0);
  const uint64_t by_luck = SeedsWith([&] {
    target[0] = 0;
    EXPECT_TRUE(CopyAsync(stream(), target.data(), value.data(), 1).ok());
    const bool there = target[0] == 3;
    Wait();
    return there;
  });
  EXPECT_LT(by_luck, kSeeds);
}

TEST_F(CudaEmulatorTest, AMissingBarrierIsNoticed) {
  float first = 0;
  const auto is_right = [&](void (*kernel)(float*)) {
    std::vector<float> values(kThreads);
    for (float& value : values) value = ++first;  // never what an earlier run left behind
    DeviceArray<float> array = Upload(values);
    EXPECT_TRUE(Launch(stream(), {.blocks = 1, .threads = kThreads}, kernel, array.data()).ok());
    return Download(array) == std::vector<float>(values.rbegin(), values.rend());
  };
  EXPECT_EQ(SeedsWith([&] { return is_right(Reverse); }), kSeeds);
  EXPECT_EQ(SeedsWith([&] { return is_right(ReverseWithoutBarrier); }), 0u);
}

TEST_F(CudaEmulatorTest, AnOrderOfBlocksIsNotGiven) {
  EXPECT_LT(SeedsWith([&] {
              DeviceArray<float> array = Upload<float>({1, 1, 1, 1, 1});
              EXPECT_TRUE(Launch(stream(), {.blocks = 5}, AddToNeighbour, array.data()).ok());
              return Download(array) == std::vector<float>({1, 2, 3, 4, 5});
            }),
            kSeeds);
}

TEST_F(CudaEmulatorTest, MemoryThatNobodyWroteIsNan) {
  for (const float value : Download(Unwritten<float>(33))) EXPECT_TRUE(std::isnan(value));
  for (const double value : Download(Unwritten<double>(5))) EXPECT_TRUE(std::isnan(value));
  EXPECT_TRUE(std::isnan((*PinnedArray<float>::Make(1))[0]));
  // No index, and not what stands for "none" either.
  const uint32_t index = Download(Unwritten<uint32_t>(1))[0];
  EXPECT_GT(index, uint32_t{1} << 31);
  EXPECT_NE(index, ~uint32_t{0});
}

TEST_F(CudaEmulatorTest, SharedMemoryThatNobodyWroteIsNan) {
#if defined(RUBATO_ASAN)
  GTEST_SKIP() << "the address sanitizer watches the bounds of shared arrays instead";
#endif
  DeviceArray<float> array = Unwritten<float>(kThreads);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(
        Launch(stream(), {.blocks = 3, .threads = kThreads}, ReadUnwrittenShared, array.data())
            .ok());
    const std::vector<float> values = Download(array);
    EXPECT_EQ(values[0], 1);
    for (uint32_t t = 1; t < kThreads; ++t) EXPECT_TRUE(std::isnan(values[t]));
  }
}

TEST_F(CudaEmulatorTest, WarpOperationsAndAtomics) {
  EXPECT_EQ(SeedsWith([&] {
              DeviceArray<uint32_t> results = Unwritten<uint32_t>(6 * 64);
              EXPECT_TRUE(
                  Launch(stream(), {.blocks = 1, .threads = 64}, WarpResults, results.data()).ok());
              const std::vector<uint32_t> got = Download(results);
              bool right = true;
              for (uint32_t i = 0; i < 64; ++i) {
                const uint32_t first = i / 32 * 32;
                const uint32_t want[] = {32 * first + 496, i % 32 < 2 ? i + 30 : i,
                                         first + 5,        i / 8 * 8 + 1,
                                         0xaaaaaaaau,      first == 0};
                for (uint32_t j = 0; j < 6; ++j) right = right && got[6 * i + j] == want[j];
              }
              return right;
            }),
            kSeeds);
  DeviceArray<unsigned> counts = Upload<unsigned>({0, 0, 0});
  ASSERT_TRUE(Launch(stream(), {.blocks = 5, .threads = 20}, Count, counts.data()).ok());
  EXPECT_EQ(Download(counts), std::vector<unsigned>({200, 19, 0xfffff}));
}

TEST_F(CudaEmulatorDeathTest, ThreadsThatNeverCome) {
  const auto run = [&](const auto&... launch) {
    static_cast<void>(Launch(stream(), {.blocks = 1, .threads = 32}, launch...));
    static_cast<void>(cudaStreamSynchronize(stream().get()));
  };
  DeviceArray<int> to = Unwritten<int>(32);
  run(BarrierForSome, 32u);
  EXPECT_DEATH(run(BarrierForSome, 31u), "waits at __syncthreads, which other threads");
  EXPECT_DEATH(run(TwoBarriers), "waits at a barrier on line");
  run(ShuffleForSome, 32u, to.data());
  EXPECT_DEATH(run(ShuffleForSome, 31u, to.data()), "waits in a warp operation for lanes");
  EXPECT_DEATH(run(TwoWarpOperations), "while lanes of its warp wait at another one");
}

TEST_F(CudaEmulatorDeathTest, CopiesNeedPinnedMemory) {
  DeviceArray<float> array = Upload<float>({1});
  const float pageable = 2;
  EXPECT_DEATH(static_cast<void>(CopyAsync(stream(), array.data(), &pageable, 1)), "not pinned");
}

TEST_F(CudaEmulatorDeathTest, TheHostCannotTouchDeviceMemory) {
  DeviceArray<float> array = Upload<float>({1});
  EXPECT_DEATH(array.data()[0] = 2, "");
  EXPECT_EQ(Download(array)[0], 1);
}

// Of memory, shared memory and alignment.
TEST_F(CudaEmulatorDeathTest, SanitizersSeeKernelsLeaveTheirBounds) {
#if !defined(RUBATO_ASAN)
  GTEST_SKIP() << "needs the sanitizers for addresses and for undefined behaviour";
#endif
  DeviceArray<float> array = Upload<float>(std::vector<float>(5, 1));
  DeviceArray<float> to = Unwritten<float>(1);
  const auto run = [&](const auto&... launch) {
    ASSERT_TRUE(Launch(stream(), {.blocks = 1, .threads = 1}, launch...).ok());
    Wait();
  };
  run(ReadAt, array.data(), 4u, to.data());
  EXPECT_DEATH(run(ReadAt, array.data(), 5u, to.data()), "use-after-poison");
  run(ReadFour, array.data(), to.data());
  EXPECT_DEATH(run(ReadFour, array.data() + 1, to.data()), "misaligned address");
  run(WriteSharedAt, 4u, to.data());
  EXPECT_DEATH(run(WriteSharedAt, 5u, to.data()), "out of bounds|global-buffer-overflow");
  const float* const freed = array.data();
  array = DeviceArray<float>();
  EXPECT_DEATH(run(ReadAt, freed, 0u, to.data()), "use-after-poison");
}

TEST_F(CudaEmulatorTest, CopiesAreCheckedAgainstTheirAllocations) {
  DeviceArray<float> array = Upload<float>({1, 2});
  PinnedArray<float> target = *PinnedArray<float>::Make(3);
  EXPECT_FALSE(CopyAsync(stream(), target.data(), array.data(), 3).ok());
  EXPECT_FALSE(ZeroAsync(stream(), array.data() + 1, 2).ok());
  EXPECT_EQ(cudaMemcpyAsync(target.data(), array.data(), 8, cudaMemcpyHostToDevice, stream().get()),
            cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(CudaEmulatorTest, HostThreadsHaveTheirStreams) {
  constexpr int kHosts = 3;
  float sums[kHosts] = {};
  const auto use = [&](float* sum) {
    const Stream own = MakeStream();
    DeviceArray<float> array = *DeviceArray<float>::Make(kThreads);
    PinnedArray<float> read = *PinnedArray<float>::Make(kThreads);
    for (float value = 1; value <= 20; ++value) {
      EXPECT_TRUE(
          Launch(own.view(), OneThreadEach(kThreads), Fill, array.data(), value, kThreads).ok());
      EXPECT_TRUE(
          Launch(own.view(), {.blocks = 1, .threads = kThreads}, Reverse, array.data()).ok());
      EXPECT_TRUE(CopyAsync<float>(own.view(), read.data(), array.data(), kThreads).ok());
      EXPECT_TRUE(own.Wait().ok());
      for (uint32_t i = 0; i < kThreads; ++i) *sum += read[i];
    }
  };
  std::vector<std::thread> hosts;
  for (float& sum : sums) hosts.emplace_back(use, &sum);
  for (std::thread& host : hosts) host.join();
  for (const float sum : sums) EXPECT_EQ(sum, 210 * kThreads);
}

TEST_F(CudaEmulatorTest, WhatATestMaySet) {
  const emulator::Counts before = emulator::CountsSoFar();
  {
    const DeviceArray<float> array = Upload<float>({1, 2});
    EXPECT_EQ(emulator::CountsSoFar().live_bytes, before.live_bytes + 8);
  }
  const emulator::Counts after = emulator::CountsSoFar();
  EXPECT_EQ(after.device_allocations, before.device_allocations + 1);
  EXPECT_EQ(after.pinned_allocations, before.pinned_allocations + 1);
  EXPECT_EQ(after.copies, before.copies + 1);
  EXPECT_EQ(after.live_allocations, before.live_allocations);

  emulator::SetMemoryLimit(after.live_bytes + 7);
  EXPECT_EQ(DeviceArray<float>::Make(2).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(DeviceArray<float>::Make(1).ok());
  emulator::SetMemoryLimit(size_t{16} << 30);

  emulator::SetDeviceCount(0);
  EXPECT_EQ(Stream::Make().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(DeviceArray<float>::Make(2).status().code(), absl::StatusCode::kUnavailable);
  emulator::SetDeviceCount(1);
}

}  // namespace
}  // namespace rubato
