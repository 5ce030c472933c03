// encoding.json, which predict reads back. It ends with its checksum
// (common/base/checksummed_text.h), and parsing checks every field all the same.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "worker/data/encode/encoding.h"

namespace rubato {

std::string FormatEncoding(const Encoding& encoding);
// InvalidArgument names the field that is missing or wrong.
absl::StatusOr<Encoding> ParseEncoding(const std::string& json);
// DIR/data/encoding.json of a run folder; errors name the file.
absl::StatusOr<Encoding> LoadEncoding(const std::string& run_folder);

}  // namespace rubato
