#include "common/base/thread.h"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <system_error>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/base/system_error.h"

namespace rubato {

absl::StatusOr<std::thread> StartThread(std::function<void()> work) {
  try {
    return std::thread(std::move(work));
  } catch (const std::system_error& error) {
    return SystemError(error.code().value(), "starting a thread");
  }
}

// Linux has a niceness of each thread, which those that it starts inherit.
void StandBack() {
  constexpr int kNice = 5;
  setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
}

absl::Status NeedThreads(int count) {
  std::atomic<bool> end = false;
  std::vector<std::thread> threads;
  absl::Status status;
  for (int i = 0; i < count && status.ok(); ++i) {
    absl::StatusOr<std::thread> thread = StartThread([&end] { end.wait(false); });
    status = thread.status();
    if (thread.ok()) threads.push_back(*std::move(thread));
  }
  end = true;
  end.notify_all();
  for (std::thread& thread : threads) thread.join();
  return status;
}

}  // namespace rubato
