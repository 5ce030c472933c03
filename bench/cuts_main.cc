// What a snapshot costs a shard that trains: rows applied a second with a snapshot at each interval
// against none, where all rows are pushed meanwhile and where 1 % are, the longest stand-still of
// the shard's thread, the bytes of an incremental image, and how long a restore from the longest
// chain takes against one from a full image.
//
// Bounds, with B the bytes of the model: a cut copies nothing, so it costs bookkeeping only (a bit
// a row: B / 1000 for rows of 128 bytes, tenths of a millisecond a GiB). Writing a full image reads
// B once and copies what is pushed meanwhile, at most B: 2 B / (20 GB/s) of memory's time, 0.1 s a
// GiB, and B / (2.6 GB/s) of the disk's, 0.4 s a GiB, on threads of its own; on two cores these
// take what the shard does not. An image of 1 % of the rows has 1 % of the bytes. A chain has at
// most half a full image's bytes behind it: 1.5 of its time where rows are found as fast as made.
//
// Usage: rubato-bench-cuts [MIB [KIND [SECONDS]]]: size of the model (1100), "slab", "inline" or
// "dense" (slab), seconds of each measured stretch (15). The folder is RUBATO_BENCH_DIR, or the
// working directory.
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "common/base/env.h"
#include "common/base/status.h"
#include "common/wire/codec.h"
#include "server/shard/server_loop.h"
#include "server/shard/shard.h"
#include "server/snapshot/image_folder.h"
#include "server/snapshot/retained_images.h"
#include "server/snapshot/snapshot_store.h"

namespace rubato {
namespace {

constexpr Duration kEvery = Duration::Seconds(5);
constexpr size_t kRowsOfPush = 16384;
constexpr int kRounds = 5;

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

struct Arguments {
  uint64_t mib = 1100;
  std::string kind = "slab";
  int64_t seconds = 15;
};

// Rows of 128 and of 8 bytes, and blocks of 4 KiB.
Job JobOf(const Arguments& arguments) {
  Job job;
  job.tables.resize(1);
  TableSpec& spec = job.tables[0];
  spec.staleness = Staleness::Infinite();
  spec.dim = arguments.kind == "slab" ? 16 : arguments.kind == "inline" ? 1 : 512;
  spec.optimizer.kind = OptimizerKind::kAdagrad;
  if (arguments.kind == "dense") {
    spec.kind = TableKind::kDense;
    spec.size = (arguments.mib << 20) / sizeof(float) / 2;
  }
  job.last_clock = Clock(int64_t{1} << 40);
  return job;
}

// A shard with a store, and what else it needs of a fleet.
class Bed {
 public:
  Bed(const Arguments& arguments, const std::string& folder)
      : job_(JobOf(arguments)),
        rows_((arguments.mib << 20) / (8 + job_.tables[0].dim * 2 * sizeof(float))),
        path_(folder + "/snapshots"),
        store_(OpenSnapshotStore(path_).value()) {
    view_.version = ViewVersion(1);
    view_.shards = {{Life(1), Nonce(1), "here"}};
    view_.members = {{Life(2), SeatId(0), Nonce(2), Clock(0)}};
    if (job_.tables[0].kind == TableKind::kDense) rows_ = job_.tables[0].blocks();
    shard_ = NewShard(nullptr);
    for (uint64_t row = 0; row < rows_;) {
      std::vector<RowKey> keys;
      for (; keys.size() < kRowsOfPush && row < rows_; ++row) keys.push_back(KeyOf(row));
      Push(keys);
    }
  }

  uint64_t rows() const { return rows_; }
  const Table& table() const { return *shard_->tables()[0]; }

  // Drawn from `share` of the rows, which lie everywhere, and are others after each cut.
  void PushRandom(size_t count, double share = 1.0) {
    const auto rows =
        std::max<uint64_t>(static_cast<uint64_t>(share * static_cast<double>(rows_)), 1);
    const uint64_t every = rows_ / rows;
    std::vector<RowKey> keys(count);
    for (RowKey& key : keys) key = KeyOf(rng_.Below(rows) * every + snapshots_ % every);
    Push(keys);
  }

  // Takes the results of the store's thread and does what a scheduler would.
  void Step() {
    for (const StoreThread::Result& result : thread_.Take()) result();
    longest_ =
        std::max(longest_, Timed([this] {
                   if (!written_) return;
                   view_.committed = {written_->snapshot, clock_, Generation(0), {*written_}};
                   view_.cut.reset();
                   written_.reset();
                   Show();
                   Prune();
                 }));
  }
  bool writing() const { return view_.cut.has_value(); }

