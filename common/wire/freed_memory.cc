#include "common/wire/freed_memory.h"

#include <malloc.h>

#include "common/memory/huge_floats.h"

namespace rubato {
namespace {

// Blocks from this size on go back at once, as ever: a heap of malloc (64 MiB) has room for few of
// them. Parts of pushes and of replies are of 1 MiB.
constexpr int kKeptBlockBytes = kHugeBytes;
// Far above what lies free at the end of a heap of malloc (64 MiB).
constexpr int kKeptBytes = 1 << 30;
// As much as one heap, so that an empty one stays.
constexpr int kHeapBytes = 64 << 20;

constexpr uint64_t kLargeBytes = 16u << 10;
constexpr Duration kAfterEnding = Duration::Seconds(1);
constexpr Duration kAfterLarge = Duration::Seconds(5);
constexpr Duration kAtLatest = Duration::Seconds(60);

bool Keep() {
  return mallopt(M_MMAP_THRESHOLD, kKeptBlockBytes) + mallopt(M_TRIM_THRESHOLD, kKeptBytes) +
             mallopt(M_TOP_PAD, kHeapBytes) ==
         3;
}

}  // namespace

FreedMemory::FreedMemory() { [[maybe_unused]] static const bool kept = Keep(); }

void FreedMemory::NoteMessage(uint64_t bytes) { large_ |= bytes >= kLargeBytes; }

void FreedMemory::NoteEnding(Instant now) {
  if (!ending_) ending_ = now + kAfterEnding;
}

void FreedMemory::Look(Instant now) {
  if (large_) {
    large_ = false;
    quiet_ = now + kAfterLarge;
    if (!latest_) latest_ = now + kAtLatest;
  }
  const auto due = [now](const std::optional<Instant>& at) { return at && now >= *at; };
  if (!due(ending_) && !due(quiet_) && !due(latest_)) return;
  ending_ = quiet_ = latest_ = std::nullopt;
  HugeFloats::Shared().Return();
  malloc_trim(0);
}

}  // namespace rubato
