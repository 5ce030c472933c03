// Sparse gather and apply of random keys, in and out of cache, beside two bounds measured in
// the same run on fresh random rows:
//   flat   the same rows in one flat array, addressed by row number, prefetched 16 ahead (copied
//          for a gather; gradient added and slots touched for an apply);
//   keyed  as flat, with one more random line a row: what any table must read to compare a key that
//          does not lie in the row's own lines.
// Reported: million rows a second, and the bounds' time over ours, medians over interleaved
// repetitions, in CPU seconds of this thread so that a busy machine disturbs less.
//
// Arguments: dim, stored rows, keys in a batch.
#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "benchmark/benchmark.h"
#include "common/base/env.h"
#include "common/memory/prefetch.h"
#include "common/memory/slab_array.h"
#include "server/table/make_table.h"

namespace rubato {
namespace {

constexpr size_t kAhead = 16;
constexpr size_t kLineFloats = 16;

double CpuSeconds() { return ThreadCpuTime().seconds(); }

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Row i has key KeyOf(i): any injective scattering.
RowKey KeyOf(uint64_t i) { return RowKey(i * 0x9e3779b97f4a7c15u); }

enum class Bound { kFlat, kKeyed };

// `rows` rows in one array, and a line for every four of them where a keyed table has its keys.
struct FlatArray {
  FlatArray(size_t count, size_t floats_of_row)
      : row_floats(floats_of_row),
        lines(count / 4 + 1),
        floats(MakeSlabArray<float>(count * row_floats)),
        keys(MakeSlabArray<float>(lines * kLineFloats)) {}

  const float* KeyLine(uint64_t row) const { return &keys[(MixBits(row) % lines) * kLineFloats]; }
  void Prefetch(uint64_t row, size_t used, Bound bound) const {
    for (size_t i = 0; i < used; i += kLineFloats) PrefetchLine(&floats[row * row_floats + i]);
    if (bound == Bound::kKeyed) PrefetchLine(KeyLine(row));
  }
  template <size_t kDim>
  void GatherRows(const std::vector<uint64_t>& rows, Bound bound, float* out) const {
    for (size_t i = 0; i < rows.size(); ++i, out += kDim) {
      if (i + kAhead < rows.size()) Prefetch(rows[i + kAhead], kDim, bound);
      if (bound == Bound::kKeyed) {
        float key = *KeyLine(rows[i]);
        benchmark::DoNotOptimize(key);
      }
      std::memcpy(out, &floats[rows[i] * row_floats], kDim * sizeof(float));
    }
  }
  void Gather(const std::vector<uint64_t>& rows, size_t dim, Bound bound, float* out) const {
    if (dim == 1) GatherRows<1>(rows, bound, out);
    if (dim == 16) GatherRows<16>(rows, bound, out);
    if (dim == 64) GatherRows<64>(rows, bound, out);
  }
  template <size_t kDim>
  void AddRows(const std::vector<uint64_t>& rows, Bound bound, const float* gradients) {
    for (size_t i = 0; i < rows.size(); ++i, gradients += kDim) {
      if (i + kAhead < rows.size()) Prefetch(rows[i + kAhead], row_floats, bound);
      if (bound == Bound::kKeyed) {
        float key = *KeyLine(rows[i]);
        benchmark::DoNotOptimize(key);
      }
      float* row = &floats[rows[i] * row_floats];
      for (size_t j = 0; j < kDim; ++j) row[j] += gradients[j];
      if (row_floats == kDim) continue;
      for (size_t j = 0; j < kDim; ++j) row[kDim + j] += gradients[j];
    }
  }
  void Add(const std::vector<uint64_t>& rows, size_t dim, Bound bound, const float* gradients) {
    if (dim == 1) AddRows<1>(rows, bound, gradients);
    if (dim == 16) AddRows<16>(rows, bound, gradients);
    if (dim == 64) AddRows<64>(rows, bound, gradients);
  }

  size_t row_floats;
  uint64_t lines;
  SlabArray<float> floats;
  SlabArray<float> keys;
};

// A filled table and the flat array of the same size.
struct Bed {
  Bed(OptimizerKind kind, size_t dim_of_rows, size_t stored_rows)
      : dim(dim_of_rows),
        stored(stored_rows),
        table(MakeTable(Spec(kind, dim), PlaceId(0), 1, 1)),
        flat(stored, table->RowFloats()) {
    constexpr size_t kChunk = 1000;
    const std::vector<float> gradients(kChunk * dim, 0.001F);
    std::vector<RowKey> keys;
    for (uint64_t i = 0; i < stored; ++i) {
      keys.push_back(KeyOf(i));
      if (keys.size() < kChunk && i + 1 < stored) continue;
      table->Apply(keys, gradients.data());
      keys.clear();
    }
  }

  static TableSpec Spec(OptimizerKind kind, size_t dim) {
    TableSpec spec;
    spec.dim = static_cast<uint32_t>(dim);
    spec.optimizer.kind = kind;
    return spec;
  }

