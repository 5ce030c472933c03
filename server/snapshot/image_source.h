// What a store writes: an image whose rows are handed out once, while they are written. So nobody
// needs all of them at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/snapshot/image.h"

namespace rubato {

// A table of an image, before its rows are known.
struct TableShape {
  TableId table;
  uint32_t row_floats = 0;
  uint64_t rows = 0;
  uint64_t row_bytes() const { return sizeof(uint64_t) + uint64_t{row_floats} * sizeof(float); }
  uint64_t bytes() const { return rows * row_bytes(); }
  friend bool operator==(const TableShape&, const TableShape&) = default;
};

// Owned by one thread at a time.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  virtual const ImageHead& head() const = 0;
  // Tables in order; of the rows at most so many are handed out.
  virtual std::vector<TableShape> tables() const = 0;
  // Appends the next `rows` rows of the table number `table`, fewer at its end only. Aborted: its
  // owner has given it up, since a newer one was cut.
  virtual absl::Status Take(size_t table, uint64_t rows, TableImage* out) = 0;
};

// An image that is all in memory.
class HeldImage final : public ImageSource {
 public:
  explicit HeldImage(const Image* image) : image_(*image), taken_(image->tables.size()) {}

  const ImageHead& head() const override { return image_; }
  std::vector<TableShape> tables() const override {
    std::vector<TableShape> shapes;
    for (const TableImage& t : image_.tables) {
      shapes.push_back({t.table, t.row_floats, t.keys.size()});
    }
    return shapes;
  }
  absl::Status Take(size_t table, uint64_t rows, TableImage* out) override {
    const TableImage& from = image_.tables[table];
    const uint64_t first = taken_[table];
    const uint64_t end = first + std::min<uint64_t>(rows, from.keys.size() - first);
    const auto at = [](const auto& list, uint64_t i) {
      return list.begin() + static_cast<std::ptrdiff_t>(i);
    };
    out->keys.insert(out->keys.end(), at(from.keys, first), at(from.keys, end));
    out->rows.insert(out->rows.end(), at(from.rows, first * from.row_floats),
                     at(from.rows, end * from.row_floats));
    taken_[table] = end;
    return absl::OkStatus();
  }

 private:
  const Image& image_;
  std::vector<uint64_t> taken_;  // rows of each table
};

}  // namespace rubato
