#include "server/snapshot/model_weights.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "gtest/gtest.h"
#include "server/table/make_table.h"
#include "tests/server/snapshot/memory_snapshot_store.h"
#include "tests/server/snapshot/snapshot_fixture.h"

namespace rubato {
namespace {

constexpr uint64_t kSparseKeys = 300;

TableSpec Spec(uint32_t id, const std::string& name, TableKind kind, uint32_t dim) {
  TableSpec spec;
  spec.id = TableId(id);
  spec.name = name;
  spec.kind = kind;
  spec.dim = dim;
  spec.initializer = {InitializerKind::kUniform, 0.1F};
  spec.optimizer.kind = OptimizerKind::kAdam;
  spec.optimizer.learning_rate = 0.01F;
  return spec;
}

Job MadeJob() {
  Job job;
  job.seed = 5;
  job.tables = {Spec(0, "layer", TableKind::kDense, 8), Spec(3, "rows", TableKind::kSparse, 3)};
  job.tables[0].size = 50;  // seven blocks, of the last one two floats
  return job;
}

// The keys of a table that were pushed: scattered ones, all blocks of a dense one.
std::vector<RowKey> PushedKeys(const TableSpec& spec) {
  std::vector<RowKey> keys;
  Rng rng(9);
  const bool dense = spec.kind == TableKind::kDense;
  for (uint64_t i = 0; i < (dense ? spec.blocks() : kSparseKeys); ++i) {
    keys.emplace_back(dense ? i : rng.Next());
  }
  return keys;
}

// The image of one place after two steps on each row that it owns.
Image ImageOf(const Job& job, const ImageName& name, uint32_t places) {
  Image image = ImageWithoutTables(name);
  image.job_fingerprint = job.Fingerprint();
  for (const TableSpec& spec : job.tables) {
    const auto table = MakeTable(spec, name.place, places, job.seed);
    for (const RowKey key : PushedKeys(spec)) {
      if (!table->Owns(key)) continue;
      const std::vector<float> gradient(spec.dim, static_cast<float>(key.value() % 17) - 8.0F);
      table->Apply({&key, 1}, gradient.data());
      table->Apply({&key, 1}, gradient.data());
    }
    TableImage rows{spec.id, static_cast<uint32_t>(table->RowFloats()), {}, {}};
    table->ForEachRow([&rows](RowKey key, std::span<const float> row) {
      rows.keys.push_back(key);
      rows.rows.insert(rows.rows.end(), row.begin(), row.end());
    });
    image.tables.push_back(std::move(rows));
  }
  return image;
}

class ModelWeightsTest : public testing::Test {
 protected:
  // Of a snapshot on so many shards.
  std::vector<ImageName> Cut(uint32_t places) {
    std::vector<ImageName> names;
    for (uint32_t place = 0; place < places; ++place) {
      names.push_back(NameOf(places, place, place + 1));
      EXPECT_TRUE(store_.Write(ImageOf(job_, names.back(), places)).ok());
    }
    return names;
  }
  std::string Refusal(const Image& image) {
    EXPECT_TRUE(store_.Write(image).ok());
    const auto weights = ReadWeights(job_, {image.name}, &store_);
    EXPECT_FALSE(weights.ok());
    return std::string(weights.status().message());
  }

