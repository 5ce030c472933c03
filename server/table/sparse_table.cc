#include "server/table/sparse_table.h"

#include <algorithm>
#include <bit>
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

// A pointer to a row in the slab, and above it the tag of the interval that changed it last.
constexpr int kTagShift = 48;
constexpr uint64_t kRowMask = (uint64_t{1} << kTagShift) - 1;
constexpr uint64_t kTags = uint64_t{1} << 16;

uint64_t Word(const void* payload) {
  uint64_t word;
  std::memcpy(&word, payload, sizeof(word));
  return word;
}

uint64_t Packed(const float* row, uint64_t tag) {
  const auto address = std::bit_cast<uint64_t>(row);
  CHECK(address <= kRowMask);
  return address | tag << kTagShift;
}

void Retag(void* payload, uint64_t tag) {
  const uint64_t packed = (Word(payload) & kRowMask) | tag << kTagShift;
  std::memcpy(payload, &packed, sizeof(packed));
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
      index_(PayloadWords(row_floats_),
             inline_rows_ ? KeyIndex::Rows::kInline : KeyIndex::Rows::kElsewhere),
      slab_(row_floats_) {}

bool SparseTable::Owns(RowKey key) const {
  return places_ == 1 || PlaceOf(spec_, key, places_) == place_;
}

template <bool kInline>
float* SparseTable::RowOf(const void* payload) {
  if constexpr (kInline) return static_cast<float*>(const_cast<void*>(payload));
  return std::bit_cast<float*>(Word(payload) & kRowMask);
}

void SparseTable::Enter(std::span<const RowKey> keys, Group& group) const {
  group.keys = keys.first(std::min(kGroup, keys.size()));
  for (size_t i = 0; i < group.keys.size(); ++i) {
    group.hashes[i] = KeyIndex::Hash(group.keys[i]);
    index_.PrefetchHome(group.hashes[i]);
  }
}

template <bool kInline>
struct SparseTable::Reading {
  float* Found(uint64_t /*hash*/, void* payload, size_t /*i*/, Group& /*group*/) const {
    return RowOf<kInline>(payload);
  }
  float* Late(size_t i, Group& group) const {
    return table->FindRow(group.hashes[i], group.keys[i]);
  }
  void Note(Group& /*group*/) const {}
  const SparseTable* table;
};

// That rows change for the first time since the cut is seen without a branch for each.
template <bool kInline>
struct SparseTable::Changing {
  float* Found(uint64_t hash, void* payload, size_t i, Group& group) const {
    if constexpr (kInline) {
      const uint64_t untouched = table->index_.HomeUntouched(hash) & 1;
      group.first |= static_cast<uint32_t>(untouched) << i;
      return RowOf<kInline>(payload);
    } else {
      const uint64_t packed = Word(payload);
      group.first |= static_cast<uint32_t>(packed >> kTagShift != tag) << i;
      return std::bit_cast<float*>(packed & kRowMask);
    }
  }
  float* Late(size_t i, Group& group) const {
    void* payload = table->FindToChange(i, group);
    if (payload == nullptr) return table->MakeRow(group.hashes[i], group.keys[i]);
    return RowOf<kInline>(payload);
  }
  void Note(Group& group) const {
    if (group.first != 0) [[unlikely]]
      table->TouchHomes(group);
  }
  SparseTable* table;
  uint64_t tag;
};

template <class Access>
void SparseTable::LookAtHome(size_t floats, Access& access, Group& group) const {
  group.moves = index_.moves();
  group.first = 0;
  for (size_t i = 0; i < group.keys.size(); ++i) {
    void* payload = index_.FindHome(group.hashes[i], group.keys[i]);
    if (payload != nullptr) [[likely]] {
      group.rows[i] = access.Found(group.hashes[i], payload, i, group);
      PrefetchRow(group.rows[i], floats);
    } else {
      group.rows[i] = nullptr;
      index_.PrefetchOverflow(group.hashes[i]);
    }
  }
  access.Note(group);
}

// Looks up, or makes, the rows that are not in their home buckets.
template <class Access>
void SparseTable::LookFurther(size_t floats, Access& access, Group& group) const {
  for (size_t i = 0; i < group.keys.size(); ++i) {
    if (group.rows[i] != nullptr) [[likely]]
      continue;
    group.rows[i] = access.Late(i, group);
    if (group.rows[i] != nullptr) PrefetchRow(group.rows[i], floats);
  }
}

template <class Access, class Use>
void SparseTable::ForGroups(std::span<const RowKey> keys, size_t floats, Access access,
                            Use use) const {
  std::array<Group, kStages> ring = {};
  const size_t rounds = (keys.size() + kGroup - 1) / kGroup + kStages - 1;
  for (size_t r = 0; r < rounds; ++r) {
    Group& entering = ring[r % kStages];
    Enter(keys, entering);
    keys = keys.subspan(entering.keys.size());
    LookAtHome(floats, access, ring[(r + kStages - 2) % kStages]);
    LookFurther(floats, access, ring[(r + kStages - 4) % kStages]);
    use(ring[(r + 1) % kStages]);
  }
}

void SparseTable::Gather(std::span<const RowKey> keys, float* out) const {
  const auto use = [&](const Group& group) {
    for (size_t i = 0; i < group.keys.size(); ++i, out += spec_.dim) {
      if (group.rows[i] != nullptr) [[likely]] {
        CopyWeights(group.rows[i], spec_.dim, out);
      } else {
        InitialWeights(spec_, group.keys[i], seed_, out);
      }
    }
  };
  if (inline_rows_) return ForGroups(keys, spec_.dim, Reading<true>{this}, use);
  ForGroups(keys, spec_.dim, Reading<false>{this}, use);
}

void SparseTable::Apply(std::span<const RowKey> keys, const float* gradients) {
  const Changes changes = freezer_.Change();
  const auto use = [&](Group& group) {
    changes.Look();
    const size_t count = group.keys.size();
    if (inline_rows_ && index_.moves() != group.moves) {
      for (size_t i = 0; i < count; ++i) group.rows[i] = FindRow(group.hashes[i], group.keys[i]);
    }
    if (group.first != 0) [[unlikely]]
      TouchFirst(group);
    optimizer_->StepRows({group.rows, count}, spec_.dim, gradients);
    gradients += count * spec_.dim;
  };
  if (inline_rows_) {
    ForGroups(keys, row_floats_, Changing<true>{this, 0}, use);
  } else {
    ForGroups(keys, row_floats_, Changing<false>{this, tag_}, use);
  }
}

// Rows in the index are copied here, where their buckets have come from memory; those in the slab
// by TouchFirst, when they have. Of a bucket with several of them the first touches all.
void SparseTable::TouchHomes(Group& group) {
  for (uint32_t first = group.first; first != 0; first &= first - 1) {
    const auto i = static_cast<size_t>(std::countr_zero(first));
    if (inline_rows_) {
      index_.TouchHome(group.hashes[i]);
    } else {
      Retag(index_.FindHome(group.hashes[i], group.keys[i]), tag_);
      slab_.PrefetchTouch(group.rows[i]);
    }
  }
  if (inline_rows_) group.first = 0;
}

void* SparseTable::FindToChange(size_t i, Group& group) {
  if (inline_rows_) return index_.FindToChange(group.hashes[i], group.keys[i]);
  void* payload = index_.Find(group.hashes[i], group.keys[i]);
  if (payload == nullptr) return nullptr;
  // Not so if the index has moved the key to its home meanwhile: then the group behind this one may
  // have tagged the row, and changes it later.
  const bool in_order = index_.moves() == group.moves;
  if (in_order && Word(payload) >> kTagShift == tag_) return payload;
  Retag(payload, tag_);
  group.first |= uint32_t{1} << i;
  return payload;
}

// Not when the row is looked up: by now it has come from memory.
void SparseTable::TouchFirst(const Group& group) {
  for (uint32_t first = group.first; first != 0; first &= first - 1) {
    slab_.Touch(group.rows[std::countr_zero(first)]);
  }
}

float* SparseTable::RowOf(const void* payload) const {
  return inline_rows_ ? RowOf<true>(payload) : RowOf<false>(payload);
}

float* SparseTable::FindRow(uint64_t hash, RowKey key) const {
  void* payload = index_.Find(hash, key);
  return payload == nullptr ? nullptr : RowOf(payload);
}

float* SparseTable::AddRow(uint64_t hash, RowKey key) {
  void* payload = index_.Add(hash, key);
  if (!inline_rows_) {
    const auto packed = Packed(slab_.NewRow(key), tag_);
    std::memcpy(payload, &packed, sizeof(packed));
  }
  return RowOf(payload);
}

float* SparseTable::MakeRow(uint64_t hash, RowKey key) {
  float* row = AddRow(hash, key);
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
  const Changes changes = freezer_.Change();
  const uint64_t hash = KeyIndex::Hash(key);
  float* stored = FindRow(hash, key);
  if (stored == nullptr) stored = AddRow(hash, key);
  std::ranges::copy(row, stored);
}

uint64_t SparseTable::Cut() {
  if (inline_rows_) return changed_rows_ = index_.Cut();
  tag_ = tag_ + 1 == kTags ? 1 : tag_ + 1;
  ForgetOldTags();
  return changed_rows_ = slab_.Cut();
}

// One part of the index at a cut, all of them in turn: a tag is long gone when it is used again.
void SparseTable::ForgetOldTags() {
  index_.ForEachOfPart(tag_ % KeyIndex::kParts, [](RowKey, void* payload) { Retag(payload, 0); });
}

std::shared_ptr<FrozenRows> SparseTable::Freeze(FrozenExtent extent) {
  // Of a bucket that one row has changed, all rows are in it: four, and Cut counts two.
  const uint64_t changed = inline_rows_ ? 2 * changed_rows_ : changed_rows_;
  const bool all = extent == FrozenExtent::kAll;
  const auto rows =
      freezer_.Freeze(row_floats_, all ? StoredRows() : std::min(changed, StoredRows()));
  if (inline_rows_) {
    index_.Freeze(extent, rows.get());
  } else {
    slab_.Freeze(extent, rows.get());
  }
  return rows;
}

void SparseTable::SetBase() {
  if (inline_rows_) {
    index_.SetBase();
  } else {
    slab_.SetBase();
  }
}

}  // namespace rubato
