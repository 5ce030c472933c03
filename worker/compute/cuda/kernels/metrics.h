// How right predicted probabilities in device memory are: sums over the rows of a batch or of a
// whole data set, from which follow the log loss and the Brier score of worker/evaluate/metrics.h.
//
// Sums are weighted, made in double precision and a fixed order, and can be captured in a graph.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/cuda/kernels/features.h"

namespace rubato {

// All in device memory. Labels above 0.5 are positive, others negative, as in ranking.h.
struct Predictions {
  uint64_t rows = 0;                    // or room for so many,
  const BatchCounts* filled = nullptr;  // [1] if that says how many there are
  const float* label = nullptr;         // [rows]
  const float* probability = nullptr;   // [rows]
  const float* weight = nullptr;        // [rows], nullptr: 1 each
};

// Means are sums over `weight`.
struct PredictionSums {
  double weight = 0.0;     // of all rows
  double positives = 0.0;  // weight of the positive ones
  double log_loss = 0.0;   // -ln of the label's probability, kept 1e-15 away from 0 and 1
  double brier = 0.0;      // squared difference of label and probability
};

// doubles of scratch for SumPredictions.
size_t PredictionPartials(uint64_t rows);

// sums[1] in device memory; partials[PredictionPartials(rows)] for this call alone.
absl::Status SumPredictions(StreamView stream, const Predictions& predictions, double* partials,
                            PredictionSums* sums);

}  // namespace rubato
