#include "common/memory/huge_floats.h"

#include <gtest/gtest.h>

#include <thread>

namespace rubato {
namespace {

constexpr size_t kMany = size_t{9} << 20;  // floats: 36 MiB

class HugeFloatsTest : public ::testing::Test {
 protected:
  ~HugeFloatsTest() override { HugeFloats::Shared().Return(); }
};

TEST_F(HugeFloatsTest, ABlockIsUsedAgainForAboutItsSize) {
  Floats first;
  ResizeFresh(&first, kMany);
  ASSERT_EQ(first.size(), kMany);
  EXPECT_EQ(first.get_allocator().memory(), &HugeFloats::Shared());
  first[kMany - 1] = 7;
  const float* at = first.data();
  std::thread([&first] { first = Floats(); }).join();  // as ZeroMQ's I/O thread does
  Floats larger;
  ResizeFresh(&larger, 2 * kMany);
  EXPECT_NE(larger.data(), at);
  Floats second;
  ResizeFresh(&second, kMany - 1);
  EXPECT_EQ(second.data(), at);
  EXPECT_EQ(at[kMany - 1], 7);  // nobody has cleared it
  Floats third;
  ResizeFresh(&third, kMany);
  EXPECT_NE(third.data(), at);
}

TEST_F(HugeFloatsTest, TheOldestGoBackWhereTooManyAreFree) {
  constexpr size_t kHalf = size_t{128} << 20;  // of what is kept: 512 MiB
  Floats blocks[3];
  for (Floats& block : blocks) {
    ResizeFresh(&block, kHalf);
    block[0] = 7;
  }
  for (Floats& block : blocks) block = Floats();
  int used = 0;
  for (Floats& block : blocks) {
    ResizeFresh(&block, kHalf);
    used += block[0] == 7 ? 1 : 0;
  }
  EXPECT_EQ(used, 2);
}

TEST_F(HugeFloatsTest, WhatIsFreeGoesBack) {
  Floats values;
  ResizeFresh(&values, kMany);
  values[kMany / 2] = 7;
  values = Floats();
  HugeFloats::Shared().Return();
  ResizeFresh(&values, kMany);
  EXPECT_EQ(values[kMany / 2], 0);  // the system's, which it has cleared
}

TEST_F(HugeFloatsTest, FewFloatsAndOtherMemoryStayWhereTheyAre) {
  Floats few(3);
  ResizeFresh(&few, 1000);
  EXPECT_EQ(few.size(), 1000U);
  EXPECT_EQ(few.get_allocator().memory(), nullptr);
  HugeFloats other;
  Floats values{UninitializedAllocator<float>(&other)};
  ResizeFresh(&values, kMany);
  EXPECT_EQ(values.size(), kMany);
  EXPECT_EQ(values.get_allocator().memory(), &other);
  values = Floats();
  other.Return();
}

}  // namespace
}  // namespace rubato
