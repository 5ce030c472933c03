#include "common/base/memory_limit.h"

#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

constexpr uint64_t kMib = 1 << 20;

// A /proc and a /sys/fs/cgroup of its own. The machine has 1000 MiB left.
class MemoryLimitTest : public ::testing::Test {
 protected:
  MemoryLimitTest() { Write("proc/meminfo", "MemFree:  5 kB\nMemAvailable:  1024000 kB\n"); }
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path full = std::filesystem::path(scratch_.path()) / path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
  }
  MemoryLimit Limit() const {
    return MemoryOfHost({scratch_.path() + "/proc", scratch_.path() + "/cgroup"});
  }

  ScratchFolder scratch_;
};

TEST_F(MemoryLimitTest, WithoutAGroupItIsWhatTheMachineHasLeft) {
  EXPECT_EQ(Limit().bytes, 1000 * kMib);
  EXPECT_EQ(Limit().what, "what this machine has left");
}

TEST_F(MemoryLimitTest, WhatCannotBeReadIsNoLimit) {
  const MemoryLimit limit = MemoryOfHost({"/nowhere", "/nowhere"});
  EXPECT_EQ(limit.bytes, UINT64_MAX);
}

TEST_F(MemoryLimitTest, OfVersionTwoTheSmallestOnTheWayUpCounts) {
  Write("proc/self/cgroup", "0::/pod/box/inner\n");
  Write("cgroup/pod/box/inner/memory.max", "max\n");
  Write("cgroup/pod/box/memory.max", "524288000\n");
  Write("cgroup/pod/memory.max", "734003200\n");
  EXPECT_EQ(Limit().bytes, 500 * kMib);
  EXPECT_EQ(Limit().what, scratch_.path() + "/cgroup/pod/box/memory.max");
  Write("cgroup/pod/memory.max", "104857600\n");
  EXPECT_EQ(Limit().bytes, 100 * kMib);
}

TEST_F(MemoryLimitTest, AContainerSeesItsOwnGroupAsTheRoot) {
  Write("proc/self/cgroup", "0::/docker/4711\n");
  Write("cgroup/memory.max", "104857600\n");
  EXPECT_EQ(Limit().bytes, 100 * kMib);
}

TEST_F(MemoryLimitTest, OfVersionOneTheGroupOfMemoryCounts) {
  Write("proc/self/cgroup", "5:cpu,cpuacct:/fast\n4:hugetlb,memory:/box\n0::/\n");
  Write("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  Write("cgroup/memory/box/memory.limit_in_bytes", "209715200\n");
  Write("cgroup/memory/fast/memory.limit_in_bytes", "1\n");
  EXPECT_EQ(Limit().bytes, 200 * kMib);
}

TEST_F(MemoryLimitTest, ALargerLimitThanWhatIsLeftDoesNotCount) {
  Write("proc/self/cgroup", "0::/\n");
  Write("cgroup/memory.max", "9000000000\n");
  EXPECT_EQ(Limit().what, "what this machine has left");
}

}  // namespace
}  // namespace rubato
