#include "worker/compute/cuda/kernels/cast.h"

#include <algorithm>

#include "worker/compute/cuda/device/launch.h"
#include "worker/compute/cuda/kernels/elements.h"

namespace rubato {
namespace {

constexpr uint32_t kSize = kWidest<__nv_bfloat16>;
// A thread's packs, kBlockThreads packs apart: four loads of 16 bytes under way.
constexpr uint32_t kPacksEach = 2;
constexpr uint32_t kBlockElements = kBlockThreads * kPacksEach * kSize;

// 900 bytes of kernel parameters, of 4,096.
struct CastLaunch {
  CastSegment segment[kCastSegments] = {};
  uint32_t first_block[kCastSegments + 1] = {};
  uint32_t segments = 0;
};

__device__ void CastPack(const CastSegment& segment, uint64_t first) {
  if (first >= segment.count) return;
  float values[kSize];
  const auto left = static_cast<uint32_t>(min(segment.count - first, uint64_t{kSize}));
  LoadFirst(segment.from + first, left, values);
  WidestPack<__nv_bfloat16> pack;
  for (uint32_t i = 0; i < kSize; ++i) pack.at[i] = __float2bfloat16(values[i]);
  if (left == kSize) {
    StoreWidest(pack, segment.to + first);
  } else {
    for (uint32_t i = 0; i < kSize; ++i) {
      if (i < left) segment.to[first + i] = pack.at[i];
    }
  }
}

// Bound by memory, 6 bytes an element. A block takes kBlockElements of one segment, which it finds
// by counting: the same for all its threads, from constant memory.
__global__ void CastKernel(CastLaunch launch) {
  uint32_t s = 0;
  while (blockIdx.x >= launch.first_block[s + 1]) ++s;
  const uint32_t block = blockIdx.x - launch.first_block[s];
  const CastSegment segment = launch.segment[s];
  for (uint32_t p = 0; p < kPacksEach; ++p) {
    CastPack(segment, uint64_t{block} * kBlockElements + (p * kBlockThreads + threadIdx.x) * kSize);
  }
}

// A bias has a few thousand elements: bound by the launch itself.
__global__ void WidenKernel(const __nv_bfloat16* from, float* to, uint32_t count) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) to[i] = __bfloat162float(from[i]);
}

CastLaunch PlanLaunch(std::span<const CastSegment> segments) {
  CastLaunch launch;
  launch.segments = static_cast<uint32_t>(segments.size());
  for (uint32_t s = 0; s < launch.segments; ++s) {
    launch.segment[s] = segments[s];
    const uint64_t blocks = (segments[s].count + kBlockElements - 1) / kBlockElements;
    launch.first_block[s + 1] = launch.first_block[s] + static_cast<uint32_t>(blocks);
  }
  return launch;
}

}  // namespace

absl::Status CastAsync(StreamView stream, std::span<const CastSegment> segments) {
  while (!segments.empty()) {
    const size_t taken = std::min<size_t>(segments.size(), kCastSegments);
    const CastLaunch launch = PlanLaunch(segments.first(taken));
    RETURN_IF_ERROR(
        Launch(stream, {.blocks = launch.first_block[launch.segments]}, CastKernel, launch));
    segments = segments.subspan(taken);
  }
  return absl::OkStatus();
}

absl::Status WidenAsync(StreamView stream, const __nv_bfloat16* from, float* to, uint32_t count) {
  return Launch(stream, OneThreadEach(count), WidenKernel, from, to, count);
}

}  // namespace rubato
