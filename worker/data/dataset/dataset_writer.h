// Writes a dataset file, row by row.
//
// Each section streams through a small buffer to its place in a common/base/draft.h, which the disk
// begins to write at once, where the size of the file is known before its rows are. Else it goes
// into a spill file beside `path` that has no name any more, so that a process that dies leaves
// nothing behind, and Finish() joins them in the draft. `path` is either way the old file or the
// whole new one, never a part. Memory: one buffer per section, whatever the number of rows.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/data/dataset/dataset.h"

namespace rubato {

// One row; the spans need to live during AddRow only.
struct RowView {
  std::span<const float> numeric = {};  // [numeric_columns], finite
  std::span<const uint32_t> categories =
      {};                               // [category_columns], each in its column's range of levels
  std::span<const uint64_t> keys = {};  // sparse part: keys < shape.sparse_keys
  std::span<const float> values = {};   // and their values, finite, as many
  float label = 0;                      // finite
  float weight = 1;                     // finite, >= 0
  float offset = 0;                     // finite; 0 unless shape.offsets
  float scale = 1;                      // finite, above 0; 1 unless shape.scales
  // The best possible prediction, of generated data: finite, as many in all rows of a file; or
  // empty.
  std::span<const float> oracle = {};
};

// What a file will hold, where that is known before its first row.
struct DatasetSize {
  uint64_t rows = 0;
  uint64_t entries = 0;  // of the sparse part: keys of all rows
  uint64_t oracle = 0;   // floats of each row
};

class DatasetWriter {
 public:
  virtual ~DatasetWriter() = default;
  // Errors: a shape out of bounds, a folder that is not there or not writable.
  static absl::StatusOr<std::unique_ptr<DatasetWriter>> Create(const std::string& path,
                                                               const DatasetShape& shape);
  // Of a file of this size. Rows that are more or fewer are InvalidArgument.
  static absl::StatusOr<std::unique_ptr<DatasetWriter>> Create(const std::string& path,
                                                               const DatasetShape& shape,
                                                               const DatasetSize& size);
  // InvalidArgument names the row (0-based) and what does not fit the shape; after any error the
  // file can only be given up.
  virtual absl::Status AddRow(const RowView& row) = 0;
  // Publishes the file; to be called once, last. Without it nothing is left on the disk.
  virtual absl::Status Finish() = 0;
  virtual uint64_t rows() const = 0;
};

}  // namespace rubato
