#include "server/shard/frozen_image.h"

#include <utility>

#include "common/base/status.h"

namespace rubato {
namespace {

// Moves what is beyond `rows` rows to `to`, which is empty.
void CutOff(uint64_t rows, size_t row_floats, TableImage* from, TableImage* to) {
  if (from->keys.size() <= rows) return;
  const auto keys = from->keys.begin() + static_cast<std::ptrdiff_t>(rows);
  const auto floats = from->rows.begin() + static_cast<std::ptrdiff_t>(rows * row_floats);
  to->keys.assign(keys, from->keys.end());
  to->rows.assign(floats, from->rows.end());
  from->keys.erase(keys, from->keys.end());
  from->rows.erase(floats, from->rows.end());
}

}  // namespace

FrozenImage::FrozenImage(ImageHead head, std::vector<FrozenTable> tables)
    : head_(std::move(head)), tables_(std::move(tables)), carried_(tables_.size()) {}

FrozenImage::~FrozenImage() {
  for (const FrozenTable& table : tables_) table.rows->Close();
}

std::vector<TableShape> FrozenImage::tables() const {
  std::vector<TableShape> shapes;
  for (const FrozenTable& t : tables_) {
    shapes.push_back(
        {t.table, static_cast<uint32_t>(t.rows->row_floats()), t.rows->rows_at_most()});
  }
  return shapes;
}

absl::Status FrozenImage::Take(size_t table, uint64_t rows, TableImage* out) {
  FrozenRows& frozen = *tables_[table].rows;
  TableImage& carried = carried_[table];
  TableImage taken = std::exchange(carried, {});
  auto more = FrozenRows::Taken::kSome;
  while (taken.keys.size() < rows && more == FrozenRows::Taken::kSome) {
    more = frozen.TakeBlock({&taken.keys, &taken.rows});
  }
  if (more == FrozenRows::Taken::kGivenUp) {
    return absl::AbortedError("a newer snapshot was cut before this one was written");
  }
  CutOff(rows, frozen.row_floats(), &taken, &carried);
  out->keys.insert(out->keys.end(), taken.keys.begin(), taken.keys.end());
  out->rows.insert(out->rows.end(), taken.rows.begin(), taken.rows.end());
  return absl::OkStatus();
}

}  // namespace rubato
