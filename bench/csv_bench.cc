// Bytes per second through the CSV reader, and through the encoder behind it. Bound: a byte loop
// that looks each byte up in a table runs at about one byte a cycle, 3 GB/s; short fields cost a
// mispredicted branch each (15 cycles per 6 bytes), so about 1 GB/s is the best to hope for.
#include <benchmark/benchmark.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/env.h"
#include "common/base/status.h"
#include "worker/data/encode/encoding.h"
#include "worker/data/text/csv.h"

namespace rubato {
namespace {

constexpr int kNumbers = 22;
constexpr int kCategories = 7;

std::string MakeCsv(int rows) {
  std::string text;
  for (int i = 0; i < kNumbers; ++i) absl::StrAppend(&text, "n", i, ",");
  for (int i = 0; i < kCategories; ++i) absl::StrAppend(&text, i == 0 ? "c" : ",c", i);
  Rng rng(1);
  for (int row = 0; row < rows; ++row) {
    text += '\n';
    for (int i = 0; i < kNumbers; ++i) absl::StrAppend(&text, rng.Normal() * 1e3, ",");
    for (int i = 0; i < kCategories; ++i) {
      absl::StrAppend(&text, i == 0 ? "level " : ",level ", rng.Below(1000));
    }
  }
  return text;
}

Encoding MakeEncoding() {
  Encoding encoding;
  for (int i = 0; i < kNumbers; ++i) {
    encoding.numeric.push_back({absl::StrCat("n", i), 0.0, i % 2 == 0, 0.0, 1.0, true});
  }
  for (int i = 0; i < kCategories; ++i) {
    encoding.categories.push_back({absl::StrCat("c", i), {}});
    for (int level = 0; level < 1000; ++level) {
      encoding.categories.back().levels.push_back(absl::StrCat("level ", level));
    }
  }
  return encoding;
}

std::unique_ptr<CsvReader> Open(const std::string& text) {
  auto reader = CsvReader::Read(MakeMemorySource(text), "bench");
  CHECK(reader.ok());
  return *std::move(reader);
}

void BM_ReadCsv(benchmark::State& state) {
  const std::string text = MakeCsv(20'000);
  for (auto _ : state) {
    const auto reader = Open(text);
    while (*reader->Next()) benchmark::DoNotOptimize(reader->fields().data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}
BENCHMARK(BM_ReadCsv)->Unit(benchmark::kMillisecond);

void BM_ReadAndEncodeCsv(benchmark::State& state) {
  const std::string text = MakeCsv(20'000);
  const Encoding encoding = MakeEncoding();
  for (auto _ : state) {
    const auto reader = Open(text);
    const auto encoder = Encoder::Bind(encoding, reader->header(), DecimalComma::kNo);
    CHECK(encoder.ok());
    while (*reader->Next()) {
      (*encoder)->Encode(reader->fields());
      benchmark::DoNotOptimize((*encoder)->numeric().data());
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}
BENCHMARK(BM_ReadAndEncodeCsv)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rubato
