// The update rules of the servers for weights that live on a device: formulas in
// server/table/optimizer.h, the same operations in the same order as server/table/rule.cc, each one
// correctly rounded, none fused (the file is compiled without contraction), and Adam's powers are
// the servers' own (common/base/power_table.h). A step here and a step of a server therefore agree
// to the bit.
//
// Weights and slots are arrays of their own. A sparse table is rows of both; row r's slots begin at
// slots + r * SlotStride(dim) and lie there as they do behind a server's row. A dense table is one
// array of weights, and planes of slots: slot k of weight i is slots[k * plane + i], where plane is
// the number of weights rounded up to 4. Behind the planes Adam has one step count per launched
// block, all equal: blocks of a server's dense table also step together.
//
// All memory is device memory; 16 bytes are moved at a time where rows are multiples of 4 floats
// and arrays begin at multiples of 16 bytes. Everything but Make can be captured in a graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/job/table_spec.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/rule_numbers.h"

namespace rubato {

// A sparse table, or as much of one as is on the device.
struct DeviceRows {
  float* weights = nullptr;  // [rows, dim]
  float* slots = nullptr;    // [rows, SlotStride(dim)]
  uint64_t rows = 0;
  uint32_t dim = 0;
};

// Gradients of distinct rows.
struct RowGradients {
  uint32_t capacity = 0;
  const uint32_t* count = nullptr;  // [1] how many there are, at most capacity
  const uint64_t* keys = nullptr;   // [capacity] row of the table; any other number is passed over
  const float* values = nullptr;    // [capacity, dim]
};

// A dense table.
struct DeviceWeights {
  float* weights = nullptr;  // [size]
  float* slots = nullptr;    // [DenseSlots(size)]
  uint64_t size = 0;
};

class DeviceOptimizer {
 public:
  // Waits for the stream. `spec` is checked already.
  static absl::StatusOr<DeviceOptimizer> Make(const OptimizerSpec& spec, const Stream& stream);

  uint32_t SlotStride(uint32_t dim) const;
  uint64_t DenseSlots(uint64_t size) const;

  // Slots of rows, or of weights, that are newborn.
  absl::Status Init(StreamView stream, const DeviceRows& table) const;
  absl::Status Init(StreamView stream, const DeviceWeights& table) const;

  // One step of each row that has a gradient.
  absl::Status StepRows(StreamView stream, const DeviceRows& table,
                        const RowGradients& gradients) const;

  const RuleNumbers& numbers() const { return numbers_; }

 private:
  DeviceOptimizer(const OptimizerSpec& spec, DeviceArray<double> powers);

  RuleNumbers numbers_;
  DeviceArray<double> powers_;  // of beta1, then of beta2; empty unless the rule counts steps
};

struct DenseStep {
  const DeviceOptimizer* optimizer = nullptr;
  DeviceWeights table;
  const float* gradient = nullptr;  // [table.size]
};

// One step of all weights of each table, kMaxDenseSteps tables a launch. All rules are of one kind.
inline constexpr size_t kMaxDenseSteps = 32;
absl::Status StepDense(StreamView stream, std::span<const DenseStep> steps);

}  // namespace rubato
