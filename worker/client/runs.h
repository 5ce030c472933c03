// Runs of neighbours in an ascending list of row indices: rows that can be copied at once. With one
// shard that is everything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rubato {

// How many indices, from the first on, follow each other without a gap. Requires one at least.
inline size_t RunLength(std::span<const uint32_t> indices) {
  size_t length = 1;
  while (length < indices.size() && indices[length] == indices[0] + length) ++length;
  return length;
}

}  // namespace rubato
