// The bytes of a run file, before anybody makes sense of them.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace rubato {

// InvalidArgument: a folder, or more than a run file can be; else what reading fails with.
absl::StatusOr<std::string> ReadRunFile(const std::string& path);

}  // namespace rubato
