// Prepared data: what a model sees. Columns of one split (train, validation or test) in one file,
// checksummed and mapped into memory; rows are read in any order.
//
// A row has `numeric_columns` floats (cleansed, standardised), `category_columns` level ids in one
// id space over all columns (column k owns [level_begin[k], level_begin[k+1])), and, for LIBSVM
// input, a sparse list of (key, value). Each of the three may be empty.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rubato {

// Rows gathered for one iteration; row-major, owned by the batch and reused from one to the next.
struct Batch {
  size_t rows = 0;
  size_t numeric_columns = 0;
  size_t category_columns = 0;
  std::vector<float> numeric;        // [rows, numeric_columns]
  std::vector<uint32_t> categories;  // [rows, category_columns] level ids
  std::vector<uint32_t> row_begin;   // [rows + 1] offsets into keys, values; or empty
  std::vector<uint64_t> keys;        // sparse feature keys
  std::vector<float> values;         // and their values
  std::vector<float> labels;         // [rows] 0 or 1
  std::vector<float> weights;        // [rows] class weight, 1 unless asked for
};

// What the columns are, the same for the three splits of a run.
struct DatasetShape {
  uint64_t numeric_columns = 0;
  uint64_t category_columns = 0;
  uint64_t levels = 0;                // size of the id space of category levels
  uint64_t sparse_keys = 0;           // one past the largest sparse key
  std::vector<uint64_t> level_begin;  // [category_columns + 1]
  float base_margin = 0.0F;           // log odds that a model begins with; in no dataset file
  friend bool operator==(const DatasetShape&, const DatasetShape&) = default;
};

// Read-only rows of one split, mapped from disk. Thread-safe.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual const DatasetShape& shape() const = 0;
  virtual uint64_t rows() const = 0;
  virtual uint64_t positives() const = 0;
  // Gathers the rows `indices` (each < rows()), in that order.
  virtual void Read(std::span<const uint64_t> indices, Batch* out) const = 0;
  // True default probability of each row when the data was generated, else empty. [rows]
  virtual std::span<const float> true_probability() const = 0;
};

// Maps `path` and verifies its checksum: DataLoss names the file.
absl::StatusOr<std::unique_ptr<Dataset>> OpenDataset(const std::string& path);

}  // namespace rubato
