// The distinct keys of a batch in order, and where each key of the batch stands among them.
//
// Two ways, chosen once by the size of the key space. Up to kMaxDirectKeys a bitmap finds the
// distinct keys already sorted and an array gives positions: about 1 ns a key. Beyond it, an
// open-addressing table sized for the batch does both, and only the distinct keys are sorted.
//
//   Begin(n); Add(keys, offset)...; Finish(&sorted)     which rows the batch needs
//   Assign(sorted); Positions(keys, offset, out)        later, perhaps after other batches' Begin
//
// The two halves are independent, because a worker looks for the keys of later batches while the
// rows of this one are still on their way; who uses one of them has no memory of the other. Scratch
// memory is kept from call to call. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/base/env.h"
#include "common/base/ids.h"

namespace rubato {

// 16 MiB of positions and 512 KiB of bitmap.
inline constexpr uint64_t kMaxDirectKeys = uint64_t{1} << 22;

class BatchKeys {
 public:
  // Keys are < `key_space`.
  explicit BatchKeys(uint64_t key_space) : key_space_(key_space) {}

  // Starts a set of at most `most_keys` additions.
  void Begin(size_t most_keys);
  // Adds offset + k for each k of `keys` (uint32_t or uint64_t).
  template <class T>
  void Add(std::span<const T> keys, uint64_t offset);
  // Appends the distinct keys, ascending, to `sorted`.
  void Finish(std::vector<RowKey>* sorted);

  // From now on keys[i] stands at i. Requires distinct keys.
  void Assign(std::span<const RowKey> keys);
  // out[i] = position of offset + keys[i]. Requires that Assign had every one of them.
  template <class T>
  void Positions(std::span<const T> keys, uint64_t offset, uint32_t* out) const;

 private:
  // Key and position side by side: one cache miss a look-up. position == kFree marks a free slot.
  struct Slot {
    uint64_t key = 0;
    uint32_t position = kFree;
  };
  static constexpr uint32_t kFree = 0xffffffffu;

  bool direct() const { return key_space_ <= kMaxDirectKeys; }
  size_t SlotOf(const std::vector<Slot>& slots, uint64_t key) const;
  void CheckPositions(uint32_t largest) const;

  uint64_t key_space_;
  size_t assigned_ = 0;
  std::vector<uint64_t> seen_;       // direct: a bit per key, all zero between sets
  std::vector<uint32_t> positions_;  // direct: [key_space]
  std::vector<Slot> set_slots_;      // hashed: the set under way
  std::vector<uint64_t> sort_scratch_;
  std::vector<uint64_t> distinct_;  // hashed: its keys as they came
  std::vector<Slot> slots_;         // hashed: the assigned keys
};

}  // namespace rubato
