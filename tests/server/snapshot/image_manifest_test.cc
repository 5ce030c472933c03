#include "server/snapshot/image_manifest.h"

#include <string>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"
#include "tests/hex_bytes.h"

namespace rubato {
namespace {

// 3 rows of 2 floats and 131073 rows of 8: 1 and 6 pieces, all in one file.
ImageManifest Sample() {
  return {{.name = {SnapshotNumber(12), PlaceId(1), Life(7)},
           .generation = Generation(2),
           .clock = Clock(300),
           .exact = false,
           .job_fingerprint = 0x1122334455667788,
           .places = 3,
           .positions = {{Life(4), Clock(300)}, {Life(5), Clock(-1)}},
           .base = ImageName{SnapshotNumber(11), PlaceId(1), Life(6)},
           .depth = 3},
          {{TableId(9), 2, 3}, {TableId(4), 8, 131073}},
          {{5243900, 0xfedcba9876543210}}};
}

// Format 2, byte for byte: if this fails, old snapshots can no longer be read.
constexpr char kGolden[] =
    "524254696d616765f00000000000000039bc99b7fdbaf7a8240000002000680004003c00080044004c005400"
    "00005c000c001000140018001c00380020000000020000000100000003000000980000006c00000050000000"
    "0b000000000000000600000000000000010000000000000000000000030000000c0000000000000007000000"
    "0000000002000000000000002c0100000000000088776655443322110000000001000000fc03500000000000"
    "1032547698badcfe000000000200000009000000020000000300000000000000040000000800000001000200"
    "00000000000000000200000004000000000000002c010000000000000500000000000000ffffffffffffffff";

TEST(ImageManifest, BytesAreThoseOfFormat2) {
  EXPECT_EQ(absl::BytesToHexString(EncodeManifest(Sample())), kGolden);
  const auto read = DecodeManifest(HexBytes(kGolden));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, Sample());
}

TEST(ImageManifest, EveryFlippedBitAndEveryCutIsDataLoss) {
  const std::string good = EncodeManifest(Sample());
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(DecodeManifest(bad).status().code(), absl::StatusCode::kDataLoss) << "bit " << bit;
  }
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(DecodeManifest(good.substr(0, size)).status().code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(DecodeManifest(good + '\0').status().code(), absl::StatusCode::kDataLoss);
}

TEST(ImageManifest, TablesMustFitIntoTheirFiles) {
  ImageManifest manifest = Sample();
  manifest.tables[1].rows = uint64_t{1} << 60;
  EXPECT_EQ(DecodeManifest(EncodeManifest(manifest)).status().code(), absl::StatusCode::kDataLoss);
  manifest = Sample();
  manifest.tables[0].row_floats = ~0U;
  EXPECT_EQ(DecodeManifest(EncodeManifest(manifest)).status().code(), absl::StatusCode::kDataLoss);
  manifest = Sample();
  manifest.files = {{~uint64_t{0}, 1}};
  EXPECT_EQ(DecodeManifest(EncodeManifest(manifest)).status().code(), absl::StatusCode::kDataLoss);
  manifest = Sample();
  for (int i = 0; i < 7; ++i) manifest.files.push_back({100, 1});  // 8 files for 7 pieces
  EXPECT_EQ(DecodeManifest(EncodeManifest(manifest)).status().code(), absl::StatusCode::kDataLoss);
}

TEST(ImageManifest, AFileHasAtMost32Pieces) {
  ImageManifest manifest = Sample();
  manifest.tables[1].rows = 26 * RowsOfPiece(8);
  manifest.files = {{uint64_t{1} << 30, 1}};
  EXPECT_TRUE(DecodeManifest(EncodeManifest(manifest)).ok());
  manifest.tables[1].rows = 32 * RowsOfPiece(8);
  EXPECT_EQ(DecodeManifest(EncodeManifest(manifest)).status().code(), absl::StatusCode::kDataLoss);
}

// Otherwise a chain might have no end.
TEST(ImageManifest, ABaseIsAnOlderImageOfTheSamePlace) {
  const auto with_base = [](const ImageName& base, uint32_t depth) {
    ImageManifest manifest = Sample();
    manifest.base = base;
    manifest.depth = depth;
    return DecodeManifest(EncodeManifest(manifest)).status();
  };
  const ImageName base = *Sample().base;
  EXPECT_TRUE(with_base(base, kLongestChain).ok());
  EXPECT_TRUE(absl::IsDataLoss(with_base(base, kLongestChain + 1)));
  EXPECT_TRUE(absl::IsDataLoss(with_base(base, 0)));
  EXPECT_TRUE(absl::IsDataLoss(with_base({SnapshotNumber(12), base.place, base.life}, 3)));
  EXPECT_TRUE(absl::IsDataLoss(with_base({base.snapshot, PlaceId(0), base.life}, 3)));
  ImageManifest manifest = Sample();
  manifest.base.reset();
  EXPECT_TRUE(absl::IsDataLoss(DecodeManifest(EncodeManifest(manifest)).status()));
  manifest.depth = 0;
  EXPECT_EQ(DecodeManifest(EncodeManifest(manifest)).value(), manifest);
}

TEST(ImageManifest, CutsTablesIntoPieces) {
  const std::vector<TableShape> tables = Sample().tables;
  EXPECT_EQ(RowsOfPiece(8), 26214U);  // of 40 bytes
  EXPECT_EQ(PiecesOf(tables[0]), 1U);
  EXPECT_EQ(PiecesOf(tables[1]), 6U);
  EXPECT_EQ(RowsOf(tables, {0, 0}).rows, 3U);
  EXPECT_EQ(RowsOf(tables, {1, 4}).first, 4 * 26214U);
  EXPECT_EQ(RowsOf(tables, {1, 4}).rows, 26214U);
  EXPECT_EQ(RowsOf(tables, {1, 5}).rows, 3U);
  EXPECT_EQ(PiecesOf({TableId(1), 1U << 20, 3}), 3U);  // a row is more than a piece
  EXPECT_EQ(PiecesOf({TableId(1), 8, 0}), 0U);
  EXPECT_EQ(absl::BytesToHexString(EntryKey({1, 5}, Column::kRows)), "000000010000000501");
  EXPECT_LT(EntryKey({1, 5}, Column::kRows), EntryKey({1, 256}, Column::kKeys));
}

}  // namespace
}  // namespace rubato
