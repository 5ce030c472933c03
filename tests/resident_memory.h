// How much memory this process has, for tests of what it may come to.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <fstream>

namespace rubato {

inline size_t ResidentMib() {
  std::ifstream statm("/proc/self/statm");
  size_t all = 0;
  size_t resident = 0;
  statm >> all >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE)) >> 20;
}

}  // namespace rubato
