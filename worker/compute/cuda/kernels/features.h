// The category levels and sparse features of a batch in device memory: "occurrences", numbered
// categories first. With n = rows * columns,
//   i <  n   category column i % columns of row i / columns, value 1
//   i >= n   sparse feature i - n, of row sparse_row[i - n], value sparse_value[i - n]
//
// Sizes are capacities, the same from batch to batch, so that a captured graph fits them all; how
// much of them a batch fills is read from device memory. What it leaves unused is padding, and may
// hold anything: an occurrence of padding has key kNoKey and position kNoRow, a padded row reads as
// zeros, has margin slope 0 and reaches no gradient.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace rubato {

inline constexpr uint64_t kNoKey = ~uint64_t{0};
inline constexpr uint32_t kNoRow = ~uint32_t{0};

// What a batch fills of its capacities.
struct BatchCounts {
  uint32_t rows = 0;
  uint32_t sparse = 0;
};

struct FeatureCounts {
  uint32_t rows = 0;     // rows of a batch
  uint32_t columns = 0;  // category columns
  uint32_t sparse = 0;   // sparse features of all its rows together
  uint32_t categories() const { return rows * columns; }
  uint32_t occurrences() const { return categories() + sparse; }
  friend bool operator==(const FeatureCounts&, const FeatureCounts&) = default;
};

// All in device memory.
struct Features {
  FeatureCounts counts;                  // capacities
  const BatchCounts* filled = nullptr;   // [1]
  const uint32_t* positions = nullptr;   // [occurrences] row of the weights, or kNoRow
  const uint32_t* row_begin = nullptr;   // [rows + 1] of sparse features; nullptr without them
  const uint32_t* sparse_row = nullptr;  // [sparse]
  const float* sparse_value = nullptr;   // [sparse]
};

// Where a row of the network's input, or of its slope, has what:
//   [numeric columns | dim floats of each category column | dim floats of the sparse features' sum]
struct InputLayout {
  uint32_t numeric = 0;  // numeric columns
  uint32_t dim = 0;      // floats of an embedding
  uint32_t bag = 0;      // first column of the sum; only with sparse features
  uint32_t width = 0;    // of all
};

// A row-major matrix in device memory; rows lie `stride` elements apart, what is behind `cols` is
// padding.
template <class T>
struct DeviceMatrix {
  T* data = nullptr;
  uint32_t rows = 0;
  uint32_t cols = 0;
  uint32_t stride = 0;

  // What can be written can be read.
  template <class U>
  requires std::is_same_v<U, const T>
  operator DeviceMatrix<U>() const { return {data, rows, cols, stride}; }
};

// Distinct keys of a batch, ascending, and the occurrences of each. All in device memory.
struct Segments {
  uint32_t capacity = 0;            // most distinct keys there can be: one an occurrence
  const uint32_t* count = nullptr;  // [1] distinct keys
  const uint32_t* begin = nullptr;  // [capacity + 1]: key p occurs at order[begin[p], begin[p + 1])
  const uint32_t* order = nullptr;  // [occurrences] by key, then by number; padding last
};

}  // namespace rubato
