#include "common/wire/routes.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

TEST(Routes, AConnectionIsForgottenWithAllItSpokeFor) {
  Routes routes;
  routes.Bind(Nonce(1), "a", "");
  routes.Bind(Nonce(2), "a", "");
  routes.Bind(Nonce(3), "b", "");
  EXPECT_EQ(routes.Find(Nonce(2))->id, "a");
  routes.Forget("a");
  EXPECT_EQ(routes.Find(Nonce(1)), nullptr);
  EXPECT_EQ(routes.Find(Nonce(2)), nullptr);
  EXPECT_EQ(routes.Find(Nonce(3))->id, "b");
}

TEST(Routes, ANonceStaysWithTheConnectionItIsBoundTo) {
  Routes routes;
  routes.Bind(Nonce(1), "a", "");
  routes.Bind(Nonce(1), "b", "");
  EXPECT_EQ(routes.Find(Nonce(1))->id, "a");
}

TEST(Routes, TheNoncesOfAConnectionHaveOneBacklog) {
  Routes routes;
  routes.Bind(Nonce(1), "a", "");
  routes.Bind(Nonce(2), "a", "");
  routes.Bind(Nonce(3), "b", "");
  *routes.Find(Nonce(1))->backlog += 5;
  EXPECT_EQ(*routes.Find(Nonce(2))->backlog, 5u);
  EXPECT_EQ(*routes.Find(Nonce(3))->backlog, 0u);
}

TEST(Routes, OneThatClaimsManyNoncesKeepsTheNewestAndHarmsNobody) {
  Routes routes;
  routes.Bind(Nonce(1), "honest", "");
  for (uint64_t n = 2; n < 1'000'000; ++n) routes.Bind(Nonce(n), "flood", "");
  EXPECT_EQ(routes.Find(Nonce(1))->id, "honest");
  EXPECT_EQ(routes.Find(Nonce(999'999))->id, "flood");
  EXPECT_EQ(routes.Find(Nonce(2)), nullptr);
}

TEST(Routes, TheLivingAreLearnedAgainAfterTooManyConnections) {
  Routes routes;
  for (uint64_t n = 1; n <= 70'000; ++n) routes.Bind(Nonce(n), absl::StrCat("route ", n), "");
  EXPECT_EQ(routes.Find(Nonce(1)), nullptr);
  routes.Bind(Nonce(1), "route 1", "");
  EXPECT_EQ(routes.Find(Nonce(1))->id, "route 1");
  EXPECT_EQ(routes.Find(Nonce(70'000))->id, "route 70000");
}

TEST(Routes, ANonceIsItsKeysAlsoWhenTheConnectionIsGone) {
  Routes routes;
  routes.Bind(Nonce(1), "a", "key of one");
  routes.Forget("a");
  EXPECT_TRUE(routes.IsOf(Nonce(1), "key of one"));
  EXPECT_FALSE(routes.IsOf(Nonce(1), "key of another"));
  EXPECT_TRUE(routes.IsOf(Nonce(2), "key of another"));
}

}  // namespace
}  // namespace rubato
