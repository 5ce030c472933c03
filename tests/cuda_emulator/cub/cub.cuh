// CUB's device-wide algorithms that worker/compute/cuda uses, for the emulator: over pointers, and
// with CUB's protocol: without temporary storage a call only says how many bytes it needs. What
// the storage held is overwritten; input and output of a sort must not overlap.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <numeric>
#include <span>
#include <type_traits>
#include <vector>

#include "tests/cuda_emulator/api.h"

namespace rubato::emulator {

// One call of CUB.
struct CubCall {
  void* storage;
  size_t& bytes;
  size_t needed;
  cudaStream_t stream;

  // Answers a question for the size, or runs `work` on the stream. `arrays`: all that it touches.
  template <class Work>
  cudaError_t Run(std::initializer_list<std::span<const std::byte>> arrays, const Work& work) {
    if (storage == nullptr) {
      bytes = needed;
      return cudaSuccess;
    }
    if (bytes < needed) return NoteError(cudaErrorInvalidValue);
    CheckAccess("CUB's temporary storage", storage, needed);
    for (const auto& array : arrays) CheckAccess("an array for CUB", array.data(), array.size());
    return PutLibraryWork(stream, [storage = storage, needed = needed, work] {
      Poison(storage, needed);
      work();
      Poison(storage, needed);
    });
  }
};

template <class T>
std::span<const std::byte> BytesOf(const T* values, size_t count) {
  return std::as_bytes(std::span(values, count));
}

// Stable, by bits [begin_bit, end_bit) of the keys; order[i] is what comes to position i.
template <class Key>
std::vector<size_t> SortedOrder(const Key* keys, size_t count, int begin_bit, int end_bit) {
  static_assert(std::is_unsigned_v<Key>, "the emulator sorts unsigned keys only");
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  const uint64_t bits =
      end_bit - begin_bit >= 64 ? ~uint64_t{0} : (uint64_t{1} << (end_bit - begin_bit)) - 1;
  const auto digits = [&](size_t i) { return uint64_t{keys[i]} >> begin_bit & bits; };
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return digits(a) < digits(b); });
  return order;
}

template <class T>
T SumOf(const T* values, size_t count) {
  if (count <= 8) return std::accumulate(values, values + count, T{0});
  return static_cast<T>(SumOf(values, count / 2) + SumOf(values + count / 2, count - count / 2));
}

}  // namespace rubato::emulator

namespace cub {

struct DeviceRadixSort {
  template <class Key, class Value, class Count>
  static cudaError_t SortPairs(void* storage, size_t& bytes, const Key* keys, Key* sorted_keys,
                               const Value* values, Value* sorted_values, Count count,
                               int begin_bit = 0, int end_bit = 8 * sizeof(Key),
                               cudaStream_t stream = nullptr) {
    using rubato::emulator::BytesOf;
    const auto n = static_cast<size_t>(count);
    const size_t needed = 1024 + n * (sizeof(Key) + sizeof(Value));
    return rubato::emulator::CubCall{storage, bytes, needed, stream}.Run(
        {BytesOf(keys, n), BytesOf(sorted_keys, n), BytesOf(values, n), BytesOf(sorted_values, n)},
        [=] {
          const auto order = rubato::emulator::SortedOrder(keys, n, begin_bit, end_bit);
          for (size_t i = 0; i < n; ++i) sorted_keys[i] = keys[order[i]];
          for (size_t i = 0; i < n; ++i) sorted_values[i] = values[order[i]];
        });
  }

  template <class Key, class Count>
  static cudaError_t SortKeys(void* storage, size_t& bytes, const Key* keys, Key* sorted_keys,
                              Count count, int begin_bit = 0, int end_bit = 8 * sizeof(Key),
                              cudaStream_t stream = nullptr) {
    using rubato::emulator::BytesOf;
    const auto n = static_cast<size_t>(count);
    const size_t needed = 1024 + n * sizeof(Key);
    return rubato::emulator::CubCall{storage, bytes, needed, stream}.Run(
        {BytesOf(keys, n), BytesOf(sorted_keys, n)}, [=] {
          const auto order = rubato::emulator::SortedOrder(keys, n, begin_bit, end_bit);
          for (size_t i = 0; i < n; ++i) sorted_keys[i] = keys[order[i]];
        });
  }
};

// `sums` may be `values`.
struct DeviceScan {
  template <class In, class Out, class Count>
  static cudaError_t InclusiveSum(void* storage, size_t& bytes, const In* values, Out* sums,
                                  Count count, cudaStream_t stream = nullptr) {
    using rubato::emulator::BytesOf;
    const auto n = static_cast<size_t>(count);
    return rubato::emulator::CubCall{storage, bytes, 1024 + n / 16, stream}.Run(
        {BytesOf(values, n), BytesOf(sums, n)},
        [=] { std::inclusive_scan(values, values + n, sums); });
  }

  template <class In, class Out, class Count>
  static cudaError_t ExclusiveSum(void* storage, size_t& bytes, const In* values, Out* sums,
                                  Count count, cudaStream_t stream = nullptr) {
    using rubato::emulator::BytesOf;
    const auto n = static_cast<size_t>(count);
    return rubato::emulator::CubCall{storage, bytes, 1024 + n / 16, stream}.Run(
        {BytesOf(values, n), BytesOf(sums, n)},
        [=] { std::exclusive_scan(values, values + n, sums, In{0}); });
  }
};

struct DeviceReduce {
  template <class In, class Out, class Count>
  static cudaError_t Sum(void* storage, size_t& bytes, const In* values, Out* sum, Count count,
                         cudaStream_t stream = nullptr) {
    using rubato::emulator::BytesOf;
    const auto n = static_cast<size_t>(count);
    return rubato::emulator::CubCall{storage, bytes, 1024, stream}.Run(
        {BytesOf(values, n), BytesOf(sum, 1)},
        [=] { *sum = static_cast<Out>(rubato::emulator::SumOf(values, n)); });
  }
};

}  // namespace cub
