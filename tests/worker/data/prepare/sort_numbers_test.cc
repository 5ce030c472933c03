#include "worker/data/prepare/sort_numbers.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <vector>

#include "common/base/env.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

std::vector<uint64_t> BitsOf(const std::vector<double>& numbers) {
  std::vector<uint64_t> bits;
  for (const double number : numbers) bits.push_back(std::bit_cast<uint64_t>(number));
  return bits;
}

void ExpectSortedAlike(std::vector<double> numbers) {
  std::vector<double> expected = numbers;
  std::sort(expected.begin(), expected.end());
  SortNumbers(&numbers);
  EXPECT_EQ(BitsOf(numbers), BitsOf(expected));
}

// Of all sizes and kinds: whole numbers, amounts, both signs, any bits that are a number.
TEST(SortNumbers, LeavesWhatStdSortLeaves) {
  Rng rng(11);
  const std::vector<std::function<double()>> kinds = {
      [&] { return static_cast<double>(rng.Below(100)); },
      [&] { return std::round(std::exp(rng.Normal() * 3.0) * 100.0) / 100.0; },
      [&] { return rng.Normal(); }, [&] { return 5.0; },
      [&] {
        const auto any = std::bit_cast<double>(rng.Next());
        return std::isnan(any) ? 0.0 : any;
      }};
  for (const auto& kind : kinds) {
    for (const size_t size : {0u, 1u, 2u, 2047u, 2048u, 5000u, 70'000u}) {
      std::vector<double> numbers(size);
      std::generate(numbers.begin(), numbers.end(), kind);
      ExpectSortedAlike(numbers);
    }
  }
}

TEST(SortNumbers, ExtremesAndBothZeros) {
  using Limits = std::numeric_limits<double>;
  Rng rng(12);
  const double some[] = {Limits::max(),
                         -Limits::max(),
                         Limits::min(),
                         Limits::denorm_min(),
                         -Limits::denorm_min(),
                         0.0,
                         1.0,
                         -1.0,
                         Limits::infinity(),
                         -Limits::infinity(),
                         9e15,
                         -0.0};
  for (const size_t kinds : {std::size(some) - 1, std::size(some)}) {  // without -0, and with it
    std::vector<double> numbers(5000);
    for (double& number : numbers) number = some[rng.Below(kinds)];
    ExpectSortedAlike(numbers);
  }
}

}  // namespace
}  // namespace rubato
