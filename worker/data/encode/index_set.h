// Which indices the LIBSVM rows of training held, so that rows to be scored can be told to hold
// others, and a file that counts from another number than the training file can be told at all.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "worker/data/encode/novelty.h"

namespace rubato {

// Indices from `first` to `last`; none while first > last.
struct IndexRange {
  uint64_t first = std::numeric_limits<uint64_t>::max();
  uint64_t last = 0;
  // Also those of a row, increasing.
  void Widen(std::span<const uint64_t> indices);
  friend bool operator==(const IndexRange&, const IndexRange&) = default;
};

// Larger indices are not told apart: one bit each, 16 MiB.
inline constexpr uint64_t kToldIndices = uint64_t{1} << 27;
// Of a set; what would be more is closed to one range.
inline constexpr size_t kMaxIndexRanges = 100'000;

class IndexSet {
 public:
  // Those of a row, increasing.
  void Add(std::span<const uint64_t> indices);
  // Ascending, with gaps between; hold all indices added, and those that are not told apart.
  std::vector<IndexRange> Ranges() const;

 private:
  std::vector<bool> told_;  // by index
  IndexRange beyond_;
};

// Counts in `novelty` the indices of a row, increasing, and those of them that `seen` lacks.
void CountIndices(std::span<const IndexRange> seen, std::span<const uint64_t> indices,
                  uint64_t line, ColumnNovelty* novelty);

// InvalidArgument when one of the files counts from 0 and the other from 1, so that every feature
// would be taken for its neighbour. That one of two files from 0 lacks index 0 alone does not tell
// it: the last index of the other must lie beyond, too.
absl::Status CheckSameFirstIndex(const IndexRange& training, const IndexRange& file);

}  // namespace rubato
