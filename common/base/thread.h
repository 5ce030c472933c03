// Starting threads where the system may refuse them: std::thread throws then.
#pragma once

#include <functional>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rubato {

// A thread that runs `work`. Unavailable, with what helps, when there may be no more of them.
absl::StatusOr<std::thread> StartThread(std::function<void()> work);

// This thread, and those that it starts, get about a quarter of the time that others do where there
// is not enough for all: for work that nobody waits for.
void StandBack();

// Whether `count` threads can be started now, by starting them: for libraries that abort the
// process when they cannot start theirs.
absl::Status NeedThreads(int count);

}  // namespace rubato
