// What one step reads and writes, all in device memory. A captured step holds these addresses.
#pragma once

#include <vector>

#include "worker/compute/cuda/kernels/features.h"

namespace rubato {

struct StepArrays {
  const float* numeric = nullptr;  // [rows, numeric columns]
  const float* labels = nullptr;   // [rows]
  const float* weights = nullptr;  // [rows]
  const float* offsets = nullptr;  // [rows] added to the one margin; nullptr: nothing is
  // `positions` are rows of the embedding table's array in `parameters`.
  Features features;
  Segments segments;  // the rows of the embedding table's array in `gradients`
  // By table. Dense: the whole table. Sparse: with the linear term's numeric rows first.
  std::vector<const float*> parameters;
  std::vector<float*> gradients;
  double* loss = nullptr;  // [1] mean over the batch
};

}  // namespace rubato
