// Update rules beside two bounds of the same run: memcpy of the same rows (each weight and slot is
// read and written once), and y += a * x, built as this file is, over as many floats as the rule
// reads and writes. Per rule and dim: steps of rows per second, and the bounds' time over the
// rule's, medians over interleaved repetitions in CPU seconds. Below 1 is arithmetic: square roots
// and divisions that a copy does not do.
//
// dim up to 64: batches of 1024 rows. 65536: one row, as a dense table's blocks, out of L1.
// 8388608: one that no cache holds.
#include <algorithm>
#include <cstring>
#include <vector>

#include "benchmark/benchmark.h"
#include "common/base/env.h"
#include "server/table/optimizer.h"

namespace rubato {
namespace {

double CpuSeconds() { return ThreadCpuTime().seconds(); }

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void Axpy(const std::vector<float>& x, std::vector<float>* y) {
  for (size_t i = 0; i < x.size(); ++i) (*y)[i] += 0.5F * x[i];
}

void StepRows(benchmark::State& state, OptimizerKind kind) {
  const auto dim = static_cast<size_t>(state.range(0));
  const size_t count = dim <= 64 ? 1024 : 1;
  OptimizerSpec spec;
  spec.kind = kind;
  const auto optimizer = MakeOptimizer(spec);
  const size_t row_floats = dim + optimizer->SlotFloats(dim);
  std::vector<float> slab(count * row_floats, 0.5F);
  std::vector<float> copy(slab.size());
  const std::vector<float> gradients(count * dim, 0.01F);
  std::vector<float*> rows;
  for (size_t i = 0; i < count; ++i) {
    rows.push_back(&slab[i * row_floats]);
    const std::span<float> row(rows.back(), row_floats);
    optimizer->Init(row.first(dim), row.subspan(dim));
  }
  // The rule reads and writes each float of the rows, and reads the gradients.
  const size_t axpy_floats = (2 * slab.size() + gradients.size()) / 3;
  const std::vector<float> x(axpy_floats, 0.5F);
  std::vector<float> y(axpy_floats);
  std::vector<double> ours;
  std::vector<double> bound;
  std::vector<double> axpy;
  for (auto _ : state) {
    double begin = CpuSeconds();
    optimizer->StepRows(rows, dim, gradients.data());
    benchmark::ClobberMemory();
    ours.push_back(CpuSeconds() - begin);
    begin = CpuSeconds();
    std::memcpy(copy.data(), slab.data(), slab.size() * sizeof(float));
    benchmark::ClobberMemory();
    bound.push_back(CpuSeconds() - begin);
    begin = CpuSeconds();
    Axpy(x, &y);
    benchmark::ClobberMemory();
    axpy.push_back(CpuSeconds() - begin);
    state.SetIterationTime(ours.back());
  }
  state.counters["rows/s"] = static_cast<double>(count) / Median(ours);
  state.counters["GB/s"] = static_cast<double>(slab.size() * 4) / Median(ours) * 1e-9;
  state.counters["of_memcpy"] = Median(bound) / Median(ours);
  state.counters["of_axpy"] = Median(axpy) / Median(ours);
}

void Dims(benchmark::internal::Benchmark* bench) {
  for (const int64_t dim : {1, 8, 10, 16, 64, 65536, 8388608}) bench->Arg(dim);
  bench->UseManualTime();
}
BENCHMARK_CAPTURE(StepRows, sgd, OptimizerKind::kSgd)->Apply(Dims);
BENCHMARK_CAPTURE(StepRows, momentum, OptimizerKind::kMomentum)->Apply(Dims);
BENCHMARK_CAPTURE(StepRows, adagrad, OptimizerKind::kAdagrad)->Apply(Dims);
BENCHMARK_CAPTURE(StepRows, adam, OptimizerKind::kAdam)->Apply(Dims);
BENCHMARK_CAPTURE(StepRows, ftrl, OptimizerKind::kFtrl)->Apply(Dims);

}  // namespace
}  // namespace rubato
