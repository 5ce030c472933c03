// The workloads of bench/gpu.sh, the same as in bench/torch_baseline.py, and the least that a step
// of one must do.
//
//   W1  16 numeric and 26 category columns of 400,000 levels, level floor(400000 u^3): one table of
//       10.4 million rows of 16 floats; layers 432-512-256-1, 8,192 rows a batch
//   W2  layers 512-2048-2048-1024-1 (7.3 million weights), 8,192 rows
//   W3  layers 64-256-128-1, 256 or 1,024 rows: a step of some 20 short kernels
//
// Numeric columns are standard normal, a tenth of the labels is 1. kSmoke is the same in small, to
// try the bench itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "worker/data/dataset/dataset.h"
#include "worker/run_file/run_config.h"

namespace rubato {

enum class Scale { kFull, kSmoke };

struct Workload {
  std::string name;
  RunConfig config;
  DatasetShape shape;
  size_t batches = 8;  // that take turns

  size_t rows() const { return static_cast<size_t>(config.train.batch); }
};

Workload MakeW1(Scale scale);
Workload MakeW2(Scale scale, const std::string& precision);
Workload MakeW3(Scale scale, int64_t batch);

std::vector<Batch> MakeBatches(const Workload& workload);
// Of the category columns.
size_t DistinctKeys(const Batch& batch);

// The least a step does: floating-point operations of its products; bytes that device memory must
// read and write, every array once a kernel; bytes that come from the host.
struct StepWork {
  double flops = 0;
  double bytes = 0;
  double upload_bytes = 0;
};
StepWork WorkOf(const Workload& workload, size_t distinct_keys);

// Bytes that finding distinct keys moves (worker/compute/cuda/kernels/unique.h), for keys of 4
// bytes.
double UniqueBytes(double occurrences, double distinct, uint64_t key_space);

}  // namespace rubato
