#include "worker/compute/batch_keys.h"

#include <algorithm>
#include <bit>

#include "common/status.h"

namespace rubato {

BatchKeys::BatchKeys(uint64_t key_space) : key_space_(key_space) {
  if (!direct()) return;
  seen_.assign((key_space + 63) / 64, 0);
  positions_.assign(key_space, 0);
}

void BatchKeys::Begin(size_t most_keys) {
  if (direct()) return;
  distinct_.clear();
  set_slots_.assign(std::bit_ceil(2 * most_keys + 2), Slot{});
}

// The slot that holds `key` or the free one where it belongs (linear probing).
size_t BatchKeys::SlotOf(const std::vector<Slot>& slots, uint64_t key) const {
  const size_t mask = slots.size() - 1;
  size_t i = MixBits(key) & mask;
  while (slots[i].position != kFree && slots[i].key != key) i = (i + 1) & mask;
  return i;
}

template <class T>
void BatchKeys::Add(std::span<const T> keys, uint64_t offset) {
  uint64_t largest = 0;
  for (const T k : keys) largest = std::max<uint64_t>(largest, k);
  CHECK(keys.empty() || largest < key_space_ - offset, "a feature key is beyond the data's shape");
  if (direct()) {
    for (const T k : keys) {
      const uint64_t key = offset + k;
      seen_[key / 64] |= uint64_t{1} << (key % 64);
    }
    return;
  }
  for (const T k : keys) {
    const uint64_t key = offset + k;
    Slot& slot = set_slots_[SlotOf(set_slots_, key)];
    if (slot.position != kFree) continue;
    slot = {key, 0};
    distinct_.push_back(key);
  }
}

void BatchKeys::Finish(std::vector<RowKey>* sorted) {
  if (!direct()) {
    std::sort(distinct_.begin(), distinct_.end());
    for (const uint64_t key : distinct_) sorted->push_back(RowKey(key));
    return;
  }
  for (size_t word = 0; word < seen_.size(); ++word) {
    for (uint64_t bits = seen_[word]; bits != 0; bits &= bits - 1) {
      sorted->push_back(RowKey(word * 64 + static_cast<uint64_t>(std::countr_zero(bits))));
    }
    seen_[word] = 0;
  }
}

void BatchKeys::Assign(std::span<const RowKey> keys) {
  assigned_ = keys.size();
  CHECK(assigned_ < kFree);
  if (!direct()) slots_.assign(std::bit_ceil(2 * keys.size() + 2), Slot{});
  for (uint32_t i = 0; i < keys.size(); ++i) {
    const uint64_t key = keys[i].value();
    CHECK(key < key_space_);
    if (direct()) {
      positions_[key] = i;
    } else {
      slots_[SlotOf(slots_, key)] = {key, i};
    }
  }
}

template <class T>
void BatchKeys::Positions(std::span<const T> keys, uint64_t offset, uint32_t* out) const {
  uint32_t largest = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    const uint64_t key = offset + keys[i];
    out[i] = direct() ? positions_[key] : slots_[SlotOf(slots_, key)].position;
    largest = std::max(largest, out[i]);
  }
  if (!keys.empty()) CheckPositions(largest);
}

// A position left over from another batch would be an index out of range: stop here instead.
void BatchKeys::CheckPositions(uint32_t largest) const {
  CHECK(largest < assigned_, "parameters are not those of this batch");
}

template void BatchKeys::Add(std::span<const uint32_t> keys, uint64_t offset);
template void BatchKeys::Add(std::span<const uint64_t> keys, uint64_t offset);
template void BatchKeys::Positions(std::span<const uint32_t> keys, uint64_t offset,
                                   uint32_t* out) const;
template void BatchKeys::Positions(std::span<const uint64_t> keys, uint64_t offset,
                                   uint32_t* out) const;

}  // namespace rubato