  size_t dim;
  uint64_t stored;
  std::unique_ptr<Table> table;
  FlatArray flat;
};

// One bed at a time: a benchmark is entered several times, and a bed takes seconds to fill.
Bed& BedFor(OptimizerKind kind, size_t dim, size_t stored) {
  using Key = std::tuple<OptimizerKind, size_t, size_t>;
  static std::map<Key, std::unique_ptr<Bed>> beds;
  const Key key(kind, dim, stored);
  if (!beds.contains(key)) {
    beds.clear();
    beds[key] = std::make_unique<Bed>(kind, dim, stored);
  }
  return *beds[key];
}

// Times table(keys) against flat(rows, bound), each on rows of its own.
void Compare(benchmark::State& state, const Bed& bed, auto table, auto flat) {
  std::vector<uint64_t> rows(static_cast<size_t>(state.range(2)));
  std::vector<RowKey> keys(rows.size());
  Rng rng(1);
  const auto seconds_of = [&](auto work) {
    for (uint64_t& row : rows) row = rng.Below(bed.stored);
    std::transform(rows.begin(), rows.end(), keys.begin(), KeyOf);
    const double begin = CpuSeconds();
    work();
    return CpuSeconds() - begin;
  };
  std::vector<double> ours, flats, keyeds;
  for (auto _ : state) {
    ours.push_back(seconds_of([&] { table(keys); }));
    flats.push_back(seconds_of([&] { flat(rows, Bound::kFlat); }));
    keyeds.push_back(seconds_of([&] { flat(rows, Bound::kKeyed); }));
    state.SetIterationTime(ours.back());
  }
  const double batch = static_cast<double>(rows.size());
  state.counters["Mrows/s"] = batch / Median(ours) * 1e-6;
  state.counters["flat_Mrows/s"] = batch / Median(flats) * 1e-6;
  state.counters["of_flat"] = Median(flats) / Median(ours);
  state.counters["of_keyed"] = Median(keyeds) / Median(ours);
}

Bed& BedFor(const benchmark::State& state, OptimizerKind kind) {
  return BedFor(kind, static_cast<size_t>(state.range(0)), static_cast<size_t>(state.range(1)));
}

void Gather(benchmark::State& state, OptimizerKind kind) {
  Bed& bed = BedFor(state, kind);
  std::vector<float> out(static_cast<size_t>(state.range(2)) * bed.dim);
  Compare(
      state, bed, [&](const auto& keys) { bed.table->Gather(keys, out.data()); },
      [&](const auto& rows, Bound b) { bed.flat.Gather(rows, bed.dim, b, out.data()); });
}

void Apply(benchmark::State& state, OptimizerKind kind) {
  Bed& bed = BedFor(state, kind);
  const std::vector<float> gradients(static_cast<size_t>(state.range(2)) * bed.dim, 0.001F);
  Compare(
      state, bed, [&](const auto& keys) { bed.table->Apply(keys, gradients.data()); },
      [&](const auto& rows, Bound b) { bed.flat.Add(rows, bed.dim, b, gradients.data()); });
}

// All rows as an image takes them, beside memcpy of as many rows in a flat array.
void ForEachRow(benchmark::State& state, OptimizerKind kind) {
  Bed& bed = BedFor(state, kind);
  std::vector<float> image(bed.table->StoredRows() * bed.table->RowFloats());
  std::vector<double> ours, flats;
  for (auto _ : state) {
    double begin = CpuSeconds();
    float* out = image.data();
    bed.table->ForEachRow(
        [&](RowKey, std::span<const float> row) { out = std::ranges::copy(row, out).out; });
    ours.push_back(CpuSeconds() - begin);
    begin = CpuSeconds();
    std::memcpy(image.data(), bed.flat.floats.get(), image.size() * sizeof(float));
    flats.push_back(CpuSeconds() - begin);
    state.SetIterationTime(ours.back());
  }
  state.counters["Mrows/s"] = static_cast<double>(bed.stored) / Median(ours) * 1e-6;
  state.counters["of_memcpy"] = Median(flats) / Median(ours);
}

const std::vector<std::vector<int64_t>> kSizes = {
    {1, 10'000, 10'000},      {1, 10'000'000, 16'384}, {16, 2'000, 2'000},
    {16, 10'000'000, 16'384}, {64, 500, 500},          {64, 2'000'000, 16'384},
};

void RegisterAll() {
  for (const auto& size : kSizes) {
    const auto add = [&](const char* name, auto run, OptimizerKind kind) {
      benchmark::RegisterBenchmark(name, run, kind)
          ->ArgNames({"dim", "rows", "batch"})
          ->Args(size)
          ->UseManualTime();
    };
    add("Gather/sgd", Gather, OptimizerKind::kSgd);
    add("Apply/sgd", Apply, OptimizerKind::kSgd);
    add("Gather/adagrad", Gather, OptimizerKind::kAdagrad);
    add("Apply/adagrad", Apply, OptimizerKind::kAdagrad);
    add("ForEachRow/adagrad", ForEachRow, OptimizerKind::kAdagrad);
  }
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) {
  rubato::RegisterAll();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
