// The tables of a model, whole, with their optimizers, in device memory: what servers hold for a
// fleet. First weights are the servers' own, so the same seed begins with the same model.
//
// A sparse table has a row for every key of its key space: it must fit, unlike a server's, which
// makes a row when its key is first used.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/optimizer.h"
#include "worker/compute/cuda/network/network_shape.h"
#include "worker/compute/cuda/network/step_arrays.h"
#include "worker/spec/parameters.h"

namespace rubato {

class DeviceTables {
 public:
  // Waits for `stream`. ResourceExhausted: the tables do not fit.
  static absl::StatusOr<DeviceTables> Make(const NetworkShape& shape, uint64_t seed,
                                           const Stream& stream);

  const float* weights(size_t table) const { return tables_[table].weights.data(); }
  // One step of each table: `gradients` by table, sparse ones those of `keys`, as a network makes
  // them. May be captured.
  struct Gradients {
    const std::vector<float*>* of_table;
    Segments segments;
    const uint64_t* keys;  // [segments.capacity]
  };
  absl::Status Step(StreamView stream, const NetworkShape& shape, const Gradients& gradients);
  // Fills in the values of `rows`. Waits.
  absl::Status Read(const Stream& stream, Parameters* rows) const;

 private:
  struct Table {
    uint32_t dim = 1;
    uint64_t rows = 0;  // dense: blocks
    DeviceOptimizer optimizer;
    DeviceArray<float> weights;  // [rows, dim]
    DeviceArray<float> slots;
  };
  DeviceTables() = default;
  absl::Status Add(const TableSpec& spec, uint64_t rows, const Stream& stream);
  static absl::Status Fill(const TableSpec& spec, uint64_t seed, const Stream& stream,
                           Table* table);
  static absl::Status InitSlots(const TableSpec& spec, StreamView stream, Table* table);
  absl::Status StepSparse(StreamView stream, size_t table, uint64_t first,
                          const Gradients& gradients);

  std::vector<Table> tables_;
  DeviceArray<uint64_t> numeric_keys_;   // 0, 1, ... : the linear term's first rows
  DeviceArray<uint32_t> numeric_count_;  // [1]
};

}  // namespace rubato
