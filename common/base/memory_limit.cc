#include "common/base/memory_limit.h"

#include <sys/resource.h>

#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace rubato {
namespace {

// Of v1, which says "no limit" by the largest number of whole pages.
constexpr uint64_t kUnlimited = uint64_t{1} << 60;

// The first number of `path`; `otherwise` where it has none, as "max".
uint64_t NumberIn(const std::string& path, uint64_t otherwise) {
  std::ifstream file(path);
  std::string word;
  uint64_t number = 0;
  return file >> word && absl::SimpleAtoi(word, &number) ? number : otherwise;
}

void Lower(uint64_t bytes, const std::string& what, MemoryLimit* limit) {
  if (bytes < kUnlimited && bytes < limit->bytes) *limit = {bytes, what};
}

// A group has the limits of all above it. In a container its path may begin outside of what is
// mounted, and then only the last of them are found.
void LowerByGroups(const std::string& mounted, std::string group, const char* file,
                   MemoryLimit* limit) {
  for (;;) {
    const std::string path = absl::StrCat(mounted, group == "/" ? "" : group, "/", file);
    Lower(NumberIn(path, kUnlimited), path, limit);
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos || group.empty()) return;
    group.resize(slash);
  }
}

}  // namespace

MemoryLimit MemoryOfHost(const MemorySources& sources) {
  MemoryLimit limit;
  std::string line;
  std::ifstream groups(sources.proc + "/self/cgroup");
  while (std::getline(groups, line)) {  // NUMBER:CONTROLLERS:PATH
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    const std::vector<std::string> controllers = absl::StrSplit(parts[1], ',');
    if (parts[1].empty()) LowerByGroups(sources.cgroup, parts[2], "memory.max", &limit);
    for (const std::string& controller : controllers) {
      if (controller != "memory") continue;
      LowerByGroups(sources.cgroup + "/memory", parts[2], "memory.limit_in_bytes", &limit);
    }
  }
  std::ifstream memory(sources.proc + "/meminfo");
  while (std::getline(memory, line)) {  // "MemAvailable:   123 kB"
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    uint64_t kib = 0;
    if (words.size() != 3 || words[0] != "MemAvailable:") continue;
    if (absl::SimpleAtoi(words[1], &kib)) Lower(kib << 10, "what this machine has left", &limit);
  }
  return limit;
}

MemoryLimit MemoryOfProcess() {
  MemoryLimit limit;
  rlimit address_space{};
  if (getrlimit(RLIMIT_AS, &address_space) != 0) return limit;
  if (address_space.rlim_cur != RLIM_INFINITY) {
    Lower(address_space.rlim_cur, "ulimit -v", &limit);
  }
  return limit;
}

}  // namespace rubato