  Job job_ = MadeJob();
  MemorySnapshotStore store_;
};

TEST_F(ModelWeightsTest, AreTheSameHoweverManyShardsThereWere) {
  const auto one = ReadWeights(job_, Cut(1), &store_);
  ASSERT_TRUE(one.ok()) << one.status();
  ASSERT_EQ(one->size(), 2U);
  EXPECT_EQ((*one)[0].weights.size(), 50U);
  EXPECT_EQ((*one)[1].keys.size(), kSparseKeys);
  EXPECT_TRUE(std::ranges::is_sorted((*one)[1].keys));
  for (const uint32_t places : {2U, 3U, 5U, 16U}) {
    const auto several = ReadWeights(job_, Cut(places), &store_);
    ASSERT_TRUE(several.ok()) << several.status();
    for (size_t i = 0; i < one->size(); ++i) {
      EXPECT_EQ((*several)[i].spec, job_.tables[i]);
      EXPECT_EQ((*several)[i].keys, (*one)[i].keys) << places;
      EXPECT_EQ((*several)[i].weights, (*one)[i].weights) << places;
    }
  }
}

TEST_F(ModelWeightsTest, AreWhatATableWouldAnswer) {
  const auto weights = ReadWeights(job_, Cut(4), &store_);
  ASSERT_TRUE(weights.ok()) << weights.status();
  const auto whole = ImageOf(job_, NameOf(9, 0, 1), 1);
  for (const TableWeights& table : *weights) {
    const auto answers = MakeTable(table.spec, PlaceId(0), 1, job_.seed);
    const TableImage& rows = whole.tables[table.spec.kind == TableKind::kDense ? 0 : 1];
    for (size_t i = 0; i < rows.keys.size(); ++i) {
      answers->RestoreRow(rows.keys[i],
                          std::span(rows.rows).subspan(i * rows.row_floats, rows.row_floats));
    }
    const auto keys = table.keys.empty() ? PushedKeys(table.spec) : table.keys;
    std::vector<float> expected(keys.size() * table.spec.dim);
    answers->Gather(keys, expected.data());
    expected.resize(table.weights.size());  // without padding
    EXPECT_EQ(table.weights, expected) << table.spec.name;
  }
}

// As a store reads an image that rests on an older one.
TEST_F(ModelWeightsTest, RowsOfALaterEntryReplaceThoseOfAnEarlierOne) {
  Image image = ImageOf(job_, NameOf(1, 0, 1), 1);
  const auto before = ReadWeights(job_, Cut(1), &store_);
  for (const size_t i : {0U, 1U}) {
    const TableImage& all = image.tables[i];
    TableImage newer{
        all.table, all.row_floats, {all.keys[2]}, std::vector<float>(all.row_floats, 42.0F)};
    image.tables.push_back(std::move(newer));
  }
  image.name = NameOf(2, 0, 1);
  ASSERT_TRUE(store_.Write(image).ok());
  const auto after = ReadWeights(job_, {image.name}, &store_);
  ASSERT_TRUE(after.ok()) << after.status();
  std::vector<float> layer = (*before)[0].weights;
  std::fill_n(layer.begin() + static_cast<std::ptrdiff_t>(8 * image.tables[0].keys[2].value()), 8,
              42.0F);
  EXPECT_EQ((*after)[0].weights, layer);
  EXPECT_EQ((*after)[1].keys, (*before)[1].keys);
  const auto row = std::ranges::find((*after)[1].keys, image.tables[1].keys[2]);
  std::vector<float> rows = (*before)[1].weights;
  std::fill_n(rows.begin() + 3 * (row - (*after)[1].keys.begin()), 3, 42.0F);
  EXPECT_EQ((*after)[1].weights, rows);
}

TEST_F(ModelWeightsTest, WhatIsNotThisModelOrNotAllOfItIsRefused) {
  Image image = ImageOf(job_, NameOf(1, 0, 1), 2);
  EXPECT_EQ(Refusal(image), "no image of the snapshot has block 1 of table 'layer'");
  image = ImageOf(job_, NameOf(2, 0, 1), 1);
  image.tables[0].keys[1] = RowKey(7);
  EXPECT_EQ(Refusal(image), "image 2-0-1: its table 'layer' has a block 7, beyond its 7");
  image.name = NameOf(3, 0, 1);
  image.tables[0].row_floats = 7;
  EXPECT_EQ(Refusal(image),
            "image 3-0-1: its table 'layer' has rows of 7 floats, fewer than the 8 weights of one");
  image.name = NameOf(4, 0, 1);
  image.tables[0].table = TableId(1);
  EXPECT_EQ(Refusal(image), "image 4-0-1: it has a table 1 that job.json has not");
  image.name = NameOf(5, 0, 1);
  ++image.job_fingerprint;
  EXPECT_EQ(Refusal(image), "image 5-0-1: it is of another model than job.json");
  EXPECT_TRUE(absl::IsNotFound(ReadWeights(job_, {NameOf(6, 0, 1)}, &store_).status()));
}

}  // namespace
}  // namespace rubato
