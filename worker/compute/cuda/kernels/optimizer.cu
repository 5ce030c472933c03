#include "worker/compute/cuda/kernels/optimizer.h"

#include <algorithm>
#include <bit>
#include <initializer_list>
#include <utility>

#include "common/base/power_table.h"
#include "common/base/status.h"
#include "worker/compute/cuda/device/launch.h"
#include "worker/compute/cuda/kernels/elements.h"
#include "worker/compute/cuda/kernels/update_rules.h"

namespace rubato {
namespace {

// A step is bound by memory: it reads gradient, weight and slots and writes weight and slots, 12
// bytes a weight (sgd), 20 (momentum, adagrad) or 28 (adam, ftrl), and does a few dozen operations
// on them. A thread moves 16 bytes at a time, and loads all that a step needs before it computes;
// the many threads of a processor keep the rest of the loads in flight.

// Where neighbouring weights, their gradient and their slots lie: slot k at slots + k * plane.
struct Cells {
  const float* gradient;
  float* weight;
  float* slots;  // not looked at by rules without slots
  uint64_t plane;
};

template <class Rule, uint32_t kWidth>
__device__ void StepCells(const RuleNumbers& rule, Correction correction, const Cells& cells) {
  const FloatPack<kWidth> gradient = LoadPack<kWidth>(cells.gradient);
  FloatPack<kWidth> weight = LoadPack<kWidth>(cells.weight);
  FloatPack<kWidth> slot0{};
  FloatPack<kWidth> slot1{};
  if constexpr (Rule::kSlots > 0) slot0 = LoadPack<kWidth>(cells.slots);
  if constexpr (Rule::kSlots > 1) slot1 = LoadPack<kWidth>(cells.slots + cells.plane);
#pragma unroll
  for (uint32_t i = 0; i < kWidth; ++i) {
    Cell cell{weight.at[i], slot0.at[i], slot1.at[i]};
    Rule::Step(rule, correction, gradient.at[i], &cell);
    weight.at[i] = cell.weight;
    slot0.at[i] = cell.slot0;
    slot1.at[i] = cell.slot1;
  }
  StorePack<kWidth>(weight, cells.weight);
  if constexpr (Rule::kSlots > 0) StorePack<kWidth>(slot0, cells.slots);
  if constexpr (Rule::kSlots > 1) StorePack<kWidth>(slot1, cells.slots + cells.plane);
}

// Rows: the lanes of a warp are shared out in groups, one a row, each as wide as the row is packs,
// so that a row is read in whole sectors by neighbouring lanes and narrow rows waste none. Rows lie
// anywhere: what is not a multiple of 32 bytes is paid in full sectors.

struct RowLayout {
  uint32_t stride;  // floats from row to row of the slots
  uint32_t lanes;   // a row; a power of two, at most a warp
};

template <class Rule, uint32_t kWidth>
__global__ void StepRowsKernel(RuleNumbers rule, DeviceRows table, RowGradients gradients,
                               RowLayout layout) {
  const uint64_t n =
      uint64_t{blockIdx.x} * (kBlockThreads / layout.lanes) + threadIdx.x / layout.lanes;
  const uint32_t lane = threadIdx.x % layout.lanes;
  uint64_t row = table.rows;
  if (n < min(*gradients.count, gradients.capacity)) row = gradients.keys[n];
  const bool takes = row < table.rows;
  Correction correction{};
  if constexpr (Rule::kCounts) {
    float* const steps = table.slots + (takes ? row : 0) * layout.stride + Rule::kSlots * table.dim;
    // A float counts exactly to 2^24 and stays there.
    const float after = takes ? *steps + 1.0F : 1.0F;
    correction = CorrectionAfter(rule, after);
    __syncwarp();  // all lanes of the row have read
    if (takes && lane == 0) *steps = after;
  }
  if (!takes) return;
  for (uint32_t c = lane * kWidth; c < table.dim; c += layout.lanes * kWidth) {
    float* const slots = Rule::kSlots == 0 ? nullptr : table.slots + row * layout.stride + c;
    const Cells cells{gradients.values + n * table.dim + c, table.weights + row * table.dim + c,
                      slots, table.dim};
    StepCells<Rule, kWidth>(rule, correction, cells);
  }
}

// Dense tables: every block takes kDenseBlockFloats weights of one table, a pack a thread.

constexpr uint32_t kPackFloats = 4;
constexpr uint32_t kDenseBlockFloats = kBlockThreads * kPackFloats;

__host__ __device__ inline uint64_t PlaneFloats(uint64_t size) {
  return (size + kPackFloats - 1) / kPackFloats * kPackFloats;
}

struct DenseSegment {
  RuleNumbers rule;
  DeviceWeights table;
  const float* gradient = nullptr;
  uint32_t first_block = 0;
  bool wide = false;  // all arrays allow moving packs
};

struct DenseSegments {
  DenseSegment at[kMaxDenseSteps];
  uint32_t count = 0;
};

// Counts one step more of this block, and returns the correction to all its threads.
__device__ Correction CountStep(const RuleNumbers& rule, float* steps) {
  __shared__ float correction[2];
  if (threadIdx.x == 0) {
    *steps += 1.0F;
    const auto [rate, scale] = CorrectionAfter(rule, *steps);
    correction[0] = rate;
    correction[1] = scale;
  }
  __syncthreads();
  return {correction[0], correction[1]};
}

template <class Rule>
__global__ void StepDenseKernel(DenseSegments segments) {
  uint32_t s = 0;
  while (s + 1 < segments.count && blockIdx.x >= segments.at[s + 1].first_block) ++s;
  const DenseSegment& segment = segments.at[s];
  const uint32_t block = blockIdx.x - segment.first_block;
  const uint64_t plane = PlaneFloats(segment.table.size);
  Correction correction{};
  if constexpr (Rule::kCounts) {
    correction = CountStep(segment.rule, segment.table.slots + Rule::kSlots * plane + block);
  }
  const uint64_t begin = uint64_t{block} * kDenseBlockFloats + threadIdx.x * kPackFloats;
  const uint64_t end = min(begin + kPackFloats, segment.table.size);
  const auto cells = [&segment, plane](uint64_t i) {
    float* const slots = Rule::kSlots == 0 ? nullptr : segment.table.slots + i;
    return Cells{segment.gradient + i, segment.table.weights + i, slots, plane};
  };
  if (segment.wide && end == begin + kPackFloats) {
    StepCells<Rule, kPackFloats>(segment.rule, correction, cells(begin));
    return;
  }
  for (uint64_t i = begin; i < end; ++i) {
    StepCells<Rule, 1>(segment.rule, correction, cells(i));
  }
}

// Newborn weights [rows, dim], and their slots.
struct Newborn {
  const float* weights;
  float* slots;
  uint64_t rows;
  uint64_t dim;
  uint64_t stride;  // of the slots
};

// FTRL's weight is a closed form of z: takes the z that gives the weight a row is born with.
__global__ void InitFtrlKernel(RuleNumbers rule, Newborn table) {
  const uint64_t i = uint64_t{blockIdx.x} * kBlockThreads + threadIdx.x;
  if (i >= table.rows * table.dim) return;
  const float w = table.weights[i];
  const float scale = rule.inverse_rate + rule.spec.l2;
  if (w == 0.0F) return;
  table.slots[i / table.dim * table.stride + i % table.dim] =
      -(copysignf(rule.spec.l1, w) + w * scale);
}

absl::Status InitSlots(StreamView stream, const RuleNumbers& rule, const Newborn& table,
                       uint64_t slot_floats) {
  RETURN_IF_ERROR(ZeroAsync(stream, table.slots, slot_floats));
  if (rule.spec.kind != OptimizerKind::kFtrl) return absl::OkStatus();
  return Launch(stream, OneThreadEach(table.rows * table.dim), InitFtrlKernel, rule, table);
}

// Whether packs may be moved from and to all of them.
bool AllowPacks(std::initializer_list<const float*> arrays) {
  return std::ranges::all_of(arrays, [](const float* array) {
    return reinterpret_cast<uintptr_t>(array) % (kPackFloats * sizeof(float)) == 0;
  });
}

template <class Rule, uint32_t kWidth>
absl::Status LaunchStepRows(StreamView stream, const RuleNumbers& rule, const DeviceRows& table,
                            const RowGradients& gradients, uint32_t stride) {
  const uint32_t packs = std::max(table.dim / kWidth, 1U);
  const RowLayout layout{.stride = stride, .lanes = std::min(std::bit_ceil(packs), kWarpThreads)};
  return Launch(stream, OneThreadEach(uint64_t{gradients.capacity} * layout.lanes),
                StepRowsKernel<Rule, kWidth>, rule, table, gradients, layout);
}

// The first tables of `steps`, at most kMaxDenseSteps, in one launch.
absl::Status StepSegments(StreamView stream, std::span<const DenseStep> steps) {
  const OptimizerKind kind = steps[0].optimizer->numbers().spec.kind;
  DenseSegments segments;
  uint64_t blocks = 0;
  for (const auto& [optimizer, table, gradient] : steps) {
    CHECK(optimizer->numbers().spec.kind == kind);
    segments.at[segments.count++] = {.rule = optimizer->numbers(),
                                     .table = table,
                                     .gradient = gradient,
                                     .first_block = static_cast<uint32_t>(blocks),
                                     .wide = AllowPacks({table.weights, table.slots, gradient})};
    blocks += (table.size + kDenseBlockFloats - 1) / kDenseBlockFloats;
    CHECK(blocks <= kMaxBlocks);
  }
  return WithKind(kind, [&](auto kind_of_all) {
    return Launch(stream, {.blocks = static_cast<uint32_t>(blocks)},
                  StepDenseKernel<CellRule<kind_of_all()>>, segments);
  });
}

}  // namespace

DeviceOptimizer::DeviceOptimizer(const OptimizerSpec& spec, DeviceArray<double> powers)
    : numbers_{.spec = spec, .inverse_rate = 1.0F / spec.learning_rate},
      powers_(std::move(powers)) {
  if (powers_.size() == 0) return;
  numbers_.powers1 = powers_.data();
  numbers_.powers2 = powers_.data() + PowerTable::kValues;
}

absl::StatusOr<DeviceOptimizer> DeviceOptimizer::Make(const OptimizerSpec& spec,
                                                      const Stream& stream) {
  if (!RuleOf(spec.kind).counts_steps) return DeviceOptimizer(spec, {});
  constexpr size_t kPowers = 2 * PowerTable::kValues;
  ASSIGN_OR_RETURN(DeviceArray<double> powers, DeviceArray<double>::Make(kPowers));
  ASSIGN_OR_RETURN(PinnedArray<double> staged, PinnedArray<double>::Make(kPowers));
  double* to = staged.data();
  for (const float beta : {spec.beta1, spec.beta2}) {
    to = std::ranges::copy(PowerTable(double{beta}).values(), to).out;
  }
  RETURN_IF_ERROR(CopyAsync(stream.view(), powers.data(), staged.data(), kPowers));
  RETURN_IF_ERROR(stream.Wait());
  return DeviceOptimizer(spec, std::move(powers));
}

uint32_t DeviceOptimizer::SlotStride(uint32_t dim) const {
  const UpdateRule& rule = RuleOf(numbers_.spec.kind);
  const uint32_t floats = rule.slots * dim;
  if (!rule.counts_steps) return floats;
  return dim % kPackFloats == 0 ? floats + kPackFloats : floats + 1;
}

uint64_t DeviceOptimizer::DenseSlots(uint64_t size) const {
  const UpdateRule& rule = RuleOf(numbers_.spec.kind);
  const uint64_t blocks = (size + kDenseBlockFloats - 1) / kDenseBlockFloats;
  return rule.slots * PlaneFloats(size) + (rule.counts_steps ? blocks : 0);
}

absl::Status DeviceOptimizer::Init(StreamView stream, const DeviceRows& table) const {
  const uint32_t stride = SlotStride(table.dim);
  return InitSlots(stream, numbers_, {table.weights, table.slots, table.rows, table.dim, stride},
                   table.rows * stride);
}

absl::Status DeviceOptimizer::Init(StreamView stream, const DeviceWeights& table) const {
  return InitSlots(stream, numbers_, {table.weights, table.slots, 1, table.size, table.size},
                   DenseSlots(table.size));
}

absl::Status DeviceOptimizer::StepRows(StreamView stream, const DeviceRows& table,
                                       const RowGradients& gradients) const {
  CHECK(table.dim > 0);
  const uint32_t stride = SlotStride(table.dim);
  const bool wide =
      table.dim % kPackFloats == 0 && AllowPacks({table.weights, table.slots, gradients.values});
  return WithKind(numbers_.spec.kind, [&](auto kind) {
    using Rule = CellRule<kind()>;
    if (wide) {
      return LaunchStepRows<Rule, kPackFloats>(stream, numbers_, table, gradients, stride);
    }
    return LaunchStepRows<Rule, 1>(stream, numbers_, table, gradients, stride);
  });
}

absl::Status StepDense(StreamView stream, std::span<const DenseStep> steps) {
  for (; !steps.empty(); steps = steps.subspan(std::min(steps.size(), kMaxDenseSteps))) {
    RETURN_IF_ERROR(StepSegments(stream, steps.first(std::min(steps.size(), kMaxDenseSteps))));
  }
  return absl::OkStatus();
}

}  // namespace rubato
