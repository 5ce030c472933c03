// Powers of a number in [0, 1] by two multiplications: std::pow would cost more than a step of a
// narrow row and differs between C libraries, and between hosts and devices.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace rubato {

class PowerTable {
 public:
  static constexpr size_t kOnes = 0;        // values()[kOnes + i] is base^i, i < 256
  static constexpr size_t kTens = 256;      // values()[kTens + i] is base^(256 i), i < 256
  static constexpr size_t kHundreds = 512;  // values()[kHundreds + i] is base^(65536 i), i <= 256
  static constexpr size_t kValues = 769;

  explicit PowerTable(double base);
  // base^n for n in [0, 2^24]: the product of three values, from the left.
  double Power(uint32_t n) const {
    return values_[kOnes + (n & 255)] * values_[kTens + ((n >> 8) & 255)] *
           values_[kHundreds + (n >> 16)];
  }
  // For a copy of the table elsewhere.
  std::span<const double, kValues> values() const { return values_; }

 private:
  std::array<double, kValues> values_;
};

}  // namespace rubato
