// From row key to row: open addressing with linear probing over {key, row} entries of 16 bytes.
//
// The index is cut into 64 parts by hash, and each part doubles by itself when it is 3/4 full: a
// growing table of n rows stalls for n / 64 entries at a time, not for all, and rows never move.
// Every 64-bit number is a legal key, since an entry is empty by its row, not by its key. Nothing
// is ever removed.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/env.h"
#include "common/ids.h"
#include "server/slab.h"

namespace rubato {

class KeyIndex {
 public:
  struct Entry {
    RowKey key;
    float* row;  // nullptr: empty
  };

  KeyIndex();
  KeyIndex(const KeyIndex&) = delete;
  KeyIndex& operator=(const KeyIndex&) = delete;

  uint64_t size() const;

  void Prefetch(RowKey key) const {
    const uint64_t hash = MixBits(key.value());
    const Part& part = parts_[hash >> kPartShift];
    __builtin_prefetch(&part.entries[hash & part.mask]);
  }

  // The row of `key`, or nullptr.
  float* Find(RowKey key) const {
    const uint64_t hash = MixBits(key.value());
    return Probe(parts_[hash >> kPartShift], hash, key)->row;
  }

  // Where the row of `key` is kept. If it is nullptr, `key` is new and the caller puts its row
  // there before the next call.
  float*& FindOrAdd(RowKey key) {
    const uint64_t hash = MixBits(key.value());
    Part& part = parts_[hash >> kPartShift];
    Entry* entry = Probe(part, hash, key);
    return entry->row != nullptr ? entry->row : Add(part, hash, key);
  }

  static constexpr size_t kParts = 64;
  // The entries of part i < kParts, empty ones included.
  std::span<const Entry> PartAt(size_t i) const {
    return {parts_[i].entries.get(), parts_[i].mask + 1};
  }

 private:
  static constexpr int kPartShift = 58;  // the upper 6 bits of a hash name the part

  struct Part {
    SlabArray<Entry> entries;
    uint64_t mask = 0;  // capacity - 1, capacity a power of two
    uint64_t used = 0;
  };

  // The entry of `key`, or the empty one where it belongs. Ends since a part is never full.
  static Entry* Probe(const Part& part, uint64_t hash, RowKey key) {
    uint64_t i = hash & part.mask;
    while (part.entries[i].row != nullptr && part.entries[i].key != key) i = (i + 1) & part.mask;
    return &part.entries[i];
  }

  static float*& Add(Part& part, uint64_t hash, RowKey key);
  static void Double(Part& part);

  std::array<Part, kParts> parts_;
};

}  // namespace rubato
