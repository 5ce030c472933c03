#include "server/table/dense_table.h"

#include <algorithm>
#include <vector>

#include "common/base/status.h"
#include "common/job/initial_weights.h"
#include "common/job/shard_map.h"

namespace rubato {
namespace {

constexpr size_t kLineFloats = 16;

// The lowest block at `place`, or spec.blocks() if there is none.
uint64_t FirstBlock(const TableSpec& spec, PlaceId place, uint32_t places) {
  const uint64_t end = std::min<uint64_t>(places, spec.blocks());
  for (uint64_t b = 0; b < end; ++b) {
    if (PlaceOf(spec, RowKey(b), places) == place) return b;
  }
  return spec.blocks();
}

}  // namespace

DenseTable::DenseTable(const TableSpec& spec, PlaceId place, uint32_t places, uint64_t seed)
    : spec_(spec),
      places_(places),
      first_(FirstBlock(spec, place, places)),
      blocks_((spec.blocks() - first_ + places - 1) / places),
      optimizer_(MakeOptimizer(spec.optimizer)),
      row_floats_(spec.dim + optimizer_->SlotFloats(spec.dim)),
      stride_((row_floats_ + kLineFloats - 1) / kLineFloats * kLineFloats),
      slab_(MakeSlabArray<float>(blocks_ * stride_)),
      marks_(blocks_) {
  for (uint64_t i = 0; i < blocks_; ++i) {
    float* row = RowAt(i);
    InitialWeights(spec_, KeyAt(i), seed, row);
    optimizer_->Init({row, spec_.dim}, {row + spec_.dim, row_floats_ - spec_.dim});
  }
}

bool DenseTable::Owns(RowKey key) const {
  return key.value() >= first_ && key.value() < spec_.blocks() &&
         (key.value() - first_) % places_ == 0;
}

uint64_t DenseTable::IndexOf(RowKey key) const {
  CHECK(Owns(key));
  return (key.value() - first_) / places_;
}

void DenseTable::Gather(std::span<const RowKey> keys, float* out) const {
  for (const RowKey key : keys) out = std::copy_n(RowAt(IndexOf(key)), spec_.dim, out);
}

void DenseTable::Apply(std::span<const RowKey> keys, const float* gradients) {
  const Changes changes = freezer_.Change();
  for (const RowKey key : keys) {
    changes.Look();
    const uint64_t index = IndexOf(key);
    Touch(index);
    float* row = RowAt(index);
    optimizer_->StepRows({&row, 1}, spec_.dim, gradients);
    gradients += spec_.dim;
  }
}

void DenseTable::Touch(uint64_t index) {
  if (marks_.touched(index)) return;
  marks_.Touch(index);
  if (frozen_) frozen_->Preserve(index);
}

void DenseTable::ForEachRow(
    const std::function<void(RowKey, std::span<const float>)>& visit) const {
  for (uint64_t i = 0; i < blocks_; ++i) visit(KeyAt(i), {RowAt(i), row_floats_});
}

void DenseTable::RestoreRow(RowKey key, std::span<const float> row) {
  CHECK(row.size() == row_floats_);
  std::ranges::copy(row, RowAt(IndexOf(key)));
}

std::shared_ptr<FrozenRows> DenseTable::Freeze(FrozenExtent extent) {
  const auto emit = [first = first_, places = places_, floats = row_floats_](
                        size_t index, const void* memory, const RowSink& out) {
    out.Add(RowKey(first + index * places), memory, floats);
  };
  frozen_ = std::make_shared<FrozenRun>(slab_, FrozenRun::Shape{stride_ * sizeof(float), blocks_},
                                        marks_.Wanted(extent), emit);
  const auto rows = freezer_.Freeze(row_floats_, extent == FrozenExtent::kAll ? blocks_ : changed_);
  rows->Add(frozen_);
  return rows;
}

}  // namespace rubato
