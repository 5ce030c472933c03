#include "server/table/sparse_table.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/status.h"
#include "common/job/initial_weights.h"
#include "common/job/shard_map.h"
#include "common/memory/prefetch.h"

namespace rubato {
namespace {

constexpr size_t kLineFloats = 16;
constexpr size_t kLineBytes = kLineFloats * sizeof(float);
// Lines of a row that are prefetched; the hardware follows a longer one by itself.
constexpr size_t kPrefetchedFloats = 8 * kLineFloats;
// Rows up to this size lie in the index: a bucket of four is then at most 1.5 lines.
constexpr size_t kInlineFloats = 4;

// Of 8 bytes: the row, or a pointer to it.
size_t PayloadWords(size_t row_floats) {
  return row_floats <= 2 || row_floats > kInlineFloats ? 1 : kInlineFloats / 2;
}

// memcpy without a call, which would cost more than the copy of a narrow row.
inline void CopyWeights(const float* row, size_t dim, float* out) {
  size_t i = 0;
  for (; i + kLineFloats <= dim; i += kLineFloats) std::memcpy(out + i, row + i, kLineBytes);
  for (; i + 4 <= dim; i += 4) std::memcpy(out + i, row + i, 4 * sizeof(float));
  for (; i < dim; ++i) out[i] = row[i];
}

}  // namespace

SparseTable::SparseTable(const TableSpec& spec, PlaceId place, uint32_t places, uint64_t seed)
    : spec_(spec),
      place_(place),
      places_(places),
      seed_(seed),
      optimizer_(MakeOptimizer(spec.optimizer)),
      row_floats_(spec.dim + optimizer_->SlotFloats(spec.dim)),
      inline_rows_(row_floats_ <= kInlineFloats),
      index_(PayloadWords(row_floats_)),
      slab_(row_floats_) {}

bool SparseTable::Owns(RowKey key) const {
  return places_ == 1 || PlaceOf(spec_, key, places_) == place_;
}

void SparseTable::Enter(std::span<const RowKey> keys, Group& group) const {
  group.keys = keys.first(std::min(kGroup, keys.size()));
  for (size_t i = 0; i < group.keys.size(); ++i) {
    group.hashes[i] = KeyIndex::Hash(group.keys[i]);
    index_.PrefetchHome(group.hashes[i]);
  }
}

void SparseTable::LookAtHome(size_t floats, Group& group) const {
  group.moves = index_.moves();
  for (size_t i = 0; i < group.keys.size(); ++i) {
    void* payload = index_.FindHome(group.hashes[i], group.keys[i]);
    if (payload != nullptr) [[likely]] {
      group.rows[i] = RowOf(payload);
      PrefetchRow(group.rows[i], floats);
    } else {
      group.rows[i] = nullptr;
      index_.PrefetchOverflow(group.hashes[i]);
    }
  }
}

// late(hash, key) looks up, or makes, the row that is not in its home bucket.
template <class Late>
void SparseTable::LookFurther(size_t floats, Late late, Group& group) const {
  for (size_t i = 0; i < group.keys.size(); ++i) {
    if (group.rows[i] != nullptr) [[likely]]
      continue;
    group.rows[i] = late(group.hashes[i], group.keys[i]);
    if (group.rows[i] != nullptr) PrefetchRow(group.rows[i], floats);
  }
}

template <class Late, class Use>
void SparseTable::ForGroups(std::span<const RowKey> keys, size_t floats, Late late, Use use) const {
  std::array<Group, kStages> ring = {};
  const size_t rounds = (keys.size() + kGroup - 1) / kGroup + kStages - 1;
  for (size_t r = 0; r < rounds; ++r) {
    Group& entering = ring[r % kStages];
    Enter(keys, entering);
    keys = keys.subspan(entering.keys.size());
    LookAtHome(floats, ring[(r + kStages - 2) % kStages]);
    LookFurther(floats, late, ring[(r + kStages - 4) % kStages]);
    use(ring[(r + 1) % kStages]);
  }
}

void SparseTable::Gather(std::span<const RowKey> keys, float* out) const {
  const auto find = [this](uint64_t hash, RowKey key) { return FindRow(hash, key); };
  ForGroups(keys, spec_.dim, find, [&](const Group& group) {
    for (size_t i = 0; i < group.keys.size(); ++i, out += spec_.dim) {
      if (group.rows[i] != nullptr) [[likely]] {
        CopyWeights(group.rows[i], spec_.dim, out);
      } else {
        InitialWeights(spec_, group.keys[i], seed_, out);
      }
    }
  });
}

void SparseTable::Apply(std::span<const RowKey> keys, const float* gradients) {
  const auto find = [this](uint64_t hash, RowKey key) { return FindOrMakeRow(hash, key); };
  ForGroups(keys, row_floats_, find, [&](Group& group) {
    const size_t count = group.keys.size();
    if (inline_rows_ && index_.moves() != group.moves) {
      for (size_t i = 0; i < count; ++i) group.rows[i] = FindRow(group.hashes[i], group.keys[i]);
    }
    optimizer_->StepRows({group.rows, count}, spec_.dim, gradients);
    gradients += count * spec_.dim;
  });
}

float* SparseTable::RowOf(void* payload) const {
  if (inline_rows_) return static_cast<float*>(payload);
  float* row;
  std::memcpy(&row, payload, sizeof(row));
  return row;
}

float* SparseTable::FindRow(uint64_t hash, RowKey key) const {
  void* payload = index_.Find(hash, key);
  return payload == nullptr ? nullptr : RowOf(payload);
}

float* SparseTable::AddRow(uint64_t hash, RowKey key) {
  void* payload = index_.Add(hash, key);
  if (!inline_rows_) {
    float* row = slab_.NewRow(key);
    std::memcpy(payload, &row, sizeof(row));
  }
  return RowOf(payload);
}

float* SparseTable::FindOrMakeRow(uint64_t hash, RowKey key) {
  float* row = FindRow(hash, key);
  if (row != nullptr) return row;
  row = AddRow(hash, key);
  InitialWeights(spec_, key, seed_, row);
  optimizer_->Init({row, spec_.dim}, {row + spec_.dim, row_floats_ - spec_.dim});
  return row;
}

void SparseTable::PrefetchRow(const float* row, size_t floats) const {
  if (inline_rows_) return;
  const size_t end = std::min(floats, kPrefetchedFloats);
  for (size_t i = 0; i < end; i += kLineFloats) PrefetchLine(row + i);
}

void SparseTable::ForEachRow(
    const std::function<void(RowKey, std::span<const float>)>& visit) const {
  const auto visit_row = [&](RowKey key, const void* row) {
    visit(key, {static_cast<const float*>(row), row_floats_});
  };
  if (inline_rows_) {
    index_.ForEach(visit_row);
  } else {
    slab_.ForEach(visit_row);
  }
}

void SparseTable::RestoreRow(RowKey key, std::span<const float> row) {
  CHECK(row.size() == row_floats_);
  const uint64_t hash = KeyIndex::Hash(key);
  float* stored = FindRow(hash, key);
  if (stored == nullptr) stored = AddRow(hash, key);
  std::ranges::copy(row, stored);
}

}  // namespace rubato
