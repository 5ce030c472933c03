// From input files to the dataset files and the encoding of a run.
//
// A CSV file is read three times (scan, fit, write), so that memory holds only what the fit needs
// and training rows pass through the very encoder that predict uses; a file that changes meanwhile
// is an error. LIBSVM rows keep their keys and values and are read twice.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/prepare/data_report.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/target.h"

namespace rubato {

// Asked every few thousand rows: true ends the work with Cancelled.
using StopCheck = std::function<bool()>;
inline constexpr uint64_t kRowsBetweenStopChecks = 4096;

struct DataSource {
  RunConfig config;  // data.path is the file to read, also of generated data
  Target target;     // of target.kind
  // Columns of generated data with the best possible predictions.
  std::vector<std::string> oracle = {};
};

// Writes FOLDER/{train,validation,test}.rbd and FOLDER/encoding.json; `folder` exists and the
// caller removes it after an error. Errors: the readers' and the label's; InvalidArgument for names
// of the run file that are no columns; FailedPrecondition for a part without rows (of both
// classes, where the target has them).
absl::StatusOr<DataReport> PrepareCsv(const DataSource& source, const std::string& folder,
                                      const StopCheck& stop);
absl::StatusOr<DataReport> PrepareLibsvm(const DataSource& source, const std::string& folder,
                                         const StopCheck& stop);

}  // namespace rubato
