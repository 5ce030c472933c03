// The rows of a table as they were at a cut, while their owner goes on changing them.
//
// Nothing is copied at the cut. A second thread, the writer, takes the rows out in blocks of some
// tens of kilobytes, as fast as its disk is; before the owner changes a unit of memory (a row, or a
// bucket of rows) that is frozen and not taken yet, it copies that unit and the writer gets the
// copy. So memory grows by what is changed meanwhile, and a cut costs the owner its bookkeeping.
//
// A block is free, held by one of the two threads, or done. Whoever holds one keeps the other out
// for the copy of a row (owner) or of a block (writer), never while it reads or writes a file.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/ids.h"

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

  // Of the owner, before it changes `unit` for the first time since the cut. What was added behind
  // the run since is none of its units.
  void Preserve(size_t unit);

  size_t blocks() const { return blocks_.size(); }
  // Of the writer, once for each block: appends its rows. False: it was given up.
  bool Take(size_t block, const RowSink& out);
  // Of either: nobody wants the block any more.
  void Drop(size_t block);

 private:
  enum State : uint32_t { kFree, kHeld, kDone };
  struct Block {
    std::atomic<uint32_t> state = kFree;
    std::vector<uint32_t> units;  // that are copied, counted from the block's first
    std::vector<std::byte> copies;
  };

  bool Wanted(size_t unit) const {
    return wanted_.empty() || (wanted_[unit / 64] >> (unit % 64) & 1) != 0;
  }
  const std::byte* Unit(size_t unit) const {
    return static_cast<const std::byte*>(memory_.get()) + unit * shape_.unit_bytes;
  }
  size_t End(size_t block) const;
  // Waits for the other thread. False: it is done.
  static bool Hold(Block* block);
  static void Release(Block* block, State state);
  // Nobody needs its copies any more.
  static void Finish(Block* block);

  const std::shared_ptr<const void> memory_;
  const Shape shape_;
  const std::vector<uint64_t> wanted_;
  const Emit emit_;
  const int shift_;  // a block has 1 << shift_ units
  std::vector<Block> blocks_;
};

// All runs of a table. Made and closed by its owner, emptied by the writer.
class FrozenRows {
 public:
  FrozenRows(size_t row_floats, uint64_t rows_at_most)
      : row_floats_(row_floats), rows_at_most_(rows_at_most) {}
  FrozenRows(const FrozenRows&) = delete;
  FrozenRows& operator=(const FrozenRows&) = delete;

  // Before the writer has it.
  void Add(std::shared_ptr<FrozenRun> run) { runs_.push_back(std::move(run)); }

  size_t row_floats() const { return row_floats_; }
  uint64_t rows_at_most() const { return rows_at_most_; }

  enum class Taken { kSome, kAll, kGivenUp };
  // Of the writer: appends the rows of the next block.
  Taken TakeBlock(const RowSink& out);
  // Gives up what has not been taken, and its copies. Any thread but the writer's while it takes,
  // or the owner's at any time.
  void Close();

 private:
  const size_t row_floats_;
  const uint64_t rows_at_most_;
  std::vector<std::shared_ptr<FrozenRun>> runs_;
  size_t run_ = 0;  // the writer's next block
  size_t block_ = 0;
};

}  // namespace rubato
