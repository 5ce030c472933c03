#include "worker/compute/cuda/kernels/relu.h"

#include "worker/compute/cuda/kernels/slab.h"

namespace rubato {
namespace {

__host__ __device__ inline uint32_t PacksOf(uint32_t cols, uint32_t size) {
  return (cols + size - 1) / size;
}

// A thread a pack. Bound by memory: reads and writes y once, 16 bytes a thread.
template <class T, bool kRelu>
__global__ void AddBiasKernel(const T* bias, DeviceMatrix<T> y) {
  constexpr uint32_t kSize = kWidest<T>;
  const uint32_t packs = PacksOf(y.cols, kSize);
  const uint64_t i = uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const auto row = static_cast<uint32_t>(i / packs);
  if (row >= y.rows) return;
  const uint32_t col = static_cast<uint32_t>(i % packs) * kSize;
  T* const at = y.data + size_t{row} * y.stride + col;
  WidestPack<T> pack = LoadWidest(static_cast<const T*>(at));
  float b[kSize];
  LoadFirst(bias + col, y.cols - col, b);
  for (uint32_t j = 0; j < kSize; ++j) {
    const float sum = ToFloat(pack.at[j]) + b[j];
    pack.at[j] = FromFloat<T>(kRelu ? fmaxf(sum, 0.0F) : sum);
  }
  StoreWidest(pack, at);
}

// Bound by memory: reads y and dy, writes dy, each once.
template <class T>
__global__ void ReluBackwardKernel(DeviceMatrix<const T> y, DeviceMatrix<T> dy, PartialSums to) {
  constexpr uint32_t kSize = kWidest<T>;
  const SlabPosition at = PositionInSlab<T>(dy.rows, dy.cols);
  float sum[kSize] = {};
  constexpr uint32_t kStep = kSlabWarps * kRowsInFlight;
  for (uint32_t first = at.first_row; first < at.end_row; first += kStep) {
    if (at.col >= dy.cols) break;
    WidestPack<T> y_pack[kRowsInFlight];
    WidestPack<T> dy_pack[kRowsInFlight];
    for (uint32_t j = 0; j < kRowsInFlight; ++j) {
      const size_t row = min(first + j * kSlabWarps, at.end_row - 1);
      y_pack[j] = LoadWidest(y.data + row * y.stride + at.col);
      dy_pack[j] = LoadWidest<T>(dy.data + row * dy.stride + at.col);
    }
    for (uint32_t j = 0; j < kRowsInFlight; ++j) {
      const size_t row = first + j * kSlabWarps;
      if (row >= at.end_row) break;
      for (uint32_t i = 0; i < kSize; ++i) {
        if (!(ToFloat(y_pack[j].at[i]) > 0.0F)) dy_pack[j].at[i] = FromFloat<T>(0.0F);
        sum[i] += ToFloat(dy_pack[j].at[i]);
      }
      StoreWidest(dy_pack[j], dy.data + row * dy.stride + at.col);
    }
  }
  StoreSlabSums<T>(sum, at, to, 0);
}

template <class T>
LaunchShape OneThreadAPack(DeviceMatrix<T> y) {
  return OneThreadEach(uint64_t{y.rows} * PacksOf(y.cols, kWidest<T>));
}

}  // namespace

template <class T>
absl::Status AddBiasReluAsync(StreamView stream, const T* bias, DeviceMatrix<T> y) {
  return Launch(stream, OneThreadAPack(y), AddBiasKernel<T, true>, bias, y);
}

absl::Status AddBiasAsync(StreamView stream, const float* bias, DeviceMatrix<float> y) {
  return Launch(stream, OneThreadAPack(y), AddBiasKernel<float, false>, bias, y);
}

template <class T>
absl::Status ReluBackwardAsync(StreamView stream, DeviceMatrix<const T> y, DeviceMatrix<T> dy,
                               float* bias_slope, ColumnSums* sums) {
  CHECK(y.rows == dy.rows && y.cols == dy.cols);
  const PartialSums partial = sums->partial();
  RETURN_IF_ERROR(Launch(stream, SlabLaunch<T>(partial), ReluBackwardKernel<T>, y, dy, partial));
  return sums->Finish(stream, bias_slope, nullptr);
}

template absl::Status AddBiasReluAsync(StreamView, const float*, DeviceMatrix<float>);
template absl::Status AddBiasReluAsync(StreamView, const __nv_bfloat16*,
                                       DeviceMatrix<__nv_bfloat16>);
template absl::Status ReluBackwardAsync(StreamView, DeviceMatrix<const float>, DeviceMatrix<float>,
                                        float*, ColumnSums*);
template absl::Status ReluBackwardAsync(StreamView, DeviceMatrix<const __nv_bfloat16>,
                                        DeviceMatrix<__nv_bfloat16>, float*, ColumnSums*);

}  // namespace rubato
