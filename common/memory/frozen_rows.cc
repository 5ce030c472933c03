#include "common/memory/frozen_rows.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "common/base/status.h"

namespace rubato {
namespace {

// What the owner may have to wait for: some microseconds of copying.
constexpr size_t kBlockBytes = size_t{32} << 10;

int ShiftOf(size_t unit_bytes) {
  return static_cast<int>(std::bit_width(std::max<size_t>(kBlockBytes / unit_bytes, 1))) - 1;
}

}  // namespace

FrozenRun::FrozenRun(std::shared_ptr<const void> memory, Shape shape, std::vector<uint64_t> wanted,
                     Emit emit)
    : memory_(std::move(memory)),
      shape_(shape),
      wanted_(std::move(wanted)),
      emit_(std::move(emit)),
      shift_(ShiftOf(shape.unit_bytes)),
      blocks_((shape.units + (size_t{1} << shift_) - 1) >> shift_) {
  CHECK(wanted_.empty() || wanted_.size() >= (shape.units + 63) / 64);
}

size_t FrozenRun::End(size_t block) const { return std::min((block + 1) << shift_, shape_.units); }

bool FrozenRun::Hold(Block* block) {
  for (;;) {
    uint32_t state = kFree;
    if (block->state.compare_exchange_strong(state, kHeld, std::memory_order_acquire)) return true;
    if (state == kDone) return false;
    block->state.wait(kHeld, std::memory_order_relaxed);
  }
}

void FrozenRun::Release(Block* block, State state) {
  block->state.store(state, std::memory_order_release);
  block->state.notify_one();
}

void FrozenRun::Finish(Block* block) {
  std::vector<uint32_t>().swap(block->units);  // an assignment would keep the memory
  std::vector<std::byte>().swap(block->copies);
  Release(block, kDone);
}

void FrozenRun::Preserve(size_t unit) {
  if (unit >= shape_.units || !Wanted(unit)) return;
  Block& block = blocks_[unit >> shift_];
  if (!Hold(&block)) return;
  block.units.push_back(static_cast<uint32_t>(unit & ((size_t{1} << shift_) - 1)));
  block.copies.insert(block.copies.end(), Unit(unit), Unit(unit) + shape_.unit_bytes);
  Release(&block, kFree);
}

bool FrozenRun::Take(size_t number, const RowSink& out) {
  Block& block = blocks_[number];
  if (!Hold(&block)) return false;
  const size_t first = number << shift_;
  std::vector<const std::byte*> copy_of(End(number) - first, nullptr);
  for (size_t i = 0; i < block.units.size(); ++i) {
    copy_of[block.units[i]] = block.copies.data() + i * shape_.unit_bytes;
  }
  for (size_t unit = first; unit < End(number); ++unit) {
    const std::byte* copy = copy_of[unit - first];
    if (Wanted(unit)) emit_(unit, copy != nullptr ? copy : Unit(unit), out);
  }
  Finish(&block);
  return true;
}

void FrozenRun::Drop(size_t number) {
  Block& block = blocks_[number];
  if (!Hold(&block)) return;
  Finish(&block);
}

FrozenRows::Taken FrozenRows::TakeBlock(const RowSink& out) {
  for (; run_ < runs_.size(); ++run_, block_ = 0) {
    if (block_ < runs_[run_]->blocks()) {
      return runs_[run_]->Take(block_++, out) ? Taken::kSome : Taken::kGivenUp;
    }
  }
  return Taken::kAll;
}

void FrozenRows::Close() {
  for (const auto& run : runs_) {
    for (size_t block = 0; block < run->blocks(); ++block) run->Drop(block);
  }
}

}  // namespace rubato
