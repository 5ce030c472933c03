// Prepares a run: everything that its processes read, under DIR.
//
//   DIR/run.toml, config.json             the resolved configuration
//   DIR/job.json                          common/job/job.h
//   DIR/data/{train,validation,test}.rbd  worker/data/dataset/dataset.h
//   DIR/data/encoding.json                worker/data/encode/encoding.h
//   DIR/data/cleansing.json               worker/data/prepare/data_report.h
//
// A new run wants DIR absent or empty, and a failed preparation leaves it so. A resumed one keeps
// its data, and takes the new values of the keys that may change (worker/run_file/run_config.h,
// CheckResumable) into the configuration and the job.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/job/job.h"
#include "worker/data/prepare/data_report.h"
#include "worker/data/prepare/prepare_data.h"
#include "worker/run_file/run_config.h"
#include "worker/run_file/run_config_format.h"

namespace rubato {

enum class PrepareMode : uint8_t { kNew, kResume };
enum class PrepareOutcome : uint8_t {
  kPrepared,
  kNothingToResume,  // prepared anew, as DIR held no run
  kKept,             // the data is that of the run's beginning; `report` is empty
};

struct Prepared {
  PrepareOutcome outcome = PrepareOutcome::kPrepared;
  DataReport report;
  Job job;
};

// InvalidArgument: a folder with something in it (kNew), changed keys or an end before `committed`,
// the clock that is committed in the folder (kResume), what PrepareData and the model refuse.
absl::StatusOr<Prepared> PrepareRun(const RunConfig& config, const std::string& folder,
                                    PrepareMode mode, const StopCheck& stop,
                                    Clock committed = Clock(0));
// What PrepareRun(kResume) would refuse of `config`, whatever is committed in `folder`; changes
// nothing.
absl::Status CheckResume(const RunConfig& config, const std::string& folder);

}  // namespace rubato
