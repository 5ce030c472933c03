// Single precision to bfloat16 and back, in device memory: copies of weights for products in
// bfloat16 (worker/compute/precision.h), and bias slopes that cublasLt makes in bfloat16.
#pragma once

#include <cuda_bf16.h>

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "worker/compute/cuda/device/stream.h"

namespace rubato {

// to[i] = from[i], i < count, to the nearest; both begin at multiples of 16 bytes.
struct CastSegment {
  const float* from = nullptr;
  __nv_bfloat16* to = nullptr;
  uint64_t count = 0;
};

// Segments that one launch takes; more are taken by several.
inline constexpr uint32_t kCastSegments = 32;

absl::Status CastAsync(StreamView stream, std::span<const CastSegment> segments);

// to[i] = from[i], i < count, exactly; both are multiples of 16 bytes.
absl::Status WidenAsync(StreamView stream, const __nv_bfloat16* from, float* to, uint32_t count);

}  // namespace rubato
