#include "common/memory/frozen_rows.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "common/base/status.h"

namespace rubato {
namespace {

// What the owner may have to wait for: some microseconds of copying.
constexpr size_t kBlockBytes = size_t{64} << 10;
// Of a block that is changed here and there most of one chunk is in vain.
constexpr size_t kChunkBytes = size_t{4} << 10;
constexpr size_t kLineBytes = 64;

int ShiftOf(size_t unit_bytes) {
  return static_cast<int>(std::bit_width(std::max<size_t>(kBlockBytes / unit_bytes, 1))) - 1;
}

uint32_t UnitsOfChunk(size_t unit_bytes) {
  return static_cast<uint32_t>(
      std::max<size_t>((kChunkBytes - kLineBytes) / (unit_bytes + sizeof(uint32_t)), 1));
}

}  // namespace

FrozenRun::FrozenRun(std::shared_ptr<const void> memory, Shape shape, std::vector<uint64_t> wanted,
                     Emit emit)
    : memory_(std::move(memory)),
      shape_(shape),
      wanted_(std::move(wanted)),
      emit_(std::move(emit)),
      shift_(ShiftOf(shape.unit_bytes)),
      chunk_units_(UnitsOfChunk(shape.unit_bytes)),
      copies_at_((sizeof(Chunk) + chunk_units_ * sizeof(uint32_t) + kLineBytes - 1) / kLineBytes *
                 kLineBytes),
      blocks_((shape.units + (size_t{1} << shift_) - 1) >> shift_) {
  CHECK(wanted_.empty() || wanted_.size() >= (shape.units + 63) / 64);
}

void FrozenRun::Join(std::shared_ptr<Handover> handover, uint64_t first,
                     std::shared_ptr<CopyArena> arena) {
  handover_ = std::move(handover);
  first_ = first;
  arena_ = std::move(arena);
}

size_t FrozenRun::End(size_t block) const { return std::min((block + 1) << shift_, shape_.units); }

void FrozenRun::AddChunk(Block* block) {
  if (block->chunk != nullptr) block->chunk->count = block->count;
  auto* chunk = static_cast<Chunk*>(arena_->Take(copies_at_ + chunk_units_ * shape_.unit_bytes));
  *chunk = {block->chunk, 0};
  *block = {chunk, 0};
}

void FrozenRun::Preserve(size_t unit) {
  if (unit >= shape_.units || !Wanted(unit)) return;
  const size_t number = unit >> shift_;
  if (!handover_->MustCopy(first_ + number)) return;
  Block& block = blocks_[number];
  if (block.chunk == nullptr || block.count == chunk_units_) AddChunk(&block);
  block.chunk->units()[block.count] = static_cast<uint32_t>(unit - (number << shift_));
  std::memcpy(Copy(block.chunk, block.count), Unit(unit), shape_.unit_bytes);
  ++block.count;
}

void FrozenRun::Take(size_t number, const RowSink& out) const {
  const size_t first = number << shift_;
  std::vector<const std::byte*> copy_of(End(number) - first, nullptr);
  uint32_t count = blocks_[number].count;
  for (Chunk* chunk = blocks_[number].chunk; chunk != nullptr; chunk = chunk->before) {
    for (size_t i = 0; i < count; ++i) copy_of[chunk->units()[i]] = Copy(chunk, i);
    if (chunk->before != nullptr) count = chunk->before->count;
  }
  for (size_t unit = first; unit < End(number); ++unit) {
    const std::byte* copy = copy_of[unit - first];
    if (Wanted(unit)) emit_(unit, copy != nullptr ? copy : Unit(unit), out);
  }
}

void FrozenRows::Add(std::shared_ptr<FrozenRun> run) {
  run->Join(handover_, blocks_, arena_);
  blocks_ += run->blocks();
  runs_.push_back(std::move(run));
}

FrozenRows::Taken FrozenRows::TakeBlock(const RowSink& out) {
  for (; run_ < runs_.size(); ++run_, block_ = 0) {
    if (block_ == runs_[run_]->blocks()) continue;
    if (!handover_->Claim()) return Taken::kGivenUp;
    runs_[run_]->Take(block_++, out);
    handover_->Done();
    return Taken::kSome;
  }
  return Taken::kAll;
}

std::shared_ptr<FrozenRows> Freezer::Freeze(size_t row_floats, uint64_t rows_at_most) {
  if (handover_ != nullptr) handover_->Close();  // from here on nobody reads the copies
  arena_->Reset();
  handover_ = std::make_shared<Handover>();
  return std::make_shared<FrozenRows>(row_floats, rows_at_most, handover_, arena_);
}

}  // namespace rubato
