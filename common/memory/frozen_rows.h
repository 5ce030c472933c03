// The rows of a table as they were at a cut, while their owner goes on changing them.
//
// Nothing is copied at the cut. A second thread, the writer, takes the rows out in blocks of some
// tens of kilobytes, as fast as its disk is; before the owner changes a unit of memory (a row, or a
// bucket of rows) that is frozen and not taken yet, it copies that unit and the writer gets the
// copy. So memory grows by what is changed meanwhile, and a cut costs the owner its bookkeeping. A
// block is a stretch of a Handover, by which the two keep out of each other's way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/memory/copy_arena.h"
#include "common/memory/handover.h"
#include "common/memory/prefetch.h"

namespace rubato {

// Rows on their way out: keys[n] and rows[n, row_floats].
struct RowSink {
  std::vector<RowKey>* keys;
  std::vector<float>* rows;
  // `memory`: of a row of `row_floats`.
  void Add(RowKey key, const void* memory, size_t row_floats) const {
    const auto* row = static_cast<const float*>(memory);
    keys->push_back(key);
    rows->insert(rows->end(), row, row + row_floats);
  }
};

// A run of equal units, one behind the other.
class FrozenRun {
 public:
  // Appends the rows of a unit, whose memory as it was is at `memory`.
  using Emit = std::function<void(size_t unit, const void* memory, const RowSink& out)>;
  struct Shape {
    size_t unit_bytes;
    size_t units;
  };
  // `wanted`: a bit a unit, none: all of them. What is not wanted is neither copied nor emitted.
  FrozenRun(std::shared_ptr<const void> memory, Shape shape, std::vector<uint64_t> wanted,
            Emit emit);
  FrozenRun(const FrozenRun&) = delete;
  FrozenRun& operator=(const FrozenRun&) = delete;

  // Its blocks are stretches of `handover` from number `first` on, its copies lie in `arena`.
  void Join(std::shared_ptr<Handover> handover, uint64_t first, std::shared_ptr<CopyArena> arena);

  // Of the owner, before it changes `unit` for the first time since the cut. What was added behind
  // the run since is none of its units.
  void Preserve(size_t unit);
  // Of the owner, somewhat before that.
  void PrefetchBlock(size_t unit) const {
    if (unit < shape_.units) PrefetchLine(&blocks_[unit >> shift_]);
  }

  size_t blocks() const { return blocks_.size(); }
  // Of the writer, once for each block, while it is claimed: appends its rows.
  void Take(size_t block, const RowSink& out) const;

 private:
  // Copies of some units of a block: this, numbers of units counted from the block's first, and
  // their memory.
  struct Chunk {
    Chunk* before;
    uint32_t count;  // once another one follows
    uint32_t* units() { return static_cast<uint32_t*>(static_cast<void*>(this + 1)); }
  };
  struct Block {
    Chunk* chunk = nullptr;  // the newest
    uint32_t count = 0;      // of its copies
  };

  bool Wanted(size_t unit) const {
    return wanted_.empty() || (wanted_[unit / 64] >> (unit % 64) & 1) != 0;
  }
  const std::byte* Unit(size_t unit) const {
    return static_cast<const std::byte*>(memory_.get()) + unit * shape_.unit_bytes;
  }
  std::byte* Copy(Chunk* chunk, size_t i) const {
    return static_cast<std::byte*>(static_cast<void*>(chunk)) + copies_at_ + i * shape_.unit_bytes;
  }
  size_t End(size_t block) const;
  void AddChunk(Block* block);

  const std::shared_ptr<const void> memory_;
  const Shape shape_;
  const std::vector<uint64_t> wanted_;
  const Emit emit_;
  const int shift_;             // a block has 1 << shift_ units
  const uint32_t chunk_units_;  // copies in a chunk, at most
  const size_t copies_at_;      // where they begin
  std::vector<Block> blocks_;
  std::shared_ptr<Handover> handover_;
  uint64_t first_ = 0;
  std::shared_ptr<CopyArena> arena_;
};

// All runs of a table. Made by its owner, emptied by the writer.
class FrozenRows {
 public:
  // Copies lie in `arena`.
  FrozenRows(size_t row_floats, uint64_t rows_at_most, std::shared_ptr<Handover> handover,
             std::shared_ptr<CopyArena> arena)
      : row_floats_(row_floats),
        rows_at_most_(rows_at_most),
        handover_(std::move(handover)),
        arena_(std::move(arena)) {}
  FrozenRows(const FrozenRows&) = delete;
  FrozenRows& operator=(const FrozenRows&) = delete;

  // Before the writer has it.
  void Add(std::shared_ptr<FrozenRun> run);

  size_t row_floats() const { return row_floats_; }
  uint64_t rows_at_most() const { return rows_at_most_; }
  enum class Taken { kSome, kAll, kGivenUp };
  // Of the writer: appends the rows of the next block.
  Taken TakeBlock(const RowSink& out);
  // Gives up what has not been taken. Of any thread.
  void Close() { handover_->Close(); }

 private:
  const size_t row_floats_;
  const uint64_t rows_at_most_;
  const std::shared_ptr<Handover> handover_;
  const std::shared_ptr<CopyArena> arena_;
  std::vector<std::shared_ptr<FrozenRun>> runs_;
  uint64_t blocks_ = 0;  // of all runs
  size_t run_ = 0;       // the writer's next block
  size_t block_ = 0;
};

// What the owner of a table has to do with the rows that it freezes, one cut after the other.
class Freezer {
 public:
  // Gives up those before if the writer has not taken them all.
  std::shared_ptr<FrozenRows> Freeze(size_t row_floats, uint64_t rows_at_most);
  // In whose life rows of the table may change.
  Changes Change() const { return Changes(handover_.get()); }

 private:
  std::shared_ptr<Handover> handover_;  // of those that were frozen last
  const std::shared_ptr<CopyArena> arena_ = std::make_shared<CopyArena>();
};

}  // namespace rubato
