#include "worker/compute/cuda/kernels/losses.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "common/base/status.h"
#include "worker/compute/cuda/kernels/block_sum.h"
#include "worker/spec/row_loss.h"

namespace rubato {
namespace {

// A row costs 12 bytes (offset, label and weight) and 8 per output (margin and slope), so that
// 65,536 rows of one output are 1.3 MiB, which a device moves in less time than a launch takes:
// what counts is the number of launches, two a loss, and three with several outputs. Neighbouring
// threads take neighbouring rows: with a stride of 1, whole lines.

__device__ uint32_t FilledRows(const LossRows& in) { return min(in.filled->rows, in.margin.rows); }

// What a row adds to its margin, of `offset`[rows] or, nullptr, nothing.
__device__ float OffsetOf(const float* offset, size_t row) {
  return offset == nullptr ? 0.0F : offset[row];
}

// Slopes of one output, and partials: loss, slopes.
template <class RowLoss>
__global__ void RowLossKernel(LossRows in, RowLoss row_loss, LossSlopes out) {
  const uint32_t filled = FilledRows(in);
  const float mean = 1.0F / static_cast<float>(filled);
  double loss = 0.0;
  double slopes = 0.0;
  const size_t step = size_t{gridDim.x} * kBlockThreads;
  for (size_t row = size_t{blockIdx.x} * kBlockThreads + threadIdx.x; row < in.margin.rows;
       row += step) {
    float slope = 0.0F;
    if (row < filled) {
      const RowScale scale{in.weight[row], mean};
      const LossSlope at = row_loss(
          in.margin.data[row * in.margin.stride] + OffsetOf(in.offset, row), in.label[row]);
      slope = scale(at.slope);
      loss += static_cast<double>(scale.weight * at.loss);
      slopes += static_cast<double>(slope);
    }
    out.d_margin.data[row * out.d_margin.stride] = slope;
  }
  loss = BlockSum(loss);
  slopes = BlockSum(slopes);
  if (threadIdx.x != 0) return;
  out.partials[blockIdx.x] = loss;
  out.partials[gridDim.x + blockIdx.x] = slopes;
}

// Lanes that share a row of `outputs`.
uint32_t LanesOfRow(uint32_t outputs) { return std::min(std::bit_ceil(outputs), kWarpThreads); }

// Over the `lanes` lanes, a power of two, that share a row; all have the result.
__device__ float GroupMax(float value, uint32_t lanes) {
  for (uint32_t apart = lanes / 2; apart > 0; apart /= 2) {
    value = fmaxf(value, __shfl_xor_sync(kFullWarp, value, static_cast<int>(apart)));
  }
  return value;
}

__device__ float GroupSum(float value, uint32_t lanes) {
  for (uint32_t apart = lanes / 2; apart > 0; apart /= 2) {
    value += __shfl_xor_sync(kFullWarp, value, static_cast<int>(apart));
  }
  return value;
}

struct SoftmaxSums {
  float largest;  // margin
  float sum;      // of exp(margin - largest)
};

// Of a row's margins, `classes` = 0 for a row that is not to be read. All lanes have the result.
__device__ SoftmaxSums SumSoftmax(const float* margin, uint32_t classes, uint32_t lanes) {
  const uint32_t lane = threadIdx.x % lanes;
  float largest = -INFINITY;
  for (uint32_t c = lane; c < classes; c += lanes) largest = fmaxf(largest, margin[c]);
  largest = GroupMax(largest, lanes);
  float sum = 0.0F;
  for (uint32_t c = lane; c < classes; c += lanes) sum += expf(margin[c] - largest);
  return {largest, GroupSum(sum, lanes)};
}

struct SoftmaxRow {
  SoftmaxSums sums;
  float loss;
};

// As SumSoftmax.
__device__ SoftmaxRow ReadSoftmaxRow(const LossRows& in, size_t row, uint32_t classes,
                                     uint32_t lanes) {
  const float* const margin = in.margin.data + row * in.margin.stride;
  const SoftmaxSums sums = SumSoftmax(margin, classes, lanes);
  if (classes == 0) return {};
  const float label = in.label[row];
  const float hit = IsClass(label, classes) ? margin[static_cast<uint32_t>(label)] : NAN;
  return {sums, sums.largest - hit + logf(sums.sum)};
}

// Slopes of a row, by the lanes that share it; the row's part of the loss, on its first lane.
__device__ float WriteSoftmaxSlopes(const LossRows& in, const LossSlopes& out, size_t row,
                                    const SoftmaxRow& of, uint32_t lanes) {
  const uint32_t filled = FilledRows(in);
  const float* const margin = in.margin.data + row * in.margin.stride;
  float* const slopes = out.d_margin.data + row * out.d_margin.stride;
  if (row >= filled) {
    for (uint32_t c = threadIdx.x % lanes; c < in.margin.cols; c += lanes) slopes[c] = 0.0F;
    return 0.0F;
  }
  const RowScale scale{in.weight[row], 1.0F / static_cast<float>(filled)};
  const float check = of.loss - of.loss;  // 0, or not a number if the loss is not one
  for (uint32_t c = threadIdx.x % lanes; c < in.margin.cols; c += lanes) {
    const float hit = static_cast<float>(c) == in.label[row] ? 1.0F : 0.0F;
    slopes[c] = scale(expf(margin[c] - of.sums.largest) / of.sums.sum - hit + check);
  }
  return threadIdx.x % lanes == 0 ? scale.weight * of.loss : 0.0F;
}

// Slopes, and partials of the loss. A row's margins are read three times, twice from the cache of
// the processor that has just read them; its lanes lie side by side, so few classes waste no loads.
__global__ void SoftmaxKernel(LossRows in, uint32_t lanes, LossSlopes out) {
  const uint32_t filled = FilledRows(in);
  const size_t rows_at_once = size_t{gridDim.x} * kBlockThreads / lanes;
  const size_t group = (size_t{blockIdx.x} * kBlockThreads + threadIdx.x) / lanes;
  double loss = 0.0;
  // Every warp goes round equally often: the shuffles need all of its lanes.
  for (size_t first = 0; first < in.margin.rows; first += rows_at_once) {
    const size_t row = first + group;
    const SoftmaxRow of = ReadSoftmaxRow(in, row, row < filled ? in.margin.cols : 0, lanes);
    if (row >= in.margin.rows) continue;
    loss += static_cast<double>(WriteSoftmaxSlopes(in, out, row, of, lanes));
  }
  loss = BlockSum(loss);
  if (threadIdx.x == 0) out.partials[blockIdx.x] = loss;
}

// Slopes, and partials of the loss. A thread a row, whose slopes the loss makes in place: what it
// reads and writes more than once is a sector of its own in the processor's cache.
template <class JointLoss>
__global__ void JointLossKernel(LossRows in, JointLoss joint_loss, LossSlopes out) {
  const uint32_t filled = FilledRows(in);
  const float mean = 1.0F / static_cast<float>(filled);
  double loss = 0.0;
  const size_t step = size_t{gridDim.x} * kBlockThreads;
  for (size_t row = size_t{blockIdx.x} * kBlockThreads + threadIdx.x; row < in.margin.rows;
       row += step) {
    float* const slopes = out.d_margin.data + row * out.d_margin.stride;
    if (row < filled) {
      const RowScale scale{in.weight[row], mean};
      const float* const margin = in.margin.data + row * in.margin.stride;
      loss += static_cast<double>(scale.weight * joint_loss(margin, in.label[row], scale, slopes));
    } else {
      for (uint32_t c = 0; c < in.margin.cols; ++c) slopes[c] = 0.0F;
    }
  }
  loss = BlockSum(loss);
  if (threadIdx.x == 0) out.partials[blockIdx.x] = loss;
}

// Partials 1 + c: the sum of column c of d_margin, which the second level cache still holds. A
// block's threads take whole rows of up to kBlockThreads columns, so that they read side by side.
__global__ void ColumnSumKernel(LossRows in, LossSlopes out) {
  __shared__ double sums[kBlockThreads];
  const uint32_t width = min(in.margin.cols, kBlockThreads);
  const uint32_t rows_at_once = kBlockThreads / width;
  const uint32_t turn = threadIdx.x / width;
  for (uint32_t first = 0; first < in.margin.cols; first += width) {
    const uint32_t column = first + threadIdx.x % width;
    const bool takes = turn < rows_at_once && column < in.margin.cols;
    double sum = 0.0;
    for (size_t row = size_t{blockIdx.x} * rows_at_once + turn; takes && row < FilledRows(in);
         row += size_t{gridDim.x} * rows_at_once) {
      sum += static_cast<double>(out.d_margin.data[row * out.d_margin.stride + column]);
    }
    __syncthreads();  // the sums of the columns before have been read
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (turn != 0 || !takes) continue;
    for (uint32_t other = 1; other < rows_at_once; ++other) {
      sum += sums[other * width + threadIdx.x];
    }
    out.partials[size_t{1 + column} * gridDim.x + blockIdx.x] = sum;
  }
}

// Block 0 the loss, block 1 + c the sum of slopes c, from the partials of `blocks` blocks.
__global__ void FinishLossKernel(LossRows in, uint32_t blocks, LossSlopes out) {
  const double sum = SumOfPartials(out.partials + size_t{blockIdx.x} * blocks, blocks);
  if (threadIdx.x != 0) return;
  const uint32_t filled = FilledRows(in);
  if (blockIdx.x == 0) {
    *out.loss = filled == 0 ? 0.0 : sum / static_cast<double>(filled);
  } else {
    out.d_bias[blockIdx.x - 1] = static_cast<float>(sum);
  }
}

LaunchShape LossBlocks(uint32_t rows, uint32_t outputs) {
  return PartialBlocks(uint64_t{rows} * LanesOfRow(outputs));
}

void CheckShapes(const LossRows& rows, const LossSlopes& slopes) {
  CHECK(rows.margin.rows == slopes.d_margin.rows && rows.margin.cols == slopes.d_margin.cols);
}

absl::Status FinishLoss(StreamView stream, const LossRows& rows, const LossSlopes& slopes) {
  const uint32_t outputs = rows.margin.cols;
  const uint32_t blocks = LossBlocks(rows.margin.rows, outputs).blocks;
  return Launch(stream, {.blocks = 1 + outputs}, FinishLossKernel, rows, blocks, slopes);
}

// With the sums of several outputs' slopes, which are there.
absl::Status FinishJointLoss(StreamView stream, const LossRows& rows, const LossSlopes& slopes) {
  const LaunchShape shape = LossBlocks(rows.margin.rows, rows.margin.cols);
  RETURN_IF_ERROR(Launch(stream, shape, ColumnSumKernel, rows, slopes));
  return FinishLoss(stream, rows, slopes);
}

struct MarginShift {
  float of_all;
  const float* of_row;
};

template <class T>
__global__ void PredictKernel(T target, DeviceMatrix<const float> margin, MarginShift shift,
                              float* prediction) {
  const size_t row = size_t{blockIdx.x} * kBlockThreads + threadIdx.x;
  if (row >= margin.rows) return;
  prediction[row] =
      target.Predict(margin.data[row * margin.stride] + OffsetOf(shift.of_row, row) + shift.of_all);
}

// A thread a row, as JointLossKernel has it.
template <class T>
__global__ void JointPredictKernel(T target, DeviceMatrix<const float> margin, float* prediction) {
  const size_t row = size_t{blockIdx.x} * kBlockThreads + threadIdx.x;
  if (row >= margin.rows) return;
  target.Predict(margin.data + row * margin.stride, prediction + row * margin.cols);
}

// Lanes share a row, as in SoftmaxKernel. Bound by bytes: 4 read and 4 written an output.
__global__ void SoftmaxPredictKernel(DeviceMatrix<const float> margin, uint32_t lanes,
                                     float* prediction) {
  const size_t row = (size_t{blockIdx.x} * kBlockThreads + threadIdx.x) / lanes;
  const float* const of_row = margin.data + row * margin.stride;
  const SoftmaxSums of = SumSoftmax(of_row, row < margin.rows ? margin.cols : 0, lanes);
  if (row >= margin.rows) return;
  for (uint32_t c = threadIdx.x % lanes; c < margin.cols; c += lanes) {
    prediction[row * margin.cols + c] = expf(of_row[c] - of.largest) / of.sum;
  }
}

template <class T>
absl::Status PredictRows(StreamView stream, const T& target, const PredictionRule& rule,
                         DeviceMatrix<const float> margin, float* prediction) {
  const LaunchShape thread_a_row = OneThreadEach(margin.rows);
  if constexpr (HasJointLoss<T>) {
    CHECK(margin.cols == target.outputs() && rule.offset == nullptr);
    return Launch(stream, thread_a_row, JointPredictKernel<T>, target, margin, prediction);
  } else {
    CHECK(margin.cols == 1);
    const MarginShift shift{rule.shift, rule.offset};
    return Launch(stream, thread_a_row, PredictKernel<T>, target, margin, shift, prediction);
  }
}

absl::Status PredictRows(StreamView stream, const ClassesTarget& target, const PredictionRule& rule,
                         DeviceMatrix<const float> margin, float* prediction) {
  CHECK(margin.cols == target.outputs() && rule.offset == nullptr);
  const uint32_t lanes = LanesOfRow(margin.cols);
  return Launch(stream, OneThreadEach(uint64_t{margin.rows} * lanes), SoftmaxPredictKernel, margin,
                lanes, prediction);
}

}  // namespace

size_t LossPartials(uint32_t rows, uint32_t outputs) {
  return size_t{1 + outputs} * LossBlocks(rows, outputs).blocks;
}

template <class RowLoss>
absl::Status RowLossAsync(StreamView stream, RowLoss row_loss, const LossRows& rows,
                          const LossSlopes& slopes) {
  CheckShapes(rows, slopes);
  CHECK(rows.margin.cols == 1);
  RETURN_IF_ERROR(Launch(stream, LossBlocks(rows.margin.rows, 1), RowLossKernel<RowLoss>, rows,
                         row_loss, slopes));
  return FinishLoss(stream, rows, slopes);
}
template absl::Status RowLossAsync(StreamView, LogisticLoss, const LossRows&, const LossSlopes&);
template absl::Status RowLossAsync(StreamView, PoissonLoss, const LossRows&, const LossSlopes&);
template absl::Status RowLossAsync(StreamView, GammaLoss, const LossRows&, const LossSlopes&);
template absl::Status RowLossAsync(StreamView, TweedieLoss, const LossRows&, const LossSlopes&);
template absl::Status RowLossAsync(StreamView, SquaredLoss, const LossRows&, const LossSlopes&);
template absl::Status RowLossAsync(StreamView, PinballLoss, const LossRows&, const LossSlopes&);

absl::Status JointLossAsync(StreamView stream, const SoftmaxLoss& loss, const LossRows& rows,
                            const LossSlopes& slopes) {
  CheckShapes(rows, slopes);
  const uint32_t classes = rows.margin.cols;
  CHECK(classes > 0 && classes == loss.outputs() && rows.offset == nullptr);
  RETURN_IF_ERROR(Launch(stream, LossBlocks(rows.margin.rows, classes), SoftmaxKernel, rows,
                         LanesOfRow(classes), slopes));
  return FinishJointLoss(stream, rows, slopes);
}

absl::Status JointLossAsync(StreamView stream, const QuantileLoss& loss, const LossRows& rows,
                            const LossSlopes& slopes) {
  CheckShapes(rows, slopes);
  CHECK(rows.margin.cols == loss.outputs() && rows.offset == nullptr);
  RETURN_IF_ERROR(Launch(stream, LossBlocks(rows.margin.rows, rows.margin.cols),
                         JointLossKernel<QuantileLoss>, rows, loss, slopes));
  return FinishJointLoss(stream, rows, slopes);
}

absl::Status TargetLossAsync(StreamView stream, const Target& target, const LossRows& rows,
                             const LossSlopes& slopes) {
  return std::visit(
      [&]<class T>(const T& of) {
        if constexpr (HasJointLoss<T>)
          return JointLossAsync(stream, of.loss, rows, slopes);
        else
          return RowLossAsync(stream, of.loss, rows, slopes);
      },
      target);
}

absl::Status PredictAsync(StreamView stream, const PredictionRule& rule,
                          DeviceMatrix<const float> margin, float* prediction) {
  return std::visit(
      [&](const auto& target) { return PredictRows(stream, target, rule, margin, prediction); },
      rule.target);
}

}  // namespace rubato
