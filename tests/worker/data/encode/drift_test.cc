#include "worker/data/encode/drift.h"

#include <vector>

#include "common/base/env.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

using Counts = std::vector<uint64_t>;

TEST(Drift, IsTheStabilityIndexOfScorecards) {
  // Of 0.2, 0.3, 0.5 and 0.4, 0.3, 0.3: 0.2 ln 2 - 0.2 ln 0.6.
  EXPECT_NEAR(Drift(Counts{200'000, 300'000, 500'000}, Counts{400'000, 300'000, 300'000}), 0.240795,
              1e-5);
  EXPECT_EQ(Drift(Counts{200, 300, 500}, Counts{200'000, 300'000, 500'000}), 0.0);
}

TEST(Drift, WhatChanceMakesOfFewRowsIsNone) {
  Rng rng(5);
  const Counts trained(kDriftBins, 1000);
  int told = 0;
  for (int file = 0; file < 1000; ++file) {
    Counts now(kDriftBins, 0);
    for (int row = 0; row < 40; ++row) ++now[rng.Below(kDriftBins)];
    told += Drift(trained, now) > 0 ? 1 : 0;
  }
  EXPECT_LE(told, 5);
  EXPECT_GT(Drift(trained, Counts{40, 0, 0, 0, 0, 0, 0, 0, 0, 0}), kGreatDrift);
}

TEST(Drift, NothingIsNoDrift) {
  EXPECT_EQ(Drift(Counts{1, 2}, Counts{0, 0}), 0.0);
  EXPECT_EQ(Drift(Counts{0, 0}, Counts{1, 2}), 0.0);
}

TEST(Drift, RareLevelsAreOneBin) {
  const Counts levels(kDriftLevels + 3, 5);
  const Counts bins = DriftBinsOf(levels);
  ASSERT_EQ(bins.size(), kDriftLevels + 1);
  EXPECT_EQ(bins.back(), 15u);
  EXPECT_EQ(DriftBinsOf(Counts{1, 2, 3}), (Counts{1, 2, 3, 0}));
}

}  // namespace
}  // namespace rubato
