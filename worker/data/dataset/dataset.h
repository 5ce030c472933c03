// Prepared data: what a model sees. Columns of one split (train, validation or test) in one file,
// checksummed and mapped into memory; rows are read in any order (worker/spec/batch.h says what a
// row has).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/spec/batch.h"

namespace rubato {

// Read-only rows of one split, mapped from disk. Thread-safe.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual const DatasetShape& shape() const = 0;
  virtual uint64_t rows() const = 0;
  // Of every row, in the order of the file, labels as they were; offsets may be empty: nothing is
  // added to a margin; and so may scales: all are 1.
  virtual std::span<const float> labels() const = 0;
  virtual std::span<const float> weights() const = 0;
  virtual std::span<const float> offsets() const = 0;
  virtual std::span<const float> scales() const { return {}; }
  // Gathers the rows `indices` (each < rows()), in that order: their labels divided by their
  // scales.
  virtual void Read(std::span<const uint64_t> indices, Batch* out) const = 0;
  // The best possible prediction of each row when the data was generated, else empty. [rows,
  // outputs]
  virtual std::span<const float> oracle() const = 0;
};

// Maps `path` and verifies its checksum: DataLoss names the file. FailedPrecondition: another
// version of this program wrote it.
absl::StatusOr<std::unique_ptr<Dataset>> OpenDataset(const std::string& path);

}  // namespace rubato
