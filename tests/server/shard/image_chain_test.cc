// Snapshots of whole fleets on a real store: incremental images rest on committed ones, hold what
// changed since, and are restored on any number of shards.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/job/shard_map.h"
#include "common/wire/codec.h"
#include "gtest/gtest.h"
#include "server/shard/shard.h"
#include "server/snapshot/retained_images.h"
#include "server/snapshot/snapshot_store.h"
#include "tests/server/snapshot/snapshot_fixture.h"

namespace rubato {
namespace {

constexpr uint64_t kKeys = 2000;

// Rows in a slab, rows in the index, and blocks. Torn cuts need no waiting: each shard cuts when it
// hears of one.
Job ThreeTables() {
  Job job;
  job.tables.resize(3);
  for (uint32_t t = 0; t < 3; ++t) {
    TableSpec& spec = job.tables[t];
    spec.id = TableId(t);
    spec.staleness = Staleness::Infinite();
    spec.dim = t == 1 ? 1 : 8;
    spec.optimizer.kind = OptimizerKind::kAdagrad;
  }
  job.tables[2].kind = TableKind::kDense;
  job.tables[2].size = kKeys * 8;
  job.last_clock = Clock(1'000'000);
  return job;
}

enum class Fate { kCommitted, kWithdrawn, kNotWritten };

// The shards of a fleet, with a scheduler and a worker that the test plays.
class Fleet {
 public:
  Fleet(uint32_t places, SnapshotStore* store, const View& before = {}) : store_(store) {
    view_.generation = Generation(before.shards.empty() ? 0 : before.generation.value() + 1);
    view_.committed = before.committed;
    for (uint32_t p = 0; p < places; ++p) {
      const Nonce nonce(100 + p);
      ShardOptions options{PlaceId(p), nonce, "here", job_};
      shards_.push_back(std::make_unique<Shard>(options, Instant()));
      view_.shards.push_back({Life(10 * view_.generation.value() + p + 1), nonce, "here"});
    }
    view_.version = before.version;
    const Life worker(10 * view_.generation.value() + 9);
    view_.members = {{worker, SeatId(0), Nonce(7), view_.committed.clock}};
    clock_ = view_.committed.clock;
    Show();
  }

  const View& view() const { return view_; }

  // `count` rows of each table change, drawn out of the first `of`.
  void Push(size_t count, uint64_t of) {
    std::vector<std::vector<TableRows>> parts(shards_.size());
    for (const TableSpec& spec : job_.tables) {
      std::vector<std::vector<RowKey>> keys(shards_.size());
      for (size_t i = 0; i < count; ++i) {
        const RowKey key(rng_.Below(of));
        keys[PlaceOf(spec, key, Places()).value()].push_back(key);
      }
      for (uint32_t p = 0; p < Places(); ++p) {
        std::vector<float> gradients(keys[p].size() * spec.dim);
        for (float& g : gradients) g = static_cast<float>(rng_.Below(9));
        parts[p].push_back({spec.id, static_cast<uint32_t>(keys[p].size()), ValueCodec::kF32,
                            EncodeKeys(keys[p]), Buffer::Own(std::move(gradients))});
      }
    }
    for (uint32_t p = 0; p < Places(); ++p) {
      ShardOutput out;
      const rubato::Push push{view_.members[0].life, view_.shards[p].life, clock_, clock_, 0, 1,
                              std::move(parts[p])};
      shards_[p]->Receive(Instant(), Nonce(7), push, &out);
    }
    clock_ = clock_.Next();
  }

  // Pushes go on between the cut and the write.
  void Snapshot(Fate fate) {
    const SnapshotNumber number(++snapshots_ + 100 * view_.generation.value());
    view_.cut = OpenCut{number, clock_.Next(), false};
    Show();
    ASSERT_EQ(cut_.size(), shards_.size());
    Push(50, kKeys);
    std::vector<ImageName> images;
    for (auto& [place, source] : cut_) {
      images.push_back(source->head().name);
      absl::Status status = absl::UnavailableError("no room");
      if (fate != Fate::kNotWritten) status = store_->Write(source.get());
      EXPECT_EQ(status.ok(), fate != Fate::kNotWritten) << status;
      ShardOutput out;
      shards_[place]->ImageWritten(images.back(), status, &out);
    }
    cut_.clear();
    view_.cut.reset();
    if (fate == Fate::kCommitted) view_.committed = {number, clock_, view_.generation, images};
    Show();
  }

  // Weights of all tables, by table and key, as they are now.
  std::map<std::pair<TableId, RowKey>, std::vector<float>> Weights() const {
    std::map<std::pair<TableId, RowKey>, std::vector<float>> weights;
    for (const auto& shard : shards_) {
      for (const auto& table : shard->tables()) {
        table->ForEachRow([&](RowKey key, std::span<const float> row) {
          weights[{table->spec().id, key}].assign(row.begin(), row.end());
        });
      }
    }
    return weights;
  }

 private:
  uint32_t Places() const { return static_cast<uint32_t>(shards_.size()); }
  void Show() {
    view_.version = ViewVersion(view_.version.value() + 1);
    for (uint32_t p = 0; p < Places(); ++p) {
      ShardOutput out;
      shards_[p]->Receive(Instant(), kSchedulerNonce, view_, &out);
      for (auto& source : out.write) cut_[p] = source;
      if (out.load) Load(*out.load, shards_[p].get());
      EXPECT_TRUE(shards_[p]->serving());
    }
  }
  void Load(const LoadRequest& request, Shard* shard) {
    std::vector<Image> images;
    for (const ImageName& name : request.images) {
      absl::StatusOr<Image> image = store_->Read(name);
      ASSERT_TRUE(image.ok()) << image.status();
      images.push_back(*std::move(image));
    }
    ShardOutput out;
    ASSERT_TRUE(shard->ImagesLoaded(request.life, std::move(images), &out).ok());
  }

