// Random inputs in device memory: never zeros, on which a device is faster than on real data.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/env.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/stream.h"

namespace rubato {

// `values` in device memory. Waits.
template <class T>
absl::StatusOr<DeviceArray<T>> Upload(const Stream& stream, const std::vector<T>& values) {
  ASSIGN_OR_RETURN(auto staged, PinnedArray<T>::Make(values.size()));
  ASSIGN_OR_RETURN(auto array, DeviceArray<T>::Make(values.size()));
  std::copy(values.begin(), values.end(), staged.data());
  RETURN_IF_ERROR(CopyAsync(stream.view(), array.data(), staged.data(), values.size()));
  RETURN_IF_ERROR(stream.Wait());
  return array;
}

// Floats uniform in [-1, 1); what is long repeats itself. Waits.
absl::StatusOr<DeviceArray<float>> RandomFloats(const Stream& stream, size_t count, Rng* rng);
// The same as the upper halves of floats, which is bfloat16 rounded towards zero.
absl::StatusOr<DeviceArray<uint16_t>> RandomBf16(const Stream& stream, size_t count, Rng* rng);

}  // namespace rubato
