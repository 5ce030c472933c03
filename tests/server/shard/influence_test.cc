#include "server/shard/influence.h"

#include <cmath>
#include <vector>

#include "common/base/env.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

double Cosine(const SeatInfluence& of) { return of.dot / std::sqrt(of.own * of.others); }

class InfluenceTest : public testing::Test {
 protected:
  static constexpr size_t kDim = 16;
  static constexpr size_t kRows = 400;

  InfluenceTest() {
    for (uint64_t i = 0; i < kRows; ++i) keys_.emplace_back(1'000'003 * i);
    for (size_t i = 0; i < kRows * kDim; ++i) truth_.push_back(Normal());
  }
  float Normal() { return static_cast<float>(rng_.Normal()); }
  // What all workers agree on, times `scale`, with as much noise.
  void Push(uint32_t seat, float scale) {
    std::vector<float> gradients(truth_.size());
    for (size_t i = 0; i < gradients.size(); ++i) gradients[i] = scale * (truth_[i] + Normal());
    const GradientRows rows{TableId(1), keys_, gradients.data(), kDim};
    influence_.Note(SeatId(seat), std::vector{rows});
  }

  Rng rng_{7};
  std::vector<RowKey> keys_;
  std::vector<float> truth_;
  Influence influence_;
};

TEST_F(InfluenceTest, HonestWorkersAreAlikeAndWhoTurnsGradientsRoundIsNot) {
  for (int i = 0; i < 60; ++i) {
    for (uint32_t seat = 0; seat < 4; ++seat) Push(seat, seat == 3 ? -1.0F : 1.0F);
  }
  const std::vector<SeatInfluence> all = influence_.all();
  ASSERT_EQ(all.size(), 4u);
  for (uint32_t seat = 0; seat < 3; ++seat) {
    EXPECT_EQ(all[seat].seat, SeatId(seat));
    EXPECT_EQ(all[seat].samples, 60u);
    EXPECT_GT(Cosine(all[seat]), 0.3);
  }
  EXPECT_LT(Cosine(all[3]), -0.3);
}

TEST_F(InfluenceTest, WhoseGradientsAreLargeHasMostOfTheSquares) {
  for (int i = 0; i < 10; ++i) {
    Push(0, 1.0F);
    Push(1, 10.0F);
  }
  const std::vector<SeatInfluence> all = influence_.all();
  EXPECT_NEAR(all[1].squared_norm / all[0].squared_norm, 100, 10);
  // Exact, but for the rounding of floats: two variances a gradient.
  EXPECT_NEAR(all[0].squared_norm / (10.0 * kRows * kDim), 2.0, 0.1);
}

TEST_F(InfluenceTest, StrangersToEachOtherHaveNoCosine) {
  for (int i = 0; i < 60; ++i) {
    for (uint32_t seat = 0; seat < 2; ++seat) {
      for (float& x : truth_) x = Normal();
      Push(seat, 1.0F);
    }
  }
  for (const SeatInfluence& of : influence_.all()) EXPECT_NEAR(Cosine(of), 0, 0.1);
}

// Rows longer than a sketch go around it.
TEST_F(InfluenceTest, ALongRowCountsWhole) {
  const std::vector<float> gradients(3 * Influence::kBuckets + 5, 2.0F);
  const std::vector<RowKey> one = {RowKey(9)};
  const GradientRows rows{TableId(0), one, gradients.data(), gradients.size()};
  influence_.Note(SeatId(0), std::vector{rows});
  EXPECT_EQ(influence_.all()[0].squared_norm, 4.0 * static_cast<double>(gradients.size()));
}

}  // namespace
}  // namespace rubato
