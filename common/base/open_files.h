// The limit on open files, looked at before it is reached: ZeroMQ aborts the process in places
// where it gets no descriptor.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rubato {

// Raises this process's limit as far as it may by itself.
void RaiseOpenFileLimit();

// InvalidArgument, naming `purpose` and the limit, unless `count` more files can be opened now.
absl::Status NeedOpenFiles(uint64_t count, absl::string_view purpose);

}  // namespace rubato
