// What the batches of one model share on a GPU: the network and the scratch memory of key finding,
// for a capacity that grows with the largest batch met (train.batch may be far beyond the data).
// None before the first Reserve.
//
// Growing makes new ones; batches in flight, and the graphs that hold addresses, keep those they
// began with until they are done.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/compute/backend.h"
#include "worker/compute/cuda/device/blas_lt.h"
#include "worker/compute/cuda/kernels/unique.h"
#include "worker/compute/cuda/network/network.h"
#include "worker/compute/cuda/network/network_shape.h"
#include "worker/compute/precision.h"

namespace rubato {

// Used by one batch at a time.
struct Scratch {
  BatchShape capacity;
  std::unique_ptr<Network> network;  // null: no batch so far
  std::optional<Unique> unique;      // none: the model has no features
};

class Engine {
 public:
  static absl::StatusOr<std::unique_ptr<Engine>> Make(const GpuModel& model);

  const NetworkShape& shape() const { return shape_; }
  const BatchShape& capacity() const { return scratch_->capacity; }
  const std::shared_ptr<Scratch>& scratch() const { return scratch_; }
  // Makes room for `batch`: scratch() may be another one then.
  absl::Status Reserve(const Batch& batch);

 private:
  Engine(NetworkShape shape, Precision precision)
      : shape_(std::move(shape)), precision_(precision) {}
  absl::Status Build(const BatchShape& capacity);

  const NetworkShape shape_;
  const Precision precision_;
  std::optional<BlasLt> blas_;
  std::shared_ptr<Scratch> scratch_;
};

// Capacity for a batch of which the largest so far did not have room: half as much again, so that
// growing batches are rare.
BatchShape Grown(const BatchShape& capacity, const Batch& batch);

}  // namespace rubato
