#include "common/memory/key_index.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace rubato {
namespace {

constexpr uint64_t kFirstBuckets = 4;
// Rows in a bucket that one of them has changed: a bucket holds 1.25 to 2.5, and the fuller ones
// are hit more often.
constexpr uint64_t kRowsOfChangedBucket = 2;

}  // namespace

KeyIndex::KeyIndex(size_t payload_words, Rows rows)
    : payload_words_(payload_words),
      stride_(kSlots * (1 + payload_words)),
      rows_(rows),
      zero_(MakeSlabArray<uint64_t>(payload_words)) {
  for (Part& part : parts_) part = MakePart(kFirstBuckets);
}

void* KeyIndex::Find(uint64_t hash, RowKey key) const {
  if (key.value() == kEmpty) return has_zero_ ? zero_.get() : nullptr;
  const Part& part = parts_[hash >> kPartShift];
  for (uint64_t i = hash & part.mask;; i = (i + 1) & part.mask) {
    uint64_t* bucket = BucketAt(part, i);
    if (void* payload = FindIn(bucket, key); payload != nullptr) return payload;
    if (bucket[kSlots - 1] == kEmpty) return nullptr;
  }
}

KeyIndex::Part KeyIndex::MakePart(uint64_t buckets) const {
  return {.buckets = MakeSlabArray<uint64_t>(buckets * stride_),
          .mask = buckets - 1,
          .used = 0,
          .marks = marked() ? UnitMarks(buckets) : UnitMarks(),
          .frozen = nullptr};
}

void* KeyIndex::Add(uint64_t hash, RowKey key) {
  ++size_;
  if (key.value() == kEmpty) {
    if (marked()) TouchZero();
    has_zero_ = true;
    return zero_.get();
  }
  Part& part = parts_[hash >> kPartShift];
  // Far from full, so that every probe ends soon.
  if (8 * (part.used + 1) > 5 * kSlots * (part.mask + 1)) Double(part);
  const Slot at = FreeSlot(part, hash);
  if (marked() && !part.marks.touched(at.bucket)) TouchBucket(part, at.bucket);
  return Fill(part, at, key);
}

KeyIndex::Slot KeyIndex::FreeSlot(const Part& part, uint64_t hash) const {
  for (uint64_t i = hash & part.mask;; i = (i + 1) & part.mask) {
    const uint64_t* bucket = BucketAt(part, i);
    for (int slot = 0; slot < kSlots; ++slot) {
      if (bucket[slot] == kEmpty) return {i, slot};
    }
  }
}

void* KeyIndex::Fill(Part& part, Slot at, RowKey key) {
  ++part.used;
  uint64_t* bucket = BucketAt(part, at.bucket);
  bucket[at.slot] = key.value();
  return PayloadAt(bucket, at.slot);
}

void KeyIndex::Double(Part& part) {
  Part grown = MakePart(2 * (part.mask + 1));
  for (uint64_t i = 0; i <= part.mask; ++i) {
    ForEachInBucket(BucketAt(part, i), [&](RowKey key, const void* payload) {
      const Slot at = FreeSlot(grown, Hash(key));
      std::memcpy(Fill(grown, at, key), payload, payload_words_ * sizeof(uint64_t));
      if (marked()) grown.marks.Inherit(at.bucket, part.marks, i);
    });
  }
  part = std::move(grown);
  ++moves_;
}

void KeyIndex::TouchBucket(Part& part, uint64_t bucket) {
  part.marks.Touch(bucket);
  if (part.frozen) part.frozen->Preserve(bucket);
}

void KeyIndex::TouchZero() {
  if (zero_marks_.touched(0)) return;
  zero_marks_.Touch(0);
  if (frozen_zero_) frozen_zero_->Preserve(0);
}

void* KeyIndex::FindToChange(uint64_t hash, RowKey key) {
  if (key.value() == kEmpty) {
    if (has_zero_) TouchZero();
    return Find(hash, key);
  }
  Part& part = parts_[hash >> kPartShift];
  for (uint64_t i = hash & part.mask;; i = (i + 1) & part.mask) {
    uint64_t* bucket = BucketAt(part, i);
    if (void* payload = FindIn(bucket, key); payload != nullptr) {
      if (!part.marks.touched(i)) TouchBucket(part, i);
      return payload;
    }
    if (bucket[kSlots - 1] == kEmpty) return nullptr;
  }
}

uint64_t KeyIndex::Cut() {
  uint64_t rows = zero_marks_.Cut();
  for (Part& part : parts_) {
    rows += std::min(part.used, kRowsOfChangedBucket * part.marks.Cut());
  }
  return rows;
}

void KeyIndex::SetBase() {
  zero_marks_.SetBase();
  for (Part& part : parts_) part.marks.SetBase();
}

void KeyIndex::Freeze(FrozenExtent extent, FrozenRows* out) {
  frozen_zero_ = has_zero_ ? FreezeZero(extent, out->row_floats()) : nullptr;
  if (frozen_zero_) out->Add(frozen_zero_);
  for (Part& part : parts_) {
    part.frozen = FreezePart(part, extent, out->row_floats());
    out->Add(part.frozen);
  }
}

std::shared_ptr<FrozenRun> KeyIndex::FreezePart(const Part& part, FrozenExtent extent,
                                                size_t row_floats) const {
  const auto emit = [words = payload_words_, row_floats](size_t, const void* memory,
                                                         const RowSink& out) {
    const auto* bucket = static_cast<const uint64_t*>(memory);
    for (size_t slot = 0; slot < kSlots && bucket[slot] != kEmpty; ++slot) {
      out.Add(RowKey(bucket[slot]), bucket + kSlots + slot * words, row_floats);
    }
  };
  return std::make_shared<FrozenRun>(part.buckets,
                                     FrozenRun::Shape{stride_ * sizeof(uint64_t), part.mask + 1},
                                     part.marks.Wanted(extent), emit);
}

std::shared_ptr<FrozenRun> KeyIndex::FreezeZero(FrozenExtent extent, size_t row_floats) const {
  const auto emit = [row_floats](size_t, const void* memory, const RowSink& out) {
    out.Add(RowKey(kEmpty), memory, row_floats);
  };
  return std::make_shared<FrozenRun>(zero_, FrozenRun::Shape{payload_words_ * sizeof(uint64_t), 1},
                                     zero_marks_.Wanted(extent), emit);
}

}  // namespace rubato
