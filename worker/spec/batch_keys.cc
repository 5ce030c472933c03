#include "worker/spec/batch_keys.h"

#include <algorithm>
#include <array>
#include <bit>

#include "common/base/status.h"

namespace rubato {
namespace {

// Below this std::sort is faster than the counts of a radix sort.
constexpr size_t kFewKeys = 256;

// One stable pass by the 8 bits from `shift`.
void SortByDigit(const std::vector<uint64_t>& from, int shift, std::vector<uint64_t>* to) {
  std::array<size_t, 257> begin{};
  for (const uint64_t key : from) ++begin[(key >> shift & 0xff) + 1];
  for (size_t d = 1; d < begin.size(); ++d) begin[d] += begin[d - 1];
  for (const uint64_t key : from) (*to)[begin[key >> shift & 0xff]++] = key;
}

// Radix sort from the lowest digit up (Knuth 5.2.5): as many passes as the largest key has bytes.
void Sort(std::vector<uint64_t>* keys, std::vector<uint64_t>* scratch) {
  if (keys->size() < kFewKeys) return std::sort(keys->begin(), keys->end());
  const uint64_t largest = *std::max_element(keys->begin(), keys->end());
  scratch->resize(keys->size());
  for (int shift = 0; shift < 64 && largest >> shift != 0; shift += 8) {
    SortByDigit(*keys, shift, scratch);
    keys->swap(*scratch);
  }
}

}  // namespace

void BatchKeys::Begin(size_t most_keys) {
  if (direct()) return seen_.resize((key_space_ + 63) / 64);
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
    Sort(&distinct_, &sort_scratch_);
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
  if (direct()) {
    positions_.resize(key_space_);
  } else {
    slots_.assign(std::bit_ceil(2 * keys.size() + 2), Slot{});
  }
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
