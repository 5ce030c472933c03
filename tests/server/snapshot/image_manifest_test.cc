#include "server/snapshot/image_manifest.h"

#include <string>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"
#include "tests/hex_bytes.h"

namespace rubato {
namespace {

// 3 rows of 2 floats and 131073 rows of 8: 1 + 1 and 2 + 5 chunks, all in one file.
ImageManifest Sample() {
  return {{.name = {SnapshotNumber(12), PlaceId(1), Life(7)},
           .generation = Generation(2),
           .clock = Clock(300),
           .exact = false,
           .job_fingerprint = 0x1122334455667788,
           .places = 3,
           .positions = {{Life(4), Clock(300)}, {Life(5), Clock(-1)}}},
          {{TableId(9), 2, 3}, {TableId(4), 8, 131073}},
          {{5243900, 0xfedcba9876543210}}};
}

// Format 1, byte for byte: if this fails, old snapshots can no longer be read.
constexpr char kGolden[] =
    "524254696d616765d000000000000000b57ac94b00b43c3924000000000000001c00480004001c0008002400"
    "2c00340000003c000c001000140018001c000000010000000100000003000000780000004c00000030000000"
    "0c00000000000000070000000000000002000000000000002c01000000000000887766554433221100000000"
    "01000000fc035000000000001032547698badcfe000000000200000009000000020000000300000000000000"
    "04000000080000000100020000000000000000000200000004000000000000002c0100000000000005000000"
    "00000000ffffffffffffffff";

TEST(ImageManifest, BytesAreThoseOfFormat1) {
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
  manifest.files.push_back({100, 1});
  EXPECT_EQ(DecodeManifest(EncodeManifest(manifest)).status().code(), absl::StatusCode::kDataLoss);
}

TEST(ImageManifest, CutsColumnsIntoChunks) {
  const std::vector<Chunk> chunks = ChunksOf(Sample().tables);
  ASSERT_EQ(chunks.size(), 9U);
  EXPECT_EQ(chunks[0].bytes, 24U);  // keys of the first table
  EXPECT_EQ(chunks[1].bytes, 24U);  // its rows
  EXPECT_EQ(chunks[2].bytes, kChunkBytes);
  EXPECT_EQ(chunks[3].bytes, 8U);
  EXPECT_EQ(chunks[8].bytes, 32U);
  EXPECT_EQ(absl::BytesToHexString(chunks[8].Key()), "000000010100000004");
  for (size_t i = 1; i < chunks.size(); ++i) EXPECT_LT(chunks[i - 1].Key(), chunks[i].Key());
}

}  // namespace
}  // namespace rubato
