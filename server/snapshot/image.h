// An image: one shard's part of a snapshot, immutable once captured.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/ids.h"
#include "common/wire/message.h"

namespace rubato {

// Rows of one table: keys[n] and rows[n, row_floats] (weights, then slots) row-major.
struct TableImage {
  TableId table;
  uint32_t row_floats = 0;
  std::vector<RowKey> keys;
  std::vector<float> rows;
  friend bool operator==(const TableImage&, const TableImage&) = default;
};

// All of an image but its tables.
struct ImageHead {
  ImageName name;
  Generation generation;
  Clock clock;  // C; torn (exact = false): highest position
  bool exact = true;
  uint64_t job_fingerprint = 0;     // of the model it belongs to
  uint32_t places = 1;              // shards of the map it was cut under
  std::vector<Position> positions;  // applied(w, p) of members and sealed lives: never `received`
  friend bool operator==(const ImageHead&, const ImageHead&) = default;
};

struct Image : ImageHead {
  std::vector<TableImage> tables;
  friend bool operator==(const Image&, const Image&) = default;
};

}  // namespace rubato
