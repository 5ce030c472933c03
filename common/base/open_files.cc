#include "common/base/open_files.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "common/base/status.h"

namespace rubato {

void RaiseOpenFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Asks for each descriptor below the limit: /proc may not be there, and reading it takes one.
absl::Status NeedOpenFiles(uint64_t count, absl::string_view purpose) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return absl::OkStatus();
  uint64_t free = 0;
  for (rlim_t file = 0; file < limit.rlim_cur && free < count; ++file) {
    if (fcntl(static_cast<int>(file), F_GETFD) < 0) ++free;
  }
  if (free >= count) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s needs %d more open files, and of the limit of %d only %d are left; raise the limit "
      "(ulimit -n)",
      purpose, count, limit.rlim_cur, free));
}

}  // namespace rubato
