// A sparse table's rows of one place: a KeyIndex whose payload is the row itself where it is tiny
// (up to four floats: one cache miss per row), else a pointer to the row in a slab (two misses, but
// rows that never move, no memory for empty rows, and dim 16 rows on whole cache lines).
//
// A row is born, with its first weights and slots, by the first push of its key; a pull computes
// the first weights of an unknown key and keeps nothing. Batches run through stages in groups of
// keys, so that the lines of some 24 rows are on their way from memory at any moment.
//
// What has changed since the last cut, and has to be copied before it changes while a writer takes
// the rows of that cut out: rows in the index by marks of their buckets
// (common/memory/key_index.h); for rows in the slab a pointer has, in its upper 16 bits, the tag of
// the interval between two cuts in which the row was changed last. So a row that was changed since
// the cut already costs a comparison in a line that is at hand.
//
// Measured with bench/table_bench.cc on one core of a shared 2-core EPYC machine, random rows out
// of 10 M, nothing warm: gather 60 M rows/s at dim 1 and 30 M at dim 16 (a flat array addressed by
// row number, with no key to look up: 125 and 100 M; a cold line costs 8.5 ns and a dim 16 row has
// two); AdaGrad apply at dim 16 runs at 0.95 of adding to such an array. In cache: 90 to 105 M
// rows/s.
#pragma once

#include <array>
#include <memory>

#include "common/memory/key_index.h"
#include "common/memory/slab.h"
#include "server/table/optimizer.h"
#include "server/table/table.h"

namespace rubato {

class SparseTable final : public Table {
 public:
  SparseTable(const TableSpec& spec, PlaceId place, uint32_t places, uint64_t seed);

  const TableSpec& spec() const override { return spec_; }
  void Gather(std::span<const RowKey> keys, float* out) const override;
  void Apply(std::span<const RowKey> keys, const float* gradients) override;
  bool Owns(RowKey key) const override;
  size_t RowFloats() const override { return row_floats_; }
  uint64_t StoredRows() const override { return index_.size(); }
  void ForEachRow(const std::function<void(RowKey, std::span<const float>)>& visit) const override;
  void RestoreRow(RowKey key, std::span<const float> row) override;
  uint64_t Cut() override;
  std::shared_ptr<FrozenRows> Freeze(FrozenExtent extent) override;
  void SetBase() override;

 private:
  // Keys that go through the stages together, and the groups on the way at a time: two between
  // asking for a bucket and reading it, two for an overflow bucket, one for the rest of the row.
  static constexpr size_t kGroup = 16;
  static constexpr size_t kStages = 6;
  struct Group {
    std::span<const RowKey> keys;  // at most kGroup; empty when there is nothing to do
    uint64_t hashes[kGroup];
    float* rows[kGroup];
    uint64_t moves;  // index_.moves() when the rows were looked up
    uint32_t first;  // a bit a key: its row changes for the first time since the cut
  };
  // Calls use(group) for all keys in order. `access` is how it comes to their rows: to read them or
  // to change them. The first `floats` floats of rows are prefetched.
  template <class Access, class Use>
  void ForGroups(std::span<const RowKey> keys, size_t floats, Access access, Use use) const;
  // The stages.
  void Enter(std::span<const RowKey> keys, Group& group) const;
  template <class Access>
  void LookAtHome(size_t floats, Access& access, Group& group) const;
  template <class Access>
  void LookFurther(size_t floats, Access& access, Group& group) const;

  template <bool kInline>
  struct Reading;
  template <bool kInline>
  struct Changing;

  // Of a payload of the index.
  template <bool kInline>
  static float* RowOf(const void* payload);
  float* RowOf(const void* payload) const;
  // The payload of key i of a group, or nullptr, whose row is about to change: if for the first
  // time since the cut, that is noted, and TouchFirst tells it to the slab.
  void* FindToChange(size_t i, Group& group);
  void TouchHomes(Group& group);
  void TouchFirst(const Group& group);
  void ForgetOldTags();
  // The stored row of a key, or nullptr.
  float* FindRow(uint64_t hash, RowKey key) const;
  // Memory for the row of a key that has none, to be filled by the caller.
  float* AddRow(uint64_t hash, RowKey key);
  // An unknown key gets a row with its first weights and slots.
  float* MakeRow(uint64_t hash, RowKey key);
  void PrefetchRow(const float* row, size_t floats) const;

  TableSpec spec_;
  PlaceId place_;
  uint32_t places_;
  uint64_t seed_;
  std::unique_ptr<Optimizer> optimizer_;
  size_t row_floats_;
  bool inline_rows_;  // the payload is the row
  KeyIndex index_;
  RowSlab slab_;
  uint64_t tag_ = 1;           // of this interval; 0 is that of no one
  uint64_t changed_rows_ = 0;  // about, at the last cut
  Freezer freezer_;
};

}  // namespace rubato
