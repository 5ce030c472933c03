// Starting threads where the system may refuse them: std::thread throws then.
#pragma once

#include <functional>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rubato {

// A thread that runs `work`. Unavailable, with what helps, when there may be no more of them.
absl::StatusOr<std::thread> StartThread(std::function<void()> work);

// Whether `count` threads can be started now, by starting them: for libraries that abort the
// process when they cannot start theirs.
absl::Status NeedThreads(int count);

}  // namespace rubato