  const Job job_ = ThreeTables();
  SnapshotStore* const store_;
  Rng rng_{1};
  View view_;
  Clock clock_;
  uint64_t snapshots_ = 0;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::map<uint32_t, std::shared_ptr<ImageSource>> cut_;
};

class ImageChainTest : public ::testing::Test {
 protected:
  // Of the committed image of place 0.
  size_t ChainOf(const Fleet& fleet) {
    return store_->Chain(fleet.view().committed.images[0]).value().size();
  }

  ScratchFolder folder_;
  const std::unique_ptr<SnapshotStore> store_ =
      OpenSnapshotStore(folder_.path() + "/snapshots").value();
};

struct Shards {
  uint32_t before;
  uint32_t after;
};
class RestoredChainTest : public ImageChainTest, public ::testing::WithParamInterface<Shards> {};

INSTANTIATE_TEST_SUITE_P(Shards, RestoredChainTest,
                         ::testing::Values(Shards{2, 3}, Shards{4, 1}, Shards{1, 5}, Shards{2, 2}),
                         [](const auto& shards) {
                           return "From" + std::to_string(shards.param.before) + "To" +
                                  std::to_string(shards.param.after);
                         });

// Every value, also of what changed before a snapshot that was withdrawn or not written, and
// nothing of what changed after the cut.
TEST_P(RestoredChainTest, HoldsWhatWasThereAtTheCut) {
  Fleet fleet(GetParam().before, store_.get());
  fleet.Push(3000, kKeys);
  fleet.Snapshot(Fate::kCommitted);
  for (const Fate fate : {Fate::kCommitted, Fate::kWithdrawn, Fate::kCommitted, Fate::kNotWritten,
                          Fate::kWithdrawn}) {
    fleet.Push(20, kKeys + 100);
    fleet.Snapshot(fate);
  }
  fleet.Push(20, kKeys + 100);
  const auto expected = fleet.Weights();
  fleet.Snapshot(Fate::kCommitted);
  EXPECT_EQ(ChainOf(fleet), 4U);
  Fleet restored(GetParam().after, store_.get(), fleet.view());
  EXPECT_TRUE(restored.Weights() == expected);

  // And so on from there: on what was loaded if that is all of a shard, else on a full image.
  restored.Push(20, kKeys);
  const auto later = restored.Weights();
  restored.Snapshot(Fate::kCommitted);
  EXPECT_EQ(ChainOf(restored), GetParam().before == GetParam().after ? 5U : 1U);
  EXPECT_TRUE(Fleet(3, store_.get(), restored.view()).Weights() == later);
}

TEST_F(ImageChainTest, EndsWithAFullImageOnceItIsLong) {
  Fleet fleet(1, store_.get());
  fleet.Push(3000, kKeys);
  std::vector<size_t> lengths;
  for (size_t i = 0; i < 2 * kLongestChain; ++i) {
    fleet.Push(1, kKeys);
    fleet.Snapshot(Fate::kCommitted);
    lengths.push_back(ChainOf(fleet));
    ASSERT_TRUE(PruneSuperseded(fleet.view(), PlaceId(0), store_.get()).ok());
    EXPECT_EQ(store_->List()->size(), lengths.back()) << "what no image rests on is gone";
  }
  std::vector<size_t> expected;
  for (size_t i = 0; i < 2 * kLongestChain; ++i) expected.push_back(i % (kLongestChain + 1) + 1);
  EXPECT_EQ(lengths, expected);
}

TEST_F(ImageChainTest, EndsWithAFullImageOnceHalfOfItHasChanged) {
  Fleet fleet(1, store_.get());
  fleet.Push(6000, kKeys);
  fleet.Snapshot(Fate::kCommitted);
  fleet.Push(3000, kKeys);
  fleet.Snapshot(Fate::kCommitted);
  EXPECT_EQ(ChainOf(fleet), 1U);
  fleet.Push(700, kKeys);  // about a third of it
  fleet.Snapshot(Fate::kCommitted);
  EXPECT_EQ(ChainOf(fleet), 2U);
  fleet.Push(700, kKeys);
  fleet.Snapshot(Fate::kCommitted);
  EXPECT_EQ(ChainOf(fleet), 1U);
}

// A snapshot that is withdrawn is no base, whatever is on the disk of it.
TEST_F(ImageChainTest, RestsOnCommittedImagesOnly) {
  Fleet fleet(1, store_.get());
  fleet.Push(3000, kKeys);
  fleet.Snapshot(Fate::kWithdrawn);
  fleet.Snapshot(Fate::kCommitted);
  EXPECT_EQ(ChainOf(fleet), 1U);
  const ImageName base = fleet.view().committed.images[0];
  fleet.Snapshot(Fate::kWithdrawn);
  fleet.Snapshot(Fate::kCommitted);
  EXPECT_EQ(store_->Chain(fleet.view().committed.images[0]).value(),
            (std::vector{fleet.view().committed.images[0], base}));
}

}  // namespace
}  // namespace rubato