  void Cut() {
    const SnapshotNumber number(++snapshots_);
    view_.cut = OpenCut{number, clock_.Next(), false};
    const double seconds = Timed([this] { Show(); });
    longest_cut_ = std::max(longest_cut_, seconds);
    longest_ = std::max(longest_, seconds);
  }
  void Snapshot() {
    Cut();
    while (writing()) Step();
  }

  // Of the committed image alone.
  uint64_t ImageBytes() const {
    uint64_t bytes = 0;
    const std::string image = ImageFolderPath(path_, view_.committed.images[0]);
    for (const auto& file : std::filesystem::directory_iterator(image)) bytes += file.file_size();
    return bytes;
  }
  size_t ChainLength() const { return store_->Chain(view_.committed.images[0]).value().size(); }

  // Seconds to read the committed image and make a shard of it.
  double RestoreSeconds() {
    std::unique_ptr<Shard> restored;
    return Timed([&] { restored = NewShard(store_.get()); });
  }

  double longest() const { return longest_; }
  double longest_cut() const { return longest_cut_; }
  void ForgetLongest() { longest_ = longest_cut_ = 0; }

  template <class Work>
  static double Timed(Work work) {
    const Instant begin = MonotonicNow();
    work();
    return (MonotonicNow() - begin).seconds();
  }

 private:
  RowKey KeyOf(uint64_t row) const {
    return RowKey(job_.tables[0].kind == TableKind::kDense ? row : row * 0x9e3779b97f4a7c15u);
  }

  std::unique_ptr<Shard> NewShard(SnapshotStore* store) const {
    ShardOptions options{PlaceId(0), Nonce(1), "here", job_};
    auto shard = std::make_unique<Shard>(options, Instant());
    ShardOutput out;
    shard->Receive(Instant(), kSchedulerNonce, view_, &out);
    if (!out.load) return shard;
    std::vector<Image> images;
    images.push_back(store->Read(out.load->images[0]).value());
    CHECK(shard->ImagesLoaded(out.load->life, std::move(images), &out).ok());
    return shard;
  }

  void Push(const std::vector<RowKey>& keys) {
    rubato::Push push{Life(2), Life(1), clock_, clock_, 0, 1, {}};
    std::vector<float> gradients(keys.size() * job_.tables[0].dim, 0.001F);
    push.rows.push_back({TableId(0), static_cast<uint32_t>(keys.size()), ValueCodec::kF32,
                         EncodeKeys(keys), Buffer::Own(std::move(gradients))});
    const Message message = std::move(push);
    ShardOutput out;
    longest_ =
        std::max(longest_, Timed([&] { shard_->Receive(Instant(), Nonce(2), message, &out); }));
    clock_ = clock_.Next();
  }

  void Show() {
    view_.version = ViewVersion(view_.version.value() + 1);
    ShardOutput out;
    shard_->Receive(Instant(), kSchedulerNonce, view_, &out);
    for (const std::shared_ptr<ImageSource>& image : out.write) Write(image);
  }

  // As ServerLoop does.
  void Write(const std::shared_ptr<ImageSource>& image) {
    thread_.Add([this, image]() -> StoreThread::Result {
      const ImageName name = image->head().name;
      CHECK(store_->Write(image.get()).ok() && store_->Check(name).ok());
      return [this, name] {
        ShardOutput out;
        shard_->ImageWritten(name, absl::OkStatus(), &out);
        written_ = name;
      };
    });
  }
  void Prune() {
    thread_.Add([this, view = view_]() -> StoreThread::Result {
      CHECK(PruneSuperseded(view, PlaceId(0), store_.get()).ok());
      return [] {};
    });
  }

