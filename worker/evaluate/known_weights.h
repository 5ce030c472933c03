// Weights that a reader has pulled, kept from one chunk of rows to the next: a dense table crosses
// the wire once, and a sparse row once for as long as there is room.
//
// The bound is on memory, not on staleness: what is read is a trained model that stands still. When
// the rows of a table outgrow kMaxKnownFloats, all of them are forgotten, since no order of use is
// kept; the next chunk pulls its own. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "worker/compute/model.h"

namespace rubato {

// Keys in, the same keys with their weights out: Reader::Pull, or a table of a test.
using PullRows = std::function<absl::StatusOr<Parameters>(Parameters keys)>;

// 256 MiB of weights a table.
inline constexpr size_t kMaxKnownFloats = size_t{64} << 20;

class KnownWeights {
 public:
  KnownWeights(const std::vector<TableSpec>& tables, PullRows pull,
               size_t max_floats = kMaxKnownFloats);

  // Gives `rows`, keys as Model::FindKeys found them, their weights; pulls those not yet known.
  absl::Status Fill(Parameters* rows);

 private:
  struct Known {
    size_t dim = 1;
    absl::flat_hash_map<RowKey, size_t> offset;  // of a row's first float in `values`
    std::vector<float> values;
  };
  Parameters FindMissing(const Parameters& rows);
  void Remember(const Parameters& pulled);

  const PullRows pull_;
  const size_t max_floats_;
  std::vector<Known> known_;  // by table
};

}  // namespace rubato
