#include "common/memory/huge_floats.h"

#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace rubato {
namespace {

constexpr size_t kMany = size_t{16} << 20;  // floats: 64 MiB

class OtherMemory : public FloatMemory {
 public:
  void* Allocate(size_t bytes) override { return std::malloc(bytes); }
  void Free(void* memory, size_t) override { std::free(memory); }
};

// Whether the system was asked for huge pages under the middle of `values`.
bool Asked(const Floats& values) {
  const auto middle = reinterpret_cast<uintptr_t>(&values[values.size() / 2]);
  std::ifstream smaps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " ", &begin, &end) == 2) {
      inside = begin <= middle && middle < end;
    }
    if (inside && line.starts_with("VmFlags:")) return line.find(" hg") != std::string::npos;
  }
  ADD_FAILURE() << "no such memory";
  return false;
}

class HugeFloatsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists("/sys/kernel/mm/transparent_hugepage")) {
      GTEST_SKIP() << "this kernel has no huge pages";
    }
  }
};

TEST_F(HugeFloatsTest, ManyFloatsOfTheHeapAreAskedFor) {
  Floats values(kMany);
  EXPECT_FALSE(Asked(values));
  PreferHugePages(&values);
  EXPECT_TRUE(Asked(values));
}

TEST_F(HugeFloatsTest, FewAndOtherMemoryAreLeftAsTheyAre) {
  Floats few(kMany / 4);
  PreferHugePages(&few);
  EXPECT_FALSE(Asked(few));
  OtherMemory memory;
  Floats other(kMany, UninitializedAllocator<float>(&memory));
  PreferHugePages(&other);
  EXPECT_FALSE(Asked(other));
  Floats none;
  PreferHugePages(&none);
}

}  // namespace
}  // namespace rubato
