#include "worker/data/dataset/dataset.h"

#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/env.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"
#include "worker/data/dataset/dataset_format.h"
#include "worker/data/dataset/dataset_writer.h"

namespace rubato {
namespace {

struct Row {
  std::vector<float> numeric = {};
  std::vector<uint32_t> categories = {};
  std::vector<uint64_t> keys = {};
  std::vector<float> values = {};
  float label = 0;
  float weight = 1;
  float offset = 0;
  float scale = 1;
  std::vector<float> oracle = {};
};

RowView View(const Row& row) {
  return {.numeric = row.numeric,
          .categories = row.categories,
          .keys = row.keys,
          .values = row.values,
          .label = row.label,
          .weight = row.weight,
          .offset = row.offset,
          .scale = row.scale,
          .oracle = row.oracle};
}

DatasetShape Shape(uint64_t numeric, std::vector<uint64_t> level_begin, uint64_t sparse_keys) {
  DatasetShape shape;
  shape.numeric_columns = numeric;
  shape.category_columns = level_begin.empty() ? 0 : level_begin.size() - 1;
  shape.levels = level_begin.empty() ? 0 : level_begin.back();
  shape.sparse_keys = sparse_keys;
  shape.level_begin = std::move(level_begin);
  return shape;
}

Row RandomRow(const DatasetShape& shape, bool oracle, Rng* rng) {
  Row row;
  for (uint64_t i = 0; i < shape.numeric_columns; ++i) {
    row.numeric.push_back(static_cast<float>(rng->Normal()));
  }
  for (uint64_t k = 0; k < shape.category_columns; ++k) {
    const uint64_t begin = shape.level_begin[k];
    row.categories.push_back(
        static_cast<uint32_t>(begin + rng->Below(shape.level_begin[k + 1] - begin)));
  }
  for (uint64_t n = shape.sparse_keys > 0 ? rng->Below(9) : 0; n > 0; --n) {
    row.keys.push_back(rng->Below(shape.sparse_keys));
    row.values.push_back(static_cast<float>(rng->Normal()));
  }
  row.label = static_cast<float>(rng->Normal());
  row.weight = static_cast<float>(rng->Uniform());
  if (shape.offsets) row.offset = static_cast<float>(rng->Normal());
  if (shape.scales) row.scale = static_cast<float>(std::exp(rng->Normal()));
  // Of two outputs.
  for (int k = 0; oracle && k < 2; ++k) row.oracle.push_back(static_cast<float>(rng->Uniform()));
  return row;
}

class DatasetTest : public testing::Test {
 protected:
  void Write(const DatasetShape& shape, const std::vector<Row>& rows) const {
    auto writer = DatasetWriter::Create(path_, shape);
    ASSERT_TRUE(writer.ok()) << writer.status();
    for (const Row& row : rows) ASSERT_EQ((*writer)->AddRow(View(row)), absl::OkStatus());
    ASSERT_EQ((*writer)->Finish(), absl::OkStatus());
  }

  std::vector<Row> WriteRandom(const DatasetShape& shape, size_t rows, bool oracle) const {
    Rng rng(7);
    std::vector<Row> written;
    for (size_t i = 0; i < rows; ++i) written.push_back(RandomRow(shape, oracle, &rng));
    Write(shape, written);
    return written;
  }

