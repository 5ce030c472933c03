// What tells the prepared data of a run folder from other data (common/job/data_digests.h).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/job/data_digests.h"

namespace rubato {

// Reads the heads of dataset files alone: they hold the checksums of the rows, which OpenDataset
// compares. Errors name the file.
absl::StatusOr<DataDigests> DigestsOfData(const std::string& run_folder);
// The same of the encoding alone, for who reads rows from elsewhere.
absl::StatusOr<DataDigests> DigestOfEncoding(const std::string& run_folder);

}  // namespace rubato
