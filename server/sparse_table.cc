#include "server/sparse_table.h"

#include <algorithm>
#include <array>

#include "common/shard_map.h"
#include "common/status.h"

namespace rubato {
namespace {

// Keys looked up together: enough misses in flight to cover the latency of memory.
constexpr size_t kGroup = 16;
constexpr size_t kLineFloats = 16;
// Lines of a row that are prefetched; the hardware follows a longer one by itself.
constexpr size_t kPrefetchedFloats = 8 * kLineFloats;

// Calls use(group of keys, index of its first) for all keys, `prefetch` one group ahead of it.
template <class Prefetch, class Use>
void ForGroups(std::span<const RowKey> keys, Prefetch prefetch, Use use) {
  for (const RowKey key : keys.first(std::min(kGroup, keys.size()))) prefetch(key);
  for (size_t begin = 0; begin < keys.size(); begin += kGroup) {
    const auto rest = keys.subspan(begin);
    const auto group = rest.first(std::min(kGroup, rest.size()));
    const auto after = rest.subspan(group.size());
    for (const RowKey key : after.first(std::min(kGroup, after.size()))) prefetch(key);
    use(group, begin);
  }
}

}  // namespace

SparseTable::SparseTable(const TableSpec& spec, PlaceId place, uint32_t places, uint64_t seed)
    : spec_(spec),
      place_(place),
      places_(places),
      seed_(seed),
      optimizer_(MakeOptimizer(spec.optimizer)),
      row_floats_(spec.dim + optimizer_->SlotFloats(spec.dim)),
      slab_(row_floats_) {}

bool SparseTable::Owns(RowKey key) const { return PlaceOf(spec_, key, places_) == place_; }

void SparseTable::Gather(std::span<const RowKey> keys, float* out) const {
  const auto prefetch = [this](RowKey key) { index_.Prefetch(key); };
  std::array<const float*, kGroup> rows;
  ForGroups(keys, prefetch, [&](std::span<const RowKey> group, size_t) {
    for (size_t i = 0; i < group.size(); ++i) {
      rows[i] = index_.Find(group[i]);
      if (rows[i] != nullptr) PrefetchRow(rows[i], spec_.dim);
    }
    for (size_t i = 0; i < group.size(); ++i, out += spec_.dim) {
      if (rows[i] != nullptr) {
        std::copy_n(rows[i], spec_.dim, out);
      } else {
        InitialWeights(spec_, group[i], seed_, out);
      }
    }
  });
}

void SparseTable::Apply(std::span<const RowKey> keys, const float* gradients) {
  const auto prefetch = [this](RowKey key) { index_.Prefetch(key); };
  std::array<float*, kGroup> rows;
  ForGroups(keys, prefetch, [&](std::span<const RowKey> group, size_t begin) {
    for (size_t i = 0; i < group.size(); ++i) {
      rows[i] = FindOrMakeRow(group[i]);
      PrefetchRow(rows[i], row_floats_);
    }
    optimizer_->StepRows({rows.data(), group.size()}, spec_.dim, gradients + begin * spec_.dim);
  });
}

float* SparseTable::FindOrMakeRow(RowKey key) {
  float*& row = index_.FindOrAdd(key);
  if (row == nullptr) [[unlikely]] {
    row = slab_.NewRow();
    InitialWeights(spec_, key, seed_, row);
    optimizer_->Init({row, spec_.dim}, {row + spec_.dim, row_floats_ - spec_.dim});
  }
  return row;
}

void SparseTable::PrefetchRow(const float* row, size_t floats) const {
  const size_t end = std::min(floats, kPrefetchedFloats);
  for (size_t i = 0; i < end; i += kLineFloats) __builtin_prefetch(row + i);
}

void SparseTable::ForEachRow(
    const std::function<void(RowKey, std::span<const float>)>& visit) const {
  for (size_t p = 0; p < KeyIndex::kParts; ++p) {
    const auto entries = index_.PartAt(p);
    for (size_t i = 0; i < entries.size(); ++i) {
      const size_t ahead = std::min(i + kGroup, entries.size() - 1);
      if (entries[ahead].row != nullptr) PrefetchRow(entries[ahead].row, row_floats_);
      if (entries[i].row != nullptr) visit(entries[i].key, {entries[i].row, row_floats_});
    }
  }
}

void SparseTable::RestoreRow(RowKey key, std::span<const float> row) {
  CHECK(row.size() == row_floats_);
  std::ranges::copy(row, FindOrMakeRow(key));
}

}  // namespace rubato
