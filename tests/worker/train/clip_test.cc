#include "worker/train/clip.h"

#include <gtest/gtest.h>

#include <limits>

namespace rubato {
namespace {

Parameters TwoTables() {
  return {{TableId(0), {RowKey(1), RowKey(2)}, {3.0F, 0.0F}}, {TableId(1), {RowKey(0)}, {4.0F}}};
}

TEST(Clip, TheNormIsThatOfAllTablesTogether) { EXPECT_DOUBLE_EQ(NormOf(TwoTables()), 5.0); }

TEST(Clip, ALargerNormIsScaledDownAndKeepsItsDirection) {
  Parameters gradients = TwoTables();
  EXPECT_TRUE(ClipToNorm(2.5, &gradients));
  EXPECT_EQ(gradients[0].values, (Floats{1.5F, 0.0F}));
  EXPECT_EQ(gradients[1].values, (Floats{2.0F}));
}

TEST(Clip, ANormWithinTheBoundIsLeftAlone) {
  Parameters gradients = TwoTables();
  EXPECT_FALSE(ClipToNorm(5.0, &gradients));
  EXPECT_EQ(gradients[0].values, TwoTables()[0].values);
}

TEST(Clip, WhatIsNoNumberIsLeftForTheRefusal) {
  Parameters gradients = TwoTables();
  gradients[1].values[0] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(ClipToNorm(1.0, &gradients));
  EXPECT_EQ(gradients[0].values[0], 3.0F);
}

}  // namespace
}  // namespace rubato
