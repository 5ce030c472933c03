#include "bench/gpu_inputs.h"

#include <bit>

#include "common/base/status.h"

namespace rubato {
namespace {

// A prime, so that a repeated piece does not line up with rows.
constexpr size_t kPiece = 1'048'573;

float Draw(Rng* rng) { return static_cast<float>(2 * rng->Uniform() - 1); }

template <class T, class Make>
absl::StatusOr<DeviceArray<T>> Random(const Stream& stream, size_t count, Make make) {
  ASSIGN_OR_RETURN(auto staged, PinnedArray<T>::Make(std::min(count, kPiece)));
  ASSIGN_OR_RETURN(auto array, DeviceArray<T>::Make(count));
  for (size_t i = 0; i < staged.size(); ++i) staged[i] = make();
  for (size_t begin = 0; begin < count; begin += kPiece) {
    RETURN_IF_ERROR(CopyAsync(stream.view(), array.data() + begin, staged.data(),
                              std::min(kPiece, count - begin)));
  }
  RETURN_IF_ERROR(stream.Wait());
  return array;
}

}  // namespace

absl::StatusOr<DeviceArray<float>> RandomFloats(const Stream& stream, size_t count, Rng* rng) {
  return Random<float>(stream, count, [rng] { return Draw(rng); });
}

absl::StatusOr<DeviceArray<uint16_t>> RandomBf16(const Stream& stream, size_t count, Rng* rng) {
  return Random<uint16_t>(stream, count, [rng] {
    return static_cast<uint16_t>(std::bit_cast<uint32_t>(Draw(rng)) >> 16);
  });
}

}  // namespace rubato
