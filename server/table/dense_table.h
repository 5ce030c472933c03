// A dense table's blocks of one place, in one aligned slab.
//
// Block b is the row with key b. A place holds every places-th block (common/job/shard_map.h), in
// key order, so a block's address is one division away. Weights and slots of a block are
// contiguous.
#pragma once

#include <memory>

#include "common/memory/frozen_rows.h"
#include "common/memory/slab_array.h"
#include "common/memory/unit_marks.h"
#include "server/table/optimizer.h"
#include "server/table/table.h"

namespace rubato {

class DenseTable final : public Table {
 public:
  DenseTable(const TableSpec& spec, PlaceId place, uint32_t places, uint64_t seed);

  const TableSpec& spec() const override { return spec_; }
  void Gather(std::span<const RowKey> keys, float* out) const override;
  void Apply(std::span<const RowKey> keys, const float* gradients) override;
  bool Owns(RowKey key) const override;
  size_t RowFloats() const override { return row_floats_; }
  uint64_t StoredRows() const override { return blocks_; }
  void ForEachRow(const std::function<void(RowKey, std::span<const float>)>& visit) const override;
  void RestoreRow(RowKey key, std::span<const float> row) override;
  uint64_t Cut() override { return changed_ = marks_.Cut(); }
  std::shared_ptr<FrozenRows> Freeze(FrozenExtent extent) override;
  void SetBase() override { marks_.SetBase(); }

 private:
  // Requires Owns(key).
  uint64_t IndexOf(RowKey key) const;
  float* RowAt(uint64_t index) const { return slab_.get() + index * stride_; }
  // To be called before a block changes.
  void Touch(uint64_t index);
  RowKey KeyAt(uint64_t index) const { return RowKey(first_ + index * places_); }

  TableSpec spec_;
  uint32_t places_;
  uint64_t first_;   // this place's lowest block
  uint64_t blocks_;  // how many blocks it has
  std::unique_ptr<Optimizer> optimizer_;
  size_t row_floats_;
  size_t stride_;  // row_floats_, rounded up to a cache line
  std::shared_ptr<float[]> slab_;
  UnitMarks marks_;                    // of blocks
  uint64_t changed_ = 0;               // blocks, at the last cut
  std::shared_ptr<FrozenRun> frozen_;  // the blocks at the last cut
  Freezer freezer_;
};

}  // namespace rubato
