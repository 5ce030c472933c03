#include "worker/compute/cuda/kernels/output_layer.h"

#include "worker/compute/cuda/kernels/slab.h"

namespace rubato {
namespace {

// Partial sums of a way back, by kind.
constexpr uint32_t kWeightSums = 0;
constexpr uint32_t kBiasSums = 1;

// A warp takes kRowsInFlight rows, so that w, which comes out of the cache, is read once for all of
// them, and that their loads of 512 contiguous bytes are under way together. Bound by memory: x.
template <class T>
__global__ void ForwardKernel(DeviceMatrix<const T> x, const float* weight, const float* bias,
                              float* margin) {
  constexpr uint32_t kSize = kWidest<T>;
  const uint32_t warp = (blockIdx.x * blockDim.x + threadIdx.x) / kWarpThreads;
  const uint32_t lane = threadIdx.x % kWarpThreads;
  const uint32_t first = warp * kRowsInFlight;
  if (first >= x.rows) return;
  float sum[kRowsInFlight] = {};
  for (uint32_t col = lane * kSize; col < x.cols; col += kTileCols<T>) {
    WidestPack<T> pack[kRowsInFlight];
    for (uint32_t j = 0; j < kRowsInFlight; ++j) {
      pack[j] = LoadWidest(x.data + size_t{min(first + j, x.rows - 1)} * x.stride + col);
    }
    float w[kSize];
    LoadFirst(weight + col, x.cols - col, w);
    const uint32_t used = min(x.cols - col, kSize);
    for (uint32_t j = 0; j < kRowsInFlight; ++j) {
      for (uint32_t i = 0; i < kSize; ++i) {
        if (i < used) sum[j] += ToFloat(pack[j].at[i]) * w[i];
      }
    }
  }
  for (uint32_t j = 0; j < kRowsInFlight; ++j) sum[j] = SumOverLanes(sum[j], 1);
  for (uint32_t j = 0; j < kRowsInFlight; ++j) {
    if (lane == j && first + j < x.rows) margin[first + j] = sum[j] + *bias;
  }
}

// What a way back makes besides the slope of w.
enum class InputSlope { kNone, kPlain, kThroughRelu };

// A row's part: weight_sum += x d, dx = d w, bias_sum += dx.
template <class T, InputSlope kSlope>
struct BackwardRow {
  static constexpr uint32_t kSize = kWidest<T>;
  float w[kSize] = {};
  float weight_sum[kSize] = {};
  float bias_sum[kSize] = {};

  __device__ WidestPack<T> Take(const WidestPack<T>& x, float d) {
    WidestPack<T> dx;
    for (uint32_t i = 0; i < kSize; ++i) {
      const float value = ToFloat(x.at[i]);
      weight_sum[i] += value * d;
      const bool passes = kSlope != InputSlope::kThroughRelu || value > 0.0F;
      const float slope = passes ? d * w[i] : 0.0F;
      bias_sum[i] += slope;
      dx.at[i] = FromFloat<T>(slope);
    }
    return dx;
  }
};

// One pass. Bound by memory: reads x, writes dx.
template <class T, InputSlope kSlope>
__global__ void BackwardKernel(DeviceMatrix<const T> x, const float* d_margin, const float* weight,
                               DeviceMatrix<T> dx, PartialSums to) {
  const SlabPosition at = PositionInSlab<T>(x.rows, x.cols);
  BackwardRow<T, kSlope> row_part;
  const bool active = at.col < x.cols;
  if (active && kSlope != InputSlope::kNone) {
    LoadFirst(weight + at.col, x.cols - at.col, row_part.w);
  }
  constexpr uint32_t kStep = kSlabWarps * kRowsInFlight;
  for (uint32_t first = at.first_row; active && first < at.end_row; first += kStep) {
    WidestPack<T> pack[kRowsInFlight];
    float d[kRowsInFlight];
    for (uint32_t j = 0; j < kRowsInFlight; ++j) {
      const uint32_t row = min(first + j * kSlabWarps, at.end_row - 1);
      pack[j] = LoadWidest(x.data + size_t{row} * x.stride + at.col);
      d[j] = d_margin[row];
    }
    for (uint32_t j = 0; j < kRowsInFlight; ++j) {
      const uint32_t row = first + j * kSlabWarps;
      if (row >= at.end_row) break;
      const WidestPack<T> slope = row_part.Take(pack[j], d[j]);
      if (kSlope == InputSlope::kNone) continue;
      StoreWidest(slope, dx.data + size_t{row} * dx.stride + at.col);
    }
  }
  StoreSlabSums<T>(row_part.weight_sum, at, to, kWeightSums);
  if (kSlope == InputSlope::kThroughRelu) {
    StoreSlabSums<T>(row_part.bias_sum, at, to, kBiasSums);
  }
}

}  // namespace

template <class T>
absl::StatusOr<OutputLayer<T>> OutputLayer<T>::Make(uint32_t rows, uint32_t in) {
  OutputLayer layer(rows, in);
  ASSIGN_OR_RETURN(layer.sums_, ColumnSums::Make(rows, in, kMaxSumKinds));
  return layer;
}

template <class T>
absl::Status OutputLayer<T>::Forward(StreamView stream, DeviceMatrix<const T> x,
                                     const float* weight, const float* bias, float* margin) const {
  CHECK(x.rows == rows_ && x.cols == in_ && x.stride % 8 == 0);
  const uint64_t warps = (uint64_t{rows_} + kRowsInFlight - 1) / kRowsInFlight;
  return Launch(stream, OneThreadEach(warps * kWarpThreads), ForwardKernel<T>, x, weight, bias,
                margin);
}

template <class T>
absl::Status OutputLayer<T>::Backward(StreamView stream, DeviceMatrix<const T> x,
                                      const float* d_margin, const float* weight,
                                      const OutputGradients<T>& to) {
  CHECK(x.rows == rows_ && x.cols == in_ && x.stride % 8 == 0);
  const bool relu = to.bias_below != nullptr;
  auto kernel = BackwardKernel<T, InputSlope::kNone>;
  if (to.x.data != nullptr) {
    CHECK(to.x.rows == rows_ && to.x.cols == in_ && to.x.stride % 8 == 0);
    kernel =
        relu ? BackwardKernel<T, InputSlope::kThroughRelu> : BackwardKernel<T, InputSlope::kPlain>;
  }
  CHECK(!relu || to.x.data != nullptr);
  const PartialSums partial = sums_.partial();
  RETURN_IF_ERROR(
      Launch(stream, SlabLaunch<T>(partial), kernel, x, d_margin, weight, to.x, partial));
  return sums_.Finish(stream, to.weight, to.bias_below);
}

template class OutputLayer<float>;
template class OutputLayer<__nv_bfloat16>;

}  // namespace rubato
