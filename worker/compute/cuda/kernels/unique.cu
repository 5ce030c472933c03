#include "worker/compute/cuda/kernels/unique.h"

#include <algorithm>
#include <bit>
#include <cub/cub.cuh>

#include "worker/compute/cuda/device/launch.h"

namespace rubato {
namespace {

// All kernels here take one thread an occurrence, and are bound by the bytes of unique.h.

template <class Key>
__global__ void MakeSortKeys(const uint64_t* keys, uint32_t n, uint64_t key_space, Key* sort_keys,
                             uint32_t* numbers) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const uint64_t key = keys[i];
  sort_keys[i] = static_cast<Key>(key < key_space ? key : key_space);
  numbers[i] = i;
}

template <class Key>
struct Sorted {
  const Key* keys = nullptr;  // [n] ascending
  uint32_t n = 0;
  Key padding = 0;  // the key that is none
};

// heads[i] = 1 where another key begins; *filled = occurrences but padding.
template <class Key>
__global__ void MarkHeads(Sorted<Key> sorted, uint32_t* heads, uint32_t* filled) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= sorted.n) return;
  const Key key = sorted.keys[i];
  const bool differs = i == 0 || sorted.keys[i - 1] != key;
  heads[i] = differs && key != sorted.padding ? 1 : 0;
  if (differs && key == sorted.padding) *filled = i;
  if (i == sorted.n - 1 && key != sorted.padding) *filled = sorted.n;
}

struct Ranks {
  const uint32_t* heads = nullptr;   // [n] up to and with i
  const uint32_t* filled = nullptr;  // [1]
  uint32_t capacity = 0;
};

template <class Key>
__global__ void WriteSegments(Sorted<Key> sorted, Ranks ranks, UniqueKeys out) {
  const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  const uint32_t count = ranks.heads[sorted.n - 1];
  if (i == 0) *out.count = count;
  if (i >= count && i <= ranks.capacity) out.begin[i] = *ranks.filled;
  if (i >= sorted.n) return;
  const Key key = sorted.keys[i];
  const uint32_t rank = ranks.heads[i];
  out.positions[out.order[i]] = key == sorted.padding ? kNoRow : rank - 1;
  if (rank == (i == 0 ? 0 : ranks.heads[i - 1])) return;
  out.keys[rank - 1] = key;
  out.begin[rank - 1] = i;
}

// Bits of the sort key of padding, which is the largest.
int SortBits(uint64_t key_space) { return static_cast<int>(std::bit_width(key_space)); }

}  // namespace

Unique::Unique(uint32_t occurrences, uint64_t key_space)
    : occurrences_(occurrences),
      key_space_(key_space),
      capacity_(static_cast<uint32_t>(std::min<uint64_t>(occurrences, key_space))) {}

bool Unique::narrow() const { return key_space_ < ~uint32_t{0}; }

absl::StatusOr<Unique> Unique::Make(uint32_t occurrences, uint64_t key_space) {
  CHECK(occurrences > 0 && occurrences < uint32_t{1} << 31 && key_space > 0);
  Unique unique(occurrences, key_space);
  RETURN_IF_ERROR(unique.narrow() ? unique.Allocate<uint32_t>() : unique.Allocate<uint64_t>());
  return unique;
}

template <class Key>
absl::Status Unique::Allocate() {
  const size_t bytes = occurrences_ * sizeof(Key);
  ASSIGN_OR_RETURN(sort_keys_, DeviceArray<uint8_t>::Make(bytes));
  ASSIGN_OR_RETURN(sorted_, DeviceArray<uint8_t>::Make(bytes));
  ASSIGN_OR_RETURN(numbers_, DeviceArray<uint32_t>::Make(occurrences_));
  ASSIGN_OR_RETURN(ranks_, DeviceArray<uint32_t>::Make(occurrences_));
  ASSIGN_OR_RETURN(filled_, DeviceArray<uint32_t>::Make(1));
  size_t sort = 0;
  const Key* const keys = nullptr;
  const uint32_t* const numbers = nullptr;
  RETURN_IF_CUDA_ERROR(cub::DeviceRadixSort::SortPairs(
      nullptr, sort, keys, static_cast<Key*>(nullptr), numbers, static_cast<uint32_t*>(nullptr),
      occurrences_, 0, SortBits(key_space_)));
  size_t scan = 0;
  RETURN_IF_CUDA_ERROR(cub::DeviceScan::InclusiveSum(
      nullptr, scan, numbers, static_cast<uint32_t*>(nullptr), occurrences_));
  ASSIGN_OR_RETURN(cub_, DeviceArray<uint8_t>::Make(std::max(sort, scan)));
  return absl::OkStatus();
}

absl::Status Unique::Run(StreamView stream, const uint64_t* keys, const UniqueKeys& out) {
  return narrow() ? Find<uint32_t>(stream, keys, out) : Find<uint64_t>(stream, keys, out);
}

template <class Key>
absl::Status Unique::Find(StreamView stream, const uint64_t* keys, const UniqueKeys& out) {
  Key* const sort_keys = reinterpret_cast<Key*>(sort_keys_.data());
  Key* const sorted = reinterpret_cast<Key*>(sorted_.data());
  const LaunchShape each = OneThreadEach(occurrences_);
  RETURN_IF_ERROR(Launch(stream, each, MakeSortKeys<Key>, keys, occurrences_, key_space_, sort_keys,
                         numbers_.data()));
  size_t bytes = cub_.size();
  const uint32_t* const numbers = numbers_.data();
  RETURN_IF_CUDA_ERROR(cub::DeviceRadixSort::SortPairs(
      cub_.data(), bytes, static_cast<const Key*>(sort_keys), sorted, numbers, out.order,
      occurrences_, 0, SortBits(key_space_), stream.get()));
  const Sorted<Key> found{.keys = sorted, .n = occurrences_, .padding = Key(key_space_)};
  RETURN_IF_ERROR(Launch(stream, each, MarkHeads<Key>, found, ranks_.data(), filled_.data()));
  bytes = cub_.size();
  RETURN_IF_CUDA_ERROR(cub::DeviceScan::InclusiveSum(cub_.data(), bytes, ranks_.data(),
                                                     ranks_.data(), occurrences_, stream.get()));
  const Ranks ranks{.heads = ranks_.data(), .filled = filled_.data(), .capacity = capacity_};
  return Launch(stream, OneThreadEach(uint64_t{occurrences_} + 1), WriteSegments<Key>, found, ranks,
                out);
}

}  // namespace rubato
