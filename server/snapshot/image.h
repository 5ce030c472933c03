// An image: one shard's part of a snapshot, immutable once captured.
//
// A full image has all rows. An incremental one has those that changed since its base, an older
// image of the same place; its rows replace those of the base. The chain of an image is itself, its
// base, the base of that, and so on to a full one.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/ids.h"
#include "common/wire/message.h"

namespace rubato {

// When an image is incremental.
inline constexpr uint32_t kLongestChain = 8;
struct ChainRule {
  // Whether an image of `changed` bytes may rest on one with `depth` images and `behind` bytes of
  // incremental images in its chain: a restore then reads at most 1.5 times what it reads of a full
  // image, which has `full` bytes.
  static bool Extends(uint32_t depth, uint64_t behind, uint64_t changed, uint64_t full) {
    return depth < kLongestChain && 2 * (behind + changed) <= full;
  }
  // Whether the image that was cut last is the one that later ones may rest on.
  static bool IsBase(const ImageName& last_cut, const ImageName& committed) {
    return last_cut == committed;
  }
};

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
  std::optional<ImageName> base = std::nullopt;  // none: a full image
  uint32_t depth = 0;                            // images of the chain behind it
  friend bool operator==(const ImageHead&, const ImageHead&) = default;
};

// As written: one entry a table. As read: those of its chain, the full image's first, so that a
// table comes several times and rows of a later entry replace those of an earlier one.
struct Image : ImageHead {
  std::vector<TableImage> tables;
  friend bool operator==(const Image&, const Image&) = default;
};

}  // namespace rubato
