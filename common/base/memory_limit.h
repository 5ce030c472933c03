// How much memory may be used here: what containers and shells allow, and what is free.
#pragma once

#include <cstdint>
#include <string>

namespace rubato {

struct MemoryLimit {
  uint64_t bytes = UINT64_MAX;
  std::string what = "no limit";  // for people: which limit it is
};

// Where the system tells of itself; tests have folders of their own.
struct MemorySources {
  std::string proc = "/proc";
  std::string cgroup = "/sys/fs/cgroup";
};

// Of this process and those beside it together: the smallest limit among its control group (v2, or
// memory of v1) and those above it, and what the machine has left. What cannot be read is no limit.
MemoryLimit MemoryOfHost(const MemorySources& sources = {});

// Of this process alone (ulimit -v), which its children have as well.
MemoryLimit MemoryOfProcess();

}  // namespace rubato
