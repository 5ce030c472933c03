// How fast an image goes to disk and comes back, beside plain writes and reads of the same bytes in
// the same run, since disks vary by the minute: counters are GB/s, and `of_direct` and
// `of_buffered` are the ratio to the plain way.
//
// Bound: a write cannot beat the plain O_DIRECT one (one copy to an aligned buffer, then the disk);
// a read passes over the bytes three times (checksum of the file, RocksDB's block, the image), so a
// third of memory speed when the files are cached, and the disk's speed when they are not.
//
// BM_Write and BM_Read: argument 0 is row_floats (8192: dense blocks with AdaGrad's slots; 16:
// sparse rows), argument 1 is MiB. The folder is RUBATO_BENCH_DIR, or the working directory.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "common/base/env.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "server/snapshot/snapshot_store.h"

namespace rubato {
namespace {

constexpr size_t kBlock = 1 << 20;

class BenchFolder {
 public:
  BenchFolder() {
    const char* root = std::getenv("RUBATO_BENCH_DIR");
    path_ = std::string(root == nullptr ? "." : root) + "/snapshot-bench-XXXXXX";
    CHECK(mkdtemp(path_.data()) != nullptr, path_);
  }
  ~BenchFolder() { std::filesystem::remove_all(path_); }
  BenchFolder(const BenchFolder&) = delete;
  BenchFolder& operator=(const BenchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Image MakeImage(uint32_t row_floats, uint64_t bytes) {
  Image image;
  image.name = {SnapshotNumber(1), PlaceId(0), Life(1)};
  TableImage table{TableId(1), row_floats, {}, {}};
  const uint64_t rows = bytes / (sizeof(uint64_t) + row_floats * sizeof(float));
  Rng rng(1);
  for (uint64_t i = 0; i < rows; ++i) table.keys.emplace_back(rng.Next());
  table.rows.resize(rows * row_floats);
  for (float& x : table.rows) x = static_cast<float>(rng.Next() >> 40);
  image.tables.push_back(std::move(table));
  return image;
}

size_t BytesOf(const Image& image) {
  return image.tables[0].keys.size() * sizeof(RowKey) + image.tables[0].rows.size() * sizeof(float);
}

template <class Work>
double SecondsOf(Work work) {
  const Instant start = MonotonicNow();
  work();
  return (MonotonicNow() - start).seconds();
}

using AlignedBlock = std::unique_ptr<void, decltype(&std::free)>;
AlignedBlock NewBlock() { return {std::aligned_alloc(4096, kBlock), &std::free}; }

// The plain way: the image's bytes in blocks of 1 MiB, then one fsync.
void WritePlain(const std::string& path, const Image& image, int flags) {
  const FileDescriptor fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | flags, 0600));
  CHECK(fd.valid(), path);
  const AlignedBlock block = NewBlock();
  const auto* from = reinterpret_cast<const char*>(image.tables[0].rows.data());
  const size_t room = image.tables[0].rows.size() * sizeof(float);
  for (size_t done = 0; done < BytesOf(image); done += kBlock) {
    std::memcpy(block.get(), from + std::min(done, room - kBlock), kBlock);
    CHECK(write(fd.get(), block.get(), kBlock) == static_cast<ssize_t>(kBlock));
  }
  CHECK(fsync(fd.get()) == 0);
}

void ReadPlain(const std::string& path, std::vector<char>* out) {
  const FileDescriptor fd(open(path.c_str(), O_RDONLY));
  CHECK(fd.valid(), path);
  size_t done = 0;
  while (done < out->size()) {
    const ssize_t got = read(fd.get(), out->data() + done, std::min(kBlock, out->size() - done));
    CHECK(got > 0);
    done += static_cast<size_t>(got);
  }
}

// Forgets cached pages of every file below `path`.
void DropCache(const std::string& path) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (!entry.is_regular_file()) continue;
    const FileDescriptor fd(open(entry.path().c_str(), O_RDONLY));
    posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  }
}

void Report(benchmark::State& state, const std::string& name, double gigabytes, double seconds) {
  state.counters[name] = gigabytes * static_cast<double>(state.iterations()) / seconds;
}

void BM_Write(benchmark::State& state) {
  const BenchFolder folder;
  const Image image =
      MakeImage(static_cast<uint32_t>(state.range(0)), static_cast<uint64_t>(state.range(1)) << 20);
  const std::string plain = folder.path() + "/plain";
  double store_seconds = 0;
  double direct_seconds = 0;
  double buffered_seconds = 0;
  for (auto _ : state) {
    direct_seconds += SecondsOf([&] { WritePlain(plain, image, O_DIRECT); });
    unlink(plain.c_str());
    const auto store = OpenSnapshotStore(folder.path() + "/store").value();
    const double seconds = SecondsOf([&] { CHECK(store->Write(image).ok()); });
    state.SetIterationTime(seconds);
    store_seconds += seconds;
    std::filesystem::remove_all(folder.path() + "/store");
    buffered_seconds += SecondsOf([&] { WritePlain(plain, image, 0); });
    unlink(plain.c_str());
  }
  const double gigabytes = static_cast<double>(BytesOf(image)) * 1e-9;
  Report(state, "store", gigabytes, store_seconds);
  Report(state, "direct", gigabytes, direct_seconds);
  Report(state, "buffered", gigabytes, buffered_seconds);
  state.counters["of_direct"] = direct_seconds / store_seconds;
  state.counters["of_buffered"] = buffered_seconds / store_seconds;
}

enum class Cache { kWarm, kCold };

void BM_Read(benchmark::State& state, Cache cache) {
  const BenchFolder folder;
  const Image image =
      MakeImage(static_cast<uint32_t>(state.range(0)), static_cast<uint64_t>(state.range(1)) << 20);
  const std::string plain = folder.path() + "/plain";
  WritePlain(plain, image, 0);
  const auto store = OpenSnapshotStore(folder.path() + "/store").value();
  CHECK(store->Write(image).ok());
  double store_seconds = 0;
  double plain_seconds = 0;
  for (auto _ : state) {
    if (cache == Cache::kCold) DropCache(folder.path());
    plain_seconds += SecondsOf([&] {
      std::vector<char> bytes(BytesOf(image));
      ReadPlain(plain, &bytes);
      benchmark::DoNotOptimize(bytes.data());
    });
    const double seconds = SecondsOf([&] { CHECK(store->Read(image.name).ok()); });
    state.SetIterationTime(seconds);
    store_seconds += seconds;
  }
  const double gigabytes = static_cast<double>(BytesOf(image)) * 1e-9;
  Report(state, "store", gigabytes, store_seconds);
  Report(state, "buffered", gigabytes, plain_seconds);
  state.counters["of_buffered"] = plain_seconds / store_seconds;
}

void Shapes(benchmark::internal::Benchmark* bench) {
  bench->Args({8192, 1024})->Args({16, 1024})->Args({16, 64});
  bench->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(5);
}

BENCHMARK(BM_Write)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Read, warm, Cache::kWarm)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Read, cold, Cache::kCold)->Apply(Shapes);

}  // namespace
}  // namespace rubato
