#include "worker/data/prepare/sort_numbers.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace rubato {
namespace {

constexpr size_t kFewNumbers = 2048;
constexpr int kDigitBits = 11;  // counts of a digit stay in the first cache
constexpr size_t kDigits = 6;
constexpr size_t kRadix = size_t{1} << kDigitBits;
constexpr uint64_t kSign = uint64_t{1} << 63;

using Counts = std::array<std::array<size_t, kRadix>, kDigits>;

// Whole numbers in the order of the doubles: IEEE 754 orders magnitudes so already.
uint64_t KeyOf(double number) {
  const auto bits = std::bit_cast<uint64_t>(number);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

double NumberOf(uint64_t key) {
  return std::bit_cast<double>((key & kSign) != 0 ? key ^ kSign : ~key);
}

size_t DigitOf(uint64_t key, size_t digit) { return (key >> (digit * kDigitBits)) % kRadix; }

// Moves the keys to `out`, in the order of one digit and otherwise in theirs.
void Distribute(const std::vector<uint64_t>& keys, size_t digit, std::array<size_t, kRadix>* counts,
                std::vector<uint64_t>* out) {
  size_t before = 0;
  for (size_t& count : *counts) before += std::exchange(count, before);
  for (const uint64_t key : keys) (*out)[(*counts)[DigitOf(key, digit)]++] = key;
}

void SortByDigits(std::vector<double>* numbers) {
  std::vector<uint64_t> keys;
  keys.reserve(numbers->size());
  Counts counts = {};
  for (const double number : *numbers) {
    const uint64_t key = keys.emplace_back(KeyOf(number));
    for (size_t digit = 0; digit < kDigits; ++digit) ++counts[digit][DigitOf(key, digit)];
  }
  *numbers = {};  // the second list of keys takes its place
  std::vector<uint64_t> moved(keys.size());
  for (size_t digit = 0; digit < kDigits; ++digit) {
    // Whole numbers are alike in their lower digits, amounts of one size in the highest.
    if (counts[digit][DigitOf(keys[0], digit)] == keys.size()) continue;
    Distribute(keys, digit, &counts[digit], &moved);
    keys.swap(moved);
  }
  moved = {};
  numbers->reserve(keys.size());
  for (const uint64_t key : keys) numbers->push_back(NumberOf(key));
}

}  // namespace

void SortNumbers(std::vector<double>* numbers) {
  // Which of 0 and -0, which are equal, std::sort puts first is its own affair.
  const bool two_zeros = std::any_of(numbers->begin(), numbers->end(), [](double number) {
    return std::bit_cast<uint64_t>(number) == kSign;
  });
  if (two_zeros || numbers->size() < kFewNumbers) {
    std::sort(numbers->begin(), numbers->end());
  } else {
    SortByDigits(numbers);
  }
}

}  // namespace rubato
