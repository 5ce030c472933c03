// The rows of one sparse table that the categories and sparse features of a batch need, and where
// each of them stands among those rows. Level ids and sparse features share the table's key space:
// one range behind the other.
//
// The two halves are independent, as in worker/spec/batch_keys.h: keys of later batches are
// found while the rows of this one are on their way. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "worker/spec/batch.h"
#include "worker/spec/batch_keys.h"

namespace rubato {

// First key of either kind, and one more than the largest of both.
struct FeatureRanges {
  uint64_t categories = 0;
  uint64_t sparse = 0;
  uint64_t end = 0;
};

class FeatureKeys {
 public:
  explicit FeatureKeys(const FeatureRanges& ranges) : ranges_(ranges), keys_(ranges.end) {}

  const FeatureRanges& ranges() const { return ranges_; }
  // Appends the distinct keys of `batch`, ascending, to `keys`.
  void Find(const Batch& batch, std::vector<RowKey>* keys);
  // From now on the positions below are those of `batch` in `keys`, which has all it needs.
  void Locate(const Batch& batch, std::span<const RowKey> keys);

  std::span<const uint32_t> categories() const { return categories_; }  // [rows, category columns]
  std::span<const uint32_t> sparse() const { return sparse_; }          // [nonzeros]

 private:
  FeatureRanges ranges_;
  BatchKeys keys_;
  std::vector<uint32_t> categories_;
  std::vector<uint32_t> sparse_;
};

}  // namespace rubato
