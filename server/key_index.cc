#include "server/key_index.h"

#include <utility>

namespace rubato {
namespace {

constexpr uint64_t kFirstCapacity = 16;

}  // namespace

KeyIndex::KeyIndex() {
  for (Part& part : parts_) {
    part.entries = MakeSlabArray<Entry>(kFirstCapacity);
    part.mask = kFirstCapacity - 1;
  }
}

uint64_t KeyIndex::size() const {
  uint64_t sum = 0;
  for (const Part& part : parts_) sum += part.used;
  return sum;
}

float*& KeyIndex::Add(Part& part, uint64_t hash, RowKey key) {
  if (4 * (part.used + 1) > 3 * (part.mask + 1)) Double(part);
  ++part.used;
  Entry* entry = Probe(part, hash, key);
  entry->key = key;
  return entry->row;
}

void KeyIndex::Double(Part& part) {
  Part grown;
  grown.mask = 2 * part.mask + 1;
  grown.used = part.used;
  grown.entries = MakeSlabArray<Entry>(grown.mask + 1);
  for (uint64_t i = 0; i <= part.mask; ++i) {
    const Entry& entry = part.entries[i];
    if (entry.row != nullptr) *Probe(grown, MixBits(entry.key.value()), entry.key) = entry;
  }
  part = std::move(grown);
}

}  // namespace rubato
