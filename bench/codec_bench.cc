// Codec against its bound. Reading 4 bytes and writing 2 (bf16) can be no faster than the memory
// lets it; `of_memcpy` is the speed in f32 bytes relative to memcpy of the same floats, measured in
// the same second. 64 KiB stays in the caches, 16 MiB (a large push) does not stay in L2.
#include <algorithm>
#include <cstring>
#include <vector>

#include "benchmark/benchmark.h"
#include "common/base/env.h"
#include "common/memory/finite.h"
#include "common/wire/codec.h"

namespace rubato {
namespace {

std::vector<float> Values(size_t count) {
  Rng rng(1);
  std::vector<float> values(count);
  for (float& v : values) v = static_cast<float>(rng.Normal());
  return values;
}

double MemcpySeconds(const std::vector<float>& values) {
  std::vector<float> copy(values.size());
  constexpr int kRepeats = 20;
  double best = 1e9;
  for (int i = 0; i < kRepeats; ++i) {
    const Instant start = MonotonicNow();
    std::memcpy(copy.data(), values.data(), values.size() * sizeof(float));
    benchmark::DoNotOptimize(copy.data());
    benchmark::ClobberMemory();
    best = std::min(best, (MonotonicNow() - start).seconds());
  }
  return best;
}

// Runs `work` over the values and reports bytes and the ratio to memcpy.
template <class Work>
void Run(benchmark::State& state, Work work) {
  const std::vector<float> values = Values(static_cast<size_t>(state.range(0)) / sizeof(float));
  const double copy_seconds = MemcpySeconds(values);
  const Instant start = MonotonicNow();
  for (auto _ : state) work(values);
  const double seconds = (MonotonicNow() - start).seconds();
  state.SetBytesProcessed(state.iterations() * state.range(0));
  state.counters["of_memcpy"] = copy_seconds * static_cast<double>(state.iterations()) / seconds;
}

void EncodeF32(benchmark::State& state) {
  Run(state, [](const auto& v) { benchmark::DoNotOptimize(EncodeValues(ValueCodec::kF32, v)); });
}

void EncodeBf16(benchmark::State& state) {
  Run(state, [](const auto& v) { benchmark::DoNotOptimize(EncodeValues(ValueCodec::kBf16, v)); });
}

void DecodeBf16(benchmark::State& state) {
  std::vector<float> out(static_cast<size_t>(state.range(0)) / sizeof(float));
  const Buffer bytes = EncodeValues(ValueCodec::kBf16, out);
  Run(state, [&](const auto&) {
    benchmark::DoNotOptimize(DecodeValues(ValueCodec::kBf16, bytes.bytes(), out));
  });
}

void Finite(benchmark::State& state) {
  Run(state, [](const auto& v) { benchmark::DoNotOptimize(AllFinite(v)); });
}

BENCHMARK(EncodeF32)->Arg(64 << 10)->Arg(16 << 20);
BENCHMARK(EncodeBf16)->Arg(64 << 10)->Arg(16 << 20);
BENCHMARK(DecodeBf16)->Arg(64 << 10)->Arg(16 << 20);
BENCHMARK(Finite)->Arg(64 << 10)->Arg(16 << 20);

}  // namespace
}  // namespace rubato
