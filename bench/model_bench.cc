// Samples per second of one worker's compute: finding keys, and gradients.
//
// Bounds, so that a figure can be judged:
//   mlp       multiply-adds of its matrix products (forward 2 in out, backward twice that, per row;
//             no slope of the input where nothing lies below) at the rate of a 512^3 product
//             measured in the same run
//   linear    the bytes of a batch (keys and values, read once forward and once backward) at the
//             rate of a copy that does not fit into the caches, measured in the same run
// `of_bound` is the bound's time over the time taken.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <ctime>
#include <vector>

#include "common/base/status.h"
#include "tests/worker/compute/cpu/make_model.h"
#include "tests/worker/compute/cpu/random_batch.h"
#include "worker/compute/cpu/blas.h"
#include "worker/compute/model.h"
#include "worker/spec/model_spec.h"

namespace rubato {
namespace {

constexpr size_t kRows = 1024;
constexpr size_t kNonzeros = 39;  // as the rows of Criteo's logs

// The shortest of a few runs, in processor time as all rates here: others may use the machine.
template <class Work>
double BestSeconds(Work work) {
  double best = 1e9;
  for (int i = 0; i < 7; ++i) {
    const std::clock_t begin = std::clock();
    work();
    best = std::min(best, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  return best;
}

// Flop/s of a square product.
double MeasuredFlops() {
  constexpr size_t kSide = 512;
  CHECK(StartBlas().ok());
  const std::vector<float> a(kSide * kSide, 0.5F);
  std::vector<float> c(kSide * kSide);
  const ConstMatrix m{a.data(), kSide, kSide};
  const double seconds = BestSeconds([&] {
    Multiply({.matrix = m}, {.matrix = m}, 0.0F, {c.data(), kSide, kSide});
  });
  return 2.0 * kSide * kSide * kSide / seconds;
}

// Bytes/s read by a copy of 64 MiB.
double MeasuredBytes() {
  const std::vector<float> from(16 << 20, 1.0F);
  std::vector<float> to(from.size());
  const double seconds = BestSeconds([&] {
    std::copy(from.begin(), from.end(), to.begin());
    benchmark::ClobberMemory();
  });
  return static_cast<double>(from.size() * sizeof(float)) / seconds;
}

// Keys as skewed as click logs: key = keys * u^3.
Batch SparseBatch(uint64_t keys, Rng* rng) {
  Batch batch;
  batch.rows = kRows;
  batch.row_begin.push_back(0);
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t i = 0; i < kNonzeros; ++i) {
      const double u = rng->Uniform();
      batch.keys.push_back(static_cast<uint64_t>(static_cast<double>(keys) * u * u * u));
      batch.values.push_back(1.0F);
    }
    batch.row_begin.push_back(static_cast<uint32_t>(batch.keys.size()));
    batch.labels.push_back(rng->Chance(0.2) ? 1.0F : 0.0F);
    batch.weights.push_back(1.0F);
  }
  return batch;
}

void Report(benchmark::State& state, double bound_seconds_per_step) {
  const double steps = static_cast<double>(state.iterations());
  state.counters["samples/s"] =
      benchmark::Counter(steps * double{kRows}, benchmark::Counter::kIsRate);
  state.counters["bound_samples/s"] = double{kRows} / bound_seconds_per_step;
  state.counters["of_bound"] =
      benchmark::Counter(steps * bound_seconds_per_step, benchmark::Counter::kIsRate);
}

// Finds keys and computes gradients of one batch, over and over.
void RunSteps(benchmark::State& state, const Batch& batch, Model* model, Rng* rng) {
  Parameters parameters;
  Parameters gradients;
  Parameters found;
  model->FindKeys(batch, &parameters);
  RandomValues(model->tables(), 0.1, rng, &parameters);
  for (auto _ : state) {
    model->FindKeys(batch, &found);
    benchmark::DoNotOptimize(*model->Gradients(batch, parameters, &gradients));
  }
}

void LinearStep(benchmark::State& state) {
  const auto keys = static_cast<uint64_t>(state.range(0));
  Rng rng(1);
  auto model = MakeModel(RunConfig{}, MakeShape(0, {}, keys));
  CHECK(model.ok(), model.status().ToString());
  const Batch batch = SparseBatch(keys, &rng);
  RunSteps(state, batch, model->get(), &rng);
  const double bytes = 2.0 * kRows * kNonzeros * (sizeof(uint64_t) + sizeof(float));
  Report(state, bytes / MeasuredBytes());
}
BENCHMARK(LinearStep)->Arg(100'000)->Arg(4'000'000)->Arg(1'000'000'000)->ArgName("keys");

double MlpFlops(const ModelSpec& model) {
  const DeepTerm& deep = *model.Find<DeepTerm>();
  const bool embeds = model.Find<EmbeddingBag>() != nullptr;
  double flops = 0.0;
  for (size_t l = 0; l < deep.layers(); ++l) {
    const double product = 2.0 * kRows * static_cast<double>(deep.widths[l] * deep.widths[l + 1]);
    flops += product * (l > 0 || embeds ? 3.0 : 2.0);
  }
  return flops;
}

void MlpStep(benchmark::State& state, const DatasetShape& shape, std::vector<int64_t> hidden) {
  Rng rng(1);
  RunConfig config;
  config.model.kind = "mlp";
  config.model.hidden = std::move(hidden);
  auto model = MakeModel(config, shape);
  CHECK(model.ok(), model.status().ToString());
  const Batch batch = RandomBatch(shape, {.rows = kRows}, &rng);
  RunSteps(state, batch, model->get(), &rng);
  Report(state, MlpFlops((*model)->spec()) / MeasuredFlops());
}

void CreditMlp(benchmark::State& state) {
  MlpStep(state, MakeShape(14, std::vector<uint64_t>(9, 8), 0), {64, 32});
}
void NumericMlp(benchmark::State& state) { MlpStep(state, MakeShape(64, {}, 0), {64, 32}); }
void LargeMlp(benchmark::State& state) {
  MlpStep(state, MakeShape(16, std::vector<uint64_t>(26, 10'000), 0), {512, 256});
}
BENCHMARK(CreditMlp);
BENCHMARK(NumericMlp);
BENCHMARK(LargeMlp);

}  // namespace
}  // namespace rubato
