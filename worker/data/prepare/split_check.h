// Whether the parts of a split can be trained on and measured with: each that has a share needs
// rows of both classes.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/prepare/data_report.h"
#include "worker/data/prepare/split.h"
#include "worker/run_file/run_config.h"

namespace rubato {

// MakeSplit, with what a person should know of it added to `warnings`: that it is stratified, and
// parts of few rows of a class. InvalidArgument: split.test_from is no time. FailedPrecondition
// when a part lacks a class: `where` names the file, and the keys that would give it one are named
// with their values, if there are any.
absl::StatusOr<RowParts> MakeCheckedSplit(const SplitRows& rows, const SplitConfig& split,
                                          TestFile test_file, const std::string& where,
                                          std::vector<Warning>* warnings);

SplitReport ReportSplit(const SplitConfig& split, const RowParts& made);

}  // namespace rubato