  const Job job_;
  uint64_t rows_;
  const std::string path_;
  const std::unique_ptr<SnapshotStore> store_;
  Rng rng_{1};
  View view_;
  Clock clock_;
  uint64_t snapshots_ = 0;
  std::optional<ImageName> written_;
  double longest_ = 0;
  double longest_cut_ = 0;
  std::unique_ptr<Shard> shard_;
  StoreThread thread_{[] {}};
};

enum class Snapshots { kNone, kEveryInterval };

// Million rows a second.
double Train(Bed* bed, Snapshots snapshots, double share, Duration length) {
  uint64_t rows = 0;
  const Instant begin = MonotonicNow();
  Instant next = begin;
  while (MonotonicNow() - begin < length) {
    if (snapshots == Snapshots::kEveryInterval && MonotonicNow() >= next && !bed->writing()) {
      bed->Cut();
      next = next + kEvery;
    }
    bed->PushRandom(kRowsOfPush, share);
    bed->Step();
    rows += kRowsOfPush;
  }
  const double seconds = (MonotonicNow() - begin).seconds();
  while (bed->writing()) bed->Step();
  return static_cast<double>(rows) / seconds * 1e-6;
}

// Where pushes go to `share` of the rows between two snapshots.
void CompareThroughput(Bed* bed, double share, Duration length) {
  std::printf("pushes to %.0f %% of the rows:\n", 1e2 * share);
  std::vector<double> ratios, without, with, cuts, pushes, quiet;
  for (int round = 0; round < kRounds; ++round) {
    const auto run = [&](Snapshots snapshots) {
      bed->ForgetLongest();
      return Train(bed, snapshots, share, length);
    };
    without.push_back(run(Snapshots::kNone));
    quiet.push_back(bed->longest());
    with.push_back(run(Snapshots::kEveryInterval));
    pushes.push_back(bed->longest());
    cuts.push_back(bed->longest_cut());
    ratios.push_back(with.back() / without.back());
    std::printf(
        "  %.1f M rows/s without, %.1f with: %.3f; longest step %.1f and %.1f ms, cut %.1f\n",
        without.back(), with.back(), ratios.back(), 1e3 * quiet.back(), 1e3 * pushes.back(),
        1e3 * cuts.back());
  }
  std::printf("throughput with a snapshot every %.0f s: %.3f of none (medians of %d)\n",
              kEvery.seconds(), Median(ratios), kRounds);
  std::printf(
      "longest stand-still at a cut: %.1f ms; longest step of all: %.1f ms (without: %.1f)\n",
      1e3 * std::ranges::max(cuts), 1e3 * std::ranges::max(pushes), 1e3 * std::ranges::max(quiet));
}

// Rows drawn at random, so that they lie everywhere.
void Grow(Bed* bed, double share) {
  const auto rows = static_cast<uint64_t>(share * static_cast<double>(bed->rows()));
  for (uint64_t done = 0; done < rows; done += kRowsOfPush) {
    bed->PushRandom(static_cast<size_t>(std::min<uint64_t>(kRowsOfPush, rows - done)));
  }
  bed->Snapshot();
}

void CompareImages(Bed* bed) {
  do Grow(bed, 1.0);
  while (bed->ChainLength() > 1);  // whatever was pushed before, a full image now
  const auto full = static_cast<double>(bed->ImageBytes());
  std::vector<double> fulls, chains;
  for (int i = 0; i < 3; ++i) fulls.push_back(bed->RestoreSeconds());
  Grow(bed, 0.01);
  std::printf(
      "bytes of an image after 1 %% of the rows were pushed: %.4f of a full one (%.0f MB)\n",
      static_cast<double>(bed->ImageBytes()) / full, full * 1e-6);
  // Nearly half of the rows together, in as many images as a chain may have.
  while (bed->ChainLength() <= kLongestChain) Grow(bed, 0.025);
  for (int i = 0; i < 3; ++i) chains.push_back(bed->RestoreSeconds());
  std::printf("restore: full image %.2f s, chain of %zu images %.2f s: %.2f\n", Median(fulls),
              bed->ChainLength(), Median(chains), Median(chains) / Median(fulls));
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) {
  rubato::Arguments arguments;
  if (argc > 1 && !absl::SimpleAtoi(argv[1], &arguments.mib)) return 2;
  if (argc > 2) arguments.kind = argv[2];
  if (argc > 3 && !absl::SimpleAtoi(argv[3], &arguments.seconds)) return 2;
  const char* root = std::getenv("RUBATO_BENCH_DIR");
  std::string folder = std::string(root == nullptr ? "." : root) + "/cuts-bench-XXXXXX";
  CHECK(mkdtemp(folder.data()) != nullptr, folder);
  {
    rubato::Bed bed(arguments, folder);
    std::printf("%llu rows of kind %s, %llu MiB\n", static_cast<unsigned long long>(bed.rows()),
                arguments.kind.c_str(), static_cast<unsigned long long>(arguments.mib));
    const auto length = rubato::Duration::Seconds(static_cast<double>(arguments.seconds));
    for (const double share : {1.0, 0.01}) rubato::CompareThroughput(&bed, share, length);
    rubato::CompareImages(&bed);
  }
  std::filesystem::remove_all(folder);
  return 0;
}
