// Evaluation of a trained model on the validation and test rows of its run.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "worker/model/model.h"
#include "worker/reader.h"

namespace rubato {

// Pulls what the rows of <run_folder>/data/{validation,test}.rbd need and writes
// <run_folder>/evaluation.json: "test", "validation" and, for generated data, "oracle".
absl::Status EvaluateRun(const std::string& run_folder, Model* model, Reader* reader);

}  // namespace rubato
