// Evaluation of a trained model on the validation and test rows of its run.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "worker/compute/model.h"
#include "worker/data/encode/encoding.h"
#include "worker/evaluate/known_weights.h"
#include "worker/evaluate/scoring.h"

namespace rubato {

struct TrainedRun {
  std::string folder;
  const Encoding& encoding;
  uint64_t seed = 0;
};

// Pulls what the rows of FOLDER/data/{validation,test}.rbd need and writes FOLDER/evaluation.json:
// "test"; "constant", the same numbers of the constant of the training rows; "segments"
// (worker/evaluate/segments.h) and "worst_images" (worker/evaluate/worst_images.h) where the target
// and the data have them; "validation" and "top_features" (worker/evaluate/top_features.h) when
// there are validation rows; for generated data "oracle", the same figures of the true means. When
// the error of `go_on` ends it, nothing is written.
absl::Status EvaluateRun(const TrainedRun& run, Model* model, const PullRows& pull,
                         const GoOn& go_on);

}  // namespace rubato
