// Rows per second that Dataset::Read gathers in random order, beside memcpy of as many bytes.
//
// Bound: a random row of 112 bytes of features, a label and a weight is 5 to 6 cache lines on 4
// pages, which the hardware does not see coming; memcpy reads its bytes in order. So of_memcpy, the
// gathered bytes per second over those of a memcpy out of a set of the same size, is near 0.3 for
// a set in the caches and falls with every level it leaves. Measured on 2 shared cores of 2.6 GHz:
// 0.36, 0.18 and 0.12, that is 146, 62 and 17 million rows a second. Training needs 5 at most.
#include <stdlib.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "common/base/env.h"
#include "common/base/status.h"
#include "worker/data/dataset/dataset.h"
#include "worker/data/dataset/dataset_writer.h"

namespace rubato {
namespace {

constexpr uint64_t kNumeric = 20;
constexpr uint64_t kCategories = 8;
constexpr uint64_t kLevels = 100;  // per category
constexpr size_t kRowBytes = 4 * (kNumeric + kCategories + 2);
constexpr size_t kBatchRows = 256;
constexpr size_t kMemcpyBatches = 4000;

DatasetShape Shape() {
  DatasetShape shape;
  shape.numeric_columns = kNumeric;
  shape.category_columns = kCategories;
  shape.levels = kCategories * kLevels;
  for (uint64_t k = 0; k <= kCategories; ++k) shape.level_begin.push_back(k * kLevels);
  return shape;
}

// A dataset of random rows, whose file has no name any more.
std::unique_ptr<Dataset> MakeDataset(uint64_t rows) {
  std::string path = (std::filesystem::temp_directory_path() / "rubato-bench-XXXXXX").string();
  CHECK(mkdtemp(path.data()) != nullptr);
  const std::string file = path + "/bench.rbd";
  auto writer = DatasetWriter::Create(file, Shape());
  CHECK(writer.ok(), writer.status().ToString());
  Rng rng(1);
  std::vector<float> numeric(kNumeric);
  std::vector<uint32_t> categories(kCategories);
  for (uint64_t row = 0; row < rows; ++row) {
    for (float& value : numeric) value = static_cast<float>(rng.Uniform());
    for (uint64_t k = 0; k < kCategories; ++k) {
      categories[k] = static_cast<uint32_t>(k * kLevels + rng.Below(kLevels));
    }
    const absl::Status added = (*writer)->AddRow({.numeric = numeric, .categories = categories});
    CHECK(added.ok(), added.ToString());
  }
  CHECK((*writer)->Finish().ok());
  auto dataset = OpenDataset(file);
  CHECK(dataset.ok(), dataset.status().ToString());
  std::filesystem::remove_all(path);
  return *std::move(dataset);
}

// Bytes per second of copying batch after batch out of a set of as many rows.
double MemcpyRate(uint64_t rows) {
  const std::vector<char> from(rows * kRowBytes, 1);
  std::vector<char> to(kBatchRows * kRowBytes);
  size_t at = 0;
  const Instant start = MonotonicNow();
  for (size_t i = 0; i < kMemcpyBatches; ++i) {
    std::memcpy(to.data(), from.data() + at, to.size());
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
    at += to.size();
    if (at + to.size() > from.size()) at = 0;
  }
  const double seconds = (MonotonicNow() - start).seconds();
  return static_cast<double>(kMemcpyBatches * to.size()) / seconds;
}

void BM_GatherRandomRows(benchmark::State& state) {
  const auto rows = static_cast<uint64_t>(state.range(0));
  const auto dataset = MakeDataset(rows);
  Rng rng(2);
  std::vector<uint64_t> indices(kBatchRows);
  Batch batch;
  Duration busy;
  int64_t batches = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (uint64_t& index : indices) index = rng.Below(rows);
    state.ResumeTiming();
    const Instant start = MonotonicNow();
    dataset->Read(indices, &batch);
    benchmark::DoNotOptimize(batch.numeric.data());
    busy = busy + (MonotonicNow() - start);
    ++batches;
  }
  const double gathered = static_cast<double>(batches) * kBatchRows / busy.seconds();
  state.counters["rows/s"] = gathered;
  state.counters["bytes/s"] = gathered * kRowBytes;
  state.counters["of_memcpy"] = gathered * kRowBytes / MemcpyRate(rows);
}
BENCHMARK(BM_GatherRandomRows)->Arg(1 << 10)->Arg(1 << 16)->Arg(1 << 20);

}  // namespace
}  // namespace rubato
