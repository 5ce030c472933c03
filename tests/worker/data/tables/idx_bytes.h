// Idx files made in a test.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rubato {

// The header of `type` and these sizes, greatest first, and the bytes.
inline std::string IdxBytes(const std::vector<uint32_t>& sizes, const std::vector<int>& bytes,
                            char type = 0x08) {
  std::string text = {'\0', '\0', type, static_cast<char>(sizes.size())};
  for (const uint32_t size : sizes) {
    for (const int shift : {24, 16, 8, 0}) text.push_back(static_cast<char>((size >> shift) & 255));
  }
  for (const int byte : bytes) text.push_back(static_cast<char>(byte));
  return text;
}

}  // namespace rubato
