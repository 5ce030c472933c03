// The bytes that golden texts name in hexadecimal, two digits each. Abseil's own reader changed its
// signature between the releases that this is built with.
#pragma once

#include <cstddef>
#include <string>

namespace rubato {

// Requires an even number of the digits 0-9 and a-f.
inline std::string HexBytes(const std::string& digits) {
  const auto value = [](char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; };
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(value(digits[i]) * 16 + value(digits[i + 1])));
  }
  return bytes;
}

}  // namespace rubato
