// From row key to a small payload: open addressing over buckets of four keys.
//
// A bucket is [4 keys | 4 payloads]; with 8-byte payloads it is one cache line, so a look-up is one
// miss. It is entered at a hash and overflows to the next bucket. The index is cut into 64 parts by
// hash, and each part doubles by itself when it is 5/8 full (then 1 key in 10 lies in an overflow
// bucket): an index of n keys stalls for n / 64 of them at a time, not for all. Doubling moves
// payloads (see moves()). Nothing is ever removed.
//
// An index whose payloads are rows (Rows::kInline) keeps marks of the buckets that change, and can
// freeze them: see common/memory/frozen_rows.h. A part that doubles leaves its frozen buckets to
// the writer as they are.
//
// Key 0 marks an empty slot, so the row with that key has a place of its own beside the parts.
// The caller hashes once and passes the hash along: to prefetch, then to find.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/base/env.h"
#include "common/base/ids.h"
#include "common/memory/frozen_rows.h"
#include "common/memory/prefetch.h"
#include "common/memory/slab.h"
#include "common/memory/unit_marks.h"

namespace rubato {

class KeyIndex {
 public:
  enum class Rows { kElsewhere, kInline };
  static constexpr size_t kParts = 64;

  // Payloads are `payload_words` words of 8 bytes, aligned so.
  explicit KeyIndex(size_t payload_words, Rows rows = Rows::kElsewhere);
  KeyIndex(const KeyIndex&) = delete;
  KeyIndex& operator=(const KeyIndex&) = delete;

  static uint64_t Hash(RowKey key) { return MixBits(key.value()); }

  uint64_t size() const { return size_; }
  // How often payloads have moved: pointers to them hold while this does not change.
  uint64_t moves() const { return moves_; }

  // Asks for the bucket where a look-up begins, or the one where it would go on.
  void PrefetchHome(uint64_t hash) const { PrefetchBucket(hash, 0); }
  void PrefetchOverflow(uint64_t hash) const { PrefetchBucket(hash, 1); }

  // The payload of `key` if it lies in its first bucket; nullptr says nothing yet.
  void* FindHome(uint64_t hash, RowKey key) const {
    const Part& part = parts_[hash >> kPartShift];
    return FindIn(BucketAt(part, hash & part.mask), key);
  }

  // The payload of `key`, or nullptr.
  void* Find(uint64_t hash, RowKey key) const;

  // A zero payload for a key that has none yet. May move the others.
  void* Add(uint64_t hash, RowKey key);

  // Calls visit(key, payload) for every key, in no particular order.
  template <class Visit>
  void ForEach(Visit visit) const {
    ForZero(visit);
    for (const Part& part : parts_) ForEachIn(part, visit);
  }
  // The same for key 0 and the keys of one of kParts parts.
  template <class Visit>
  void ForEachOfPart(size_t number, Visit visit) const {
    ForZero(visit);
    ForEachIn(parts_[number], visit);
  }

  // With rows inline: whether the bucket where a look-up begins is untouched since the last cut, as
  // UnitMarks::Untouched says it.
  uint64_t HomeUntouched(uint64_t hash) const {
    const Part& part = parts_[hash >> kPartShift];
    return part.marks.Untouched(hash & part.mask);
  }
  // With rows inline: a row in that bucket is about to change.
  void TouchHome(uint64_t hash) {
    Part& part = parts_[hash >> kPartShift];
    if (!part.marks.touched(hash & part.mask)) TouchBucket(part, hash & part.mask);
  }
  // With rows inline: as Find, for a row that is about to change.
  void* FindToChange(uint64_t hash, RowKey key);
  // A cut; about how many rows have changed since the base.
  uint64_t Cut();
  void SetBase();
  // The rows of `row_floats` floats as they are now. What was frozen before must be closed.
  void Freeze(FrozenExtent extent, FrozenRows* out);

 private:
  static constexpr uint64_t kEmpty = 0;
  static constexpr int kSlots = 4;
  static constexpr int kPartShift = 58;  // the upper 6 bits of a hash name its part

  // What a look-up needs is in its first line.
  struct alignas(64) Part {
    std::shared_ptr<uint64_t[]> buckets;
    uint64_t mask = 0;                  // number of buckets, a power of two, - 1
    uint64_t used = 0;                  // keys
    UnitMarks marks;                    // of buckets; of rows inline
    std::shared_ptr<FrozenRun> frozen;  // its buckets at the last cut
  };
  // Where a key goes.
  struct Slot {
    uint64_t bucket;
    int slot;
  };

  uint64_t* BucketAt(const Part& part, uint64_t i) const {
    return part.buckets.get() + i * stride_;
  }
  void* PayloadAt(uint64_t* bucket, int slot) const {
    return bucket + kSlots + static_cast<size_t>(slot) * payload_words_;
  }
  // Bit i is set where slot i holds `key`: no branch that a random bucket would mispredict.
  static unsigned Match(const uint64_t* bucket, RowKey key) {
    unsigned match = 0;
    for (int i = 0; i < kSlots; ++i) match |= static_cast<unsigned>(bucket[i] == key.value()) << i;
    return match;
  }

  void PrefetchBucket(uint64_t hash, uint64_t distance) const {
    const Part& part = parts_[hash >> kPartShift];
    PrefetchLine(BucketAt(part, (hash + distance) & part.mask));
  }
  void* FindIn(uint64_t* bucket, RowKey key) const {
    const unsigned match = Match(bucket, key);
    if (match == 0 || key.value() == kEmpty) [[unlikely]]
      return nullptr;
    return PayloadAt(bucket, std::countr_zero(match));
  }

  template <class Visit>
  void ForZero(Visit visit) const {
    if (has_zero_) visit(RowKey(kEmpty), static_cast<void*>(zero_.get()));
  }
  template <class Visit>
  void ForEachIn(const Part& part, Visit visit) const {
    for (uint64_t i = 0; i <= part.mask; ++i) ForEachInBucket(BucketAt(part, i), visit);
  }
  template <class Visit>
  void ForEachInBucket(uint64_t* bucket, Visit visit) const {
    for (int slot = 0; slot < kSlots && bucket[slot] != kEmpty; ++slot) {
      visit(RowKey(bucket[slot]), PayloadAt(bucket, slot));
    }
  }

  bool marked() const { return rows_ == Rows::kInline; }
  Part MakePart(uint64_t buckets) const;
  Slot FreeSlot(const Part& part, uint64_t hash) const;
  void* Fill(Part& part, Slot at, RowKey key);
  void Double(Part& part);
  void TouchBucket(Part& part, uint64_t bucket);
  void TouchZero();
  std::shared_ptr<FrozenRun> FreezePart(const Part& part, FrozenExtent extent,
                                        size_t row_floats) const;
  std::shared_ptr<FrozenRun> FreezeZero(FrozenExtent extent, size_t row_floats) const;

  size_t payload_words_;  // of 8 bytes
  size_t stride_;         // words of a bucket
  Rows rows_;
  uint64_t size_ = 0;
  uint64_t moves_ = 0;
  bool has_zero_ = false;
  std::shared_ptr<uint64_t[]> zero_;
  UnitMarks zero_marks_{1};
  std::shared_ptr<FrozenRun> frozen_zero_;
  std::array<Part, kParts> parts_;
};

}  // namespace rubato
