// What tells prepared data from other prepared data, whatever folder or host they are in.
#pragma once

#include <cstdint>

namespace rubato {

// 0: nobody knows, and nothing is compared.
struct DataDigests {
  uint64_t encoding = 0;  // of data/encoding.json: what a feature is called and where it begins
  uint64_t rows = 0;      // of the rows of all parts of the split
  friend bool operator==(const DataDigests&, const DataDigests&) = default;
};

}  // namespace rubato
