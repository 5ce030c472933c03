#include "common/memory/key_index.h"

#include <cstring>
#include <utility>

namespace rubato {
namespace {

constexpr uint64_t kFirstBuckets = 4;

}  // namespace

KeyIndex::KeyIndex(size_t payload_words)
    : payload_words_(payload_words),
      stride_(kSlots * (1 + payload_words)),
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
  return {.buckets = MakeSlabArray<uint64_t>(buckets * stride_), .mask = buckets - 1, .used = 0};
}

void* KeyIndex::Add(uint64_t hash, RowKey key) {
  ++size_;
  if (key.value() == kEmpty) {
    has_zero_ = true;
    return zero_.get();
  }
  Part& part = parts_[hash >> kPartShift];
  // Far from full, so that every probe ends soon.
  if (8 * (part.used + 1) > 5 * kSlots * (part.mask + 1)) Double(part);
  return Insert(part, hash, key);
}

void* KeyIndex::Insert(Part& part, uint64_t hash, RowKey key) {
  ++part.used;
  for (uint64_t i = hash & part.mask;; i = (i + 1) & part.mask) {
    uint64_t* bucket = BucketAt(part, i);
    for (int slot = 0; slot < kSlots; ++slot) {
      if (bucket[slot] != kEmpty) continue;
      bucket[slot] = key.value();
      return PayloadAt(bucket, slot);
    }
  }
}

void KeyIndex::Double(Part& part) {
  Part grown = MakePart(2 * (part.mask + 1));
  ForEachIn(part, [&](RowKey key, const void* payload) {
    std::memcpy(Insert(grown, Hash(key), key), payload, payload_words_ * sizeof(uint64_t));
  });
  part = std::move(grown);
  ++moves_;
}

}  // namespace rubato