  std::string Bytes() const {
    std::ifstream in(path_, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  void Overwrite(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }
  void ExpectDamaged(const std::string& bytes, const std::string& what) const {
    Overwrite(bytes);
    const absl::Status status = OpenDataset(path_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << what;
    EXPECT_NE(status.message().find(path_), absl::string_view::npos) << status;
    EXPECT_NE(status.message().find("prepare the data again"), absl::string_view::npos) << status;
  }

  ScratchFolder scratch_;
  const std::string folder_ = scratch_.path();
  const std::string path_ = folder_ + "/train.rbd";
};

void ExpectRow(const Row& row, const Batch& batch, size_t i) {
  const auto part = [i](const auto& values, size_t width) {
    const auto begin = values.begin() + static_cast<ptrdiff_t>(i * width);
    return std::vector(begin, begin + static_cast<ptrdiff_t>(width));
  };
  EXPECT_EQ(row.numeric, part(batch.numeric, batch.numeric_columns));
  EXPECT_EQ(row.categories, part(batch.categories, batch.category_columns));
  EXPECT_EQ(row.label / row.scale, batch.labels[i]);
  EXPECT_EQ(row.scale, batch.scales.empty() ? 1.0F : batch.scales[i]);
  EXPECT_EQ(row.weight, batch.weights[i]);
  EXPECT_EQ(row.offset, batch.offsets.empty() ? 0.0F : batch.offsets[i]);
  if (batch.row_begin.empty()) return;
  const auto begin = static_cast<ptrdiff_t>(batch.row_begin[i]);
  const auto end = static_cast<ptrdiff_t>(batch.row_begin[i + 1]);
  EXPECT_EQ(row.keys, std::vector(batch.keys.begin() + begin, batch.keys.begin() + end));
  EXPECT_EQ(row.values, std::vector(batch.values.begin() + begin, batch.values.begin() + end));
}

// Reads all rows backwards and the first one twice.
void ExpectRows(const Dataset& dataset, const std::vector<Row>& rows) {
  ASSERT_EQ(dataset.rows(), rows.size());
  std::vector<uint64_t> order;
  for (size_t i = rows.size(); i > 0; --i) order.push_back(i - 1);
  if (!rows.empty()) order.push_back(0);
  Batch batch;
  batch.rows = 99;  // what an earlier, larger batch left behind
  batch.keys.resize(1000);
  batch.labels.resize(1000);
  dataset.Read(order, &batch);
  ASSERT_EQ(batch.rows, order.size());
  ASSERT_EQ(batch.labels.size(), order.size());
  for (size_t i = 0; i < order.size(); ++i) ExpectRow(rows[order[i]], batch, i);
}

TEST_F(DatasetTest, GivesBackWhatWasWrittenForAllKindsOfShape) {
  std::vector<DatasetShape> shapes = {
      Shape(3, {0, 2, 7}, 0), Shape(17, {}, 0), Shape(0, {0, 1000}, 0), Shape(0, {}, 124),
      Shape(5, {0, 3}, 99),   Shape(1, {0}, 0), Shape(0, {}, 0),        Shape(300, {}, ~0ull),
  };
  for (size_t i = shapes.size(); i > 0; --i) shapes.emplace_back(shapes[i - 1]).offsets = true;
  for (size_t i = shapes.size(); i > 0; i -= 4) shapes.emplace_back(shapes[i - 1]).scales = true;
  for (const DatasetShape& shape : shapes) {
    for (const size_t rows : {0u, 1u, 15u, 16u, 17u, 1000u}) {
      const std::vector<Row> written = WriteRandom(shape, rows, rows % 2 == 0);
      auto dataset = OpenDataset(path_);
      ASSERT_TRUE(dataset.ok()) << dataset.status();
      EXPECT_EQ((*dataset)->shape(), shape);
      ExpectRows(**dataset, written);
    }
  }
}

TEST_F(DatasetTest, LabelsAreKeptAsTheyAreAndReadInTheirUnit) {
  DatasetShape shape = Shape(1, {}, 0);
  shape.scales = true;
  const std::vector<Row> rows = WriteRandom(shape, 20, /*oracle=*/false);
  const auto dataset = OpenDataset(path_);
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  ExpectRows(**dataset, rows);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ((*dataset)->labels()[i], rows[i].label);
    EXPECT_EQ((*dataset)->scales()[i], rows[i].scale);
  }
}

TEST_F(DatasetTest, AScaleIsAboveZeroAndOfTheShape) {
  DatasetShape shape = Shape(0, {}, 0);
  EXPECT_NE((*DatasetWriter::Create(path_, shape))->AddRow({.scale = 2.0F}), absl::OkStatus());
  shape.scales = true;
  for (const float scale : {0.0F, -1.0F, std::numeric_limits<float>::infinity()}) {
    EXPECT_NE((*DatasetWriter::Create(path_, shape))->AddRow({.scale = scale}), absl::OkStatus());
  }
}

TEST_F(DatasetTest, KeepsLabelsAndTrueProbabilities) {
  const auto rows = WriteRandom(Shape(1, {}, 0), 500, /*oracle=*/true);
  auto dataset = OpenDataset(path_);
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  ASSERT_EQ((*dataset)->labels().size(), rows.size());
  const auto oracle = (*dataset)->oracle();
  ASSERT_EQ(oracle.size(), 2 * rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ((std::vector<float>{oracle[2 * i], oracle[2 * i + 1]}), rows[i].oracle);
    EXPECT_EQ((*dataset)->labels()[i], rows[i].label);
    EXPECT_EQ((*dataset)->weights()[i], rows[i].weight);
  }
}

TEST_F(DatasetTest, StreamsMoreThanItsBuffers) {
  const auto rows = WriteRandom(Shape(64, {0, 4, 9}, 1000), 5000, /*oracle=*/false);
  auto dataset = OpenDataset(path_);
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  ExpectRows(**dataset, rows);
  EXPECT_TRUE((*dataset)->oracle().empty());
}

TEST_F(DatasetTest, IsTheSameFileForTheSameRows) {
  WriteRandom(Shape(3, {0, 2}, 50), 100, true);
  const std::string first = Bytes();
  WriteRandom(Shape(3, {0, 2}, 50), 100, true);
  EXPECT_EQ(first, Bytes());
}

TEST_F(DatasetTest, NoticesEveryTruncation) {
  WriteRandom(Shape(2, {0, 3}, 9), 20, true);
  const std::string bytes = Bytes();
  for (size_t size = 0; size < bytes.size(); size += size < 300 ? 1 : 13) {
    ExpectDamaged(bytes.substr(0, size), absl::StrCat("cut at ", size));
  }
  ExpectDamaged(bytes + '\0', "one byte more");
}

TEST_F(DatasetTest, NoticesEveryFlippedBit) {
  WriteRandom(Shape(2, {0, 3}, 9), 5, true);
  const std::string bytes = Bytes();
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
    ExpectDamaged(flipped, absl::StrCat("flipped in byte ", i));
  }
}

// A header with the right checksum that lies: only the bounds stand in its way.
TEST_F(DatasetTest, RefusesHostileSizes) {
  WriteRandom(Shape(2, {0, 3}, 9), 5, true);
  const std::string bytes = Bytes();
  const auto layout = DecodeDatasetHeader(std::as_bytes(std::span(bytes)));
  ASSERT_TRUE(layout.ok()) << layout.status();
  const std::string body = bytes.substr(layout->sections[0].offset);
  ASSERT_EQ(EncodeDatasetHeader(*layout) + body, bytes);

  std::vector<DatasetLayout> lies(11, *layout);
  lies[0].rows = ~0ull;
  lies[1].rows = 1ull << 62;
  lies[2].rows = 0;
  lies[3].shape.numeric_columns = 1ull << 63;
  lies[4].shape.category_columns = 7;
  lies[5].shape.level_begin = {3, 0};
  lies[6].shape.level_begin.clear();
  lies[7].shape.sparse_keys = 0;
  lies[8].sections[3].bytes += 8;
  lies[9].shape.offsets = true;
  lies[10].shape.scales = true;
  for (size_t i = 0; i < lies.size(); ++i) {
    ExpectDamaged(EncodeDatasetHeader(lies[i]) + body, absl::StrCat("lie ", i));
  }
}

// A section with the right checksum and contents no model could use.
TEST_F(DatasetTest, RefusesContentsOutsideTheShape) {
  DatasetShape shape = Shape(2, {0, 3}, 9);
  shape.offsets = shape.scales = true;
  WriteRandom(shape, 5, true);
  const std::string bytes = Bytes();
  const auto layout = DecodeDatasetHeader(std::as_bytes(std::span(bytes)));
  ASSERT_TRUE(layout.ok());
  for (size_t kind = 0; kind < kSectionKinds; ++kind) {
    std::string body = bytes;
    DatasetLayout changed = *layout;
    SectionLayout& section = changed.sections[kind];
    ASSERT_GE(section.bytes, 8u);
    body.replace(section.offset, 8, 8, '\xff');  // NaN, or the largest number
    section.xxh3 = XXH3_64bits(body.data() + section.offset, PaddedBytes(section.bytes));
    ExpectDamaged(EncodeDatasetHeader(changed) + body.substr(layout->sections[0].offset),
                  absl::StrCat("section ", kind));
  }
}

// As version 1 was: sealed properly, and not damaged.
TEST_F(DatasetTest, AnotherVersionsFileIsNotCalledDamaged) {
  WriteRandom(Shape(2, {0, 3}, 9), 5, true);
  std::string bytes = Bytes();
  const auto layout = DecodeDatasetHeader(std::as_bytes(std::span(bytes)));
  ASSERT_TRUE(layout.ok());
  bytes[8] = 1;  // the prefix: magic[8] version header_bytes file_bytes xxh3
  std::fill_n(bytes.begin() + 24, 8, '\0');
  const uint64_t prefix = XXH3_64bits(bytes.data(), kPrefixBytes);
  const uint64_t sum = XXH3_64bits_withSeed(bytes.data() + kPrefixBytes,
                                            layout->sections[0].offset - kPrefixBytes, prefix);
  std::memcpy(bytes.data() + 24, &sum, sizeof(sum));
  Overwrite(bytes);
  const absl::Status status = OpenDataset(path_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), path_ +
                                  ": it has format version 1 and this program reads version 3; "
                                  "train into a new folder");
}

TEST_F(DatasetTest, SaysWhenThereIsNoFile) {
  const absl::Status status = OpenDataset(folder_ + "/none.rbd").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(status.message().find("none.rbd"), absl::string_view::npos);
  EXPECT_EQ(OpenDataset(folder_).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(DatasetTest, WriterRefusesRowsThatDoNotFit) {
  const DatasetShape shape = Shape(1, {0, 3}, 9);
  const Row good = {.numeric = {1}, .categories = {2}, .keys = {8}, .values = {1}, .label = 1};
  std::vector<Row> bad(11, good);
  bad[0].numeric = {1, 2};
  bad[1].numeric = {std::numeric_limits<float>::quiet_NaN()};
  bad[2].categories = {3};
  bad[3].keys = {9};
  bad[4].values = {};
  bad[5].label = std::numeric_limits<float>::infinity();
  bad[6].weight = -1;
  bad[7].oracle = {0.5f};
  bad[8].categories = {};
  bad[10].offset = 1;  // the shape has none
  bad[9].values = {std::numeric_limits<float>::infinity()};
  for (size_t i = 0; i < bad.size(); ++i) {
    auto writer = DatasetWriter::Create(path_, shape);
    ASSERT_TRUE(writer.ok());
    ASSERT_EQ((*writer)->AddRow(View(good)), absl::OkStatus());
    const absl::Status status = (*writer)->AddRow(View(bad[i]));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << "row " << i;
    EXPECT_NE(status.message().find("row 1 of"), absl::string_view::npos) << status;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(DatasetTest, WriterRefusesShapesAndFoldersThatCannotBe) {
  EXPECT_EQ(DatasetWriter::Create(path_, Shape(70000, {}, 0)).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DatasetWriter::Create(path_, Shape(1, {0, 5, 3}, 0)).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DatasetWriter::Create(folder_ + "/no/x.rbd", Shape(1, {}, 0)).status().code(),
            absl::StatusCode::kNotFound);
}

// Through spills, and each section straight to its place.
TEST_F(DatasetTest, AFileOfKnownSizeIsTheSame) {
  DatasetShape all = Shape(3, {0, 4, 9}, 100);
  all.offsets = all.scales = true;
  for (const DatasetShape& shape : {all, Shape(2, {}, 0), Shape(0, {}, 7)}) {
    for (const size_t count : {0u, 1u, 50'000u}) {  // the last fills buffers
      const bool oracle = shape.sparse_keys != 7;
      const std::vector<Row> rows = WriteRandom(shape, count, oracle);
      const std::string spilled = Bytes();
      DatasetSize size = {.rows = count, .entries = 0, .oracle = oracle ? 2u : 0u};
      for (const Row& row : rows) size.entries += row.keys.size();
      auto writer = DatasetWriter::Create(path_, shape, size);
      ASSERT_TRUE(writer.ok()) << writer.status();
      for (const Row& row : rows) ASSERT_EQ((*writer)->AddRow(View(row)), absl::OkStatus());
      EXPECT_TRUE(Bytes() == spilled);  // the old one still, which is as long
      std::filesystem::remove(path_);
      ASSERT_EQ((*writer)->Finish(), absl::OkStatus());
      EXPECT_TRUE(Bytes() == spilled) << count;
    }
  }
}

TEST_F(DatasetTest, AFileOfKnownSizeHoldsThatManyRowsAndKeys) {
  const DatasetShape shape = Shape(0, {}, 10);
  Row row;
  row.keys = {3, 4};
  row.values = {1.0F, 2.0F};
  const auto add = [&](DatasetSize size, int times) {
    auto writer = DatasetWriter::Create(path_, shape, size);
    EXPECT_TRUE(writer.ok()) << writer.status();
    absl::Status status;
    for (int i = 0; i < times && status.ok(); ++i) status = (*writer)->AddRow(View(row));
    return status.ok() ? (*writer)->Finish() : status;
  };
  EXPECT_EQ(add({.rows = 2, .entries = 4}, 2), absl::OkStatus());
  std::filesystem::remove(path_);
  for (const auto& [size, times] : {std::pair(DatasetSize{.rows = 1, .entries = 4}, 2),
                                    std::pair(DatasetSize{.rows = 3, .entries = 4}, 2),
                                    std::pair(DatasetSize{.rows = 2, .entries = 3}, 2),
                                    std::pair(DatasetSize{.rows = 2, .entries = 5}, 2)}) {
    EXPECT_EQ(add(size, times).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(DatasetTest, KeepsTheOldFileUntilTheNewOneIsWhole) {
  const auto rows = WriteRandom(Shape(2, {}, 0), 10, false);
  {
    auto writer = DatasetWriter::Create(path_, Shape(1, {}, 0));
    ASSERT_TRUE(writer.ok());
    const float one = 1;
    ASSERT_EQ((*writer)->AddRow({.numeric = {&one, 1}}), absl::OkStatus());
  }
  auto dataset = OpenDataset(path_);
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  ExpectRows(**dataset, rows);
}

}  // namespace
}  // namespace rubato
