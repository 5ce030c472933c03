#include "worker/data/text/libsvm.h"

#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

struct Read {
  std::vector<LibsvmRow> rows;
  std::vector<uint64_t> lines;
  absl::Status status;
};

Read ReadAll(LibsvmReader& reader) {
  Read read;
  for (;;) {
    LibsvmRow row;
    const auto found = reader.Next(&row);
    read.status = found.status();
    if (!found.ok() || !*found) return read;
    read.rows.push_back(row);
    read.lines.push_back(reader.line());
  }
}

Read ReadText(const std::string& text, size_t chunk_bytes = kSourceChunkBytes) {
  LibsvmReader reader(MakeMemorySource(text, chunk_bytes), "t.svm");
  return ReadAll(reader);
}

TEST(Libsvm, ReadsRowsCommentsAndBlankLines) {
  const std::string text =
      "-1 3:1 11:0.5 # the first\r\n\n# nothing here\n+1\t7:-2e1 \n0 # none\n1 1:+3";
  for (const size_t chunk : {size_t{1}, size_t{3}, text.size()}) {
    const Read read = ReadText(text, chunk);
    ASSERT_TRUE(read.status.ok()) << read.status;
    ASSERT_EQ(read.rows.size(), 4u);
    EXPECT_EQ(read.lines, (std::vector<uint64_t>{1, 4, 5, 6}));
    EXPECT_EQ(read.rows[0].label, -1.0);
    EXPECT_EQ(read.rows[0].keys, (std::vector<uint64_t>{3, 11}));
    EXPECT_EQ(read.rows[0].values, (std::vector<float>{1.0F, 0.5F}));
    EXPECT_EQ(read.rows[1].values, (std::vector<float>{-20.0F}));
    EXPECT_TRUE(read.rows[2].keys.empty());
    EXPECT_EQ(read.rows[3].values, (std::vector<float>{3.0F}));
  }
}

// Tokens that are read together, beside those that only the careful way reads.
TEST(Libsvm, ReadsShortAndLongTokensAlike) {
  const Read read = ReadText(
      "1 1:1 0000000002:1 3:-0 99999999:7 100000000:.5 281474976710655:1e3\n"
      "0\t1:+1 qid:5 2:0.12345678901234567\t\t3:12345678901 4:1.25 \r\n"
      "1 7:1");
  ASSERT_TRUE(read.status.ok()) << read.status;
  ASSERT_EQ(read.rows.size(), 3u);
  EXPECT_EQ(read.rows[0].keys,
            (std::vector<uint64_t>{1, 2, 3, 99999999, 100000000, 281474976710655}));
  EXPECT_EQ(read.rows[0].values, (std::vector<float>{1.0F, 1.0F, 0.0F, 7.0F, 0.5F, 1000.0F}));
  EXPECT_TRUE(std::signbit(read.rows[0].values[2]));
  EXPECT_EQ(read.rows[1].group, 5u);
  EXPECT_EQ(read.rows[1].values,
            (std::vector<float>{1.0F, 0.12345678901234567F, 12345678901.0F, 1.25F}));
  EXPECT_EQ(read.rows[2].keys, (std::vector<uint64_t>{7}));
  for (const char* token :
       {"1", "1:", "1:1x", "1:1:1", ":1", "1x:1", "1:--1", "1:1e16", "281474976710656:1"}) {
    EXPECT_FALSE(ReadText(absl::StrCat("1 2:3 ", token, " 9:1\n")).status.ok()) << token;
  }
}

TEST(Libsvm, IndicesFromZeroAndInAnyOrder) {
  const Read read = ReadText(
      "\xef\xbb\xbf"
      "1 0:2 3:1\n0 7:0.5 0:1 3:4 # in no order\n");
  ASSERT_TRUE(read.status.ok()) << read.status;
  ASSERT_EQ(read.rows.size(), 2u);
  EXPECT_EQ(read.rows[0].keys, (std::vector<uint64_t>{0, 3}));
  EXPECT_EQ(read.rows[1].keys, (std::vector<uint64_t>{0, 3, 7}));
  EXPECT_EQ(read.rows[1].values, (std::vector<float>{1.0F, 4.0F, 0.5F}));
}

TEST(Libsvm, QidIsTheGroupOfItsRow) {
  const Read read = ReadText("1 qid:7 2:1\n0 2:1 qid:0\n0 2:1\n");
  ASSERT_TRUE(read.status.ok()) << read.status;
  ASSERT_EQ(read.rows.size(), 3u);
  EXPECT_EQ(read.rows[0].group, 7u);
  EXPECT_EQ(read.rows[1].group, 0u);
  EXPECT_EQ(read.rows[2].group, std::nullopt);
  EXPECT_EQ(read.rows[0].keys, (std::vector<uint64_t>{2}));
}

TEST(Libsvm, ErrorsNameTheLine) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"1 2:1\nx 3:1\n", "t.svm:2: the label 'x' is not a number"},
      {"1 2\n", "t.svm:1: '2' is not index:value"},
      {"1 -3:1\n", "the index of '-3:1' is not a whole number from 0"},
      {"1 99999999999999999999:1\n", "the index of '9999"},
      {"1 5:1 5:2\n", "t.svm:1: index 5 stands twice in the row"},
      {"1 5:1 4:2 5:1\n", "index 5 stands twice in the row"},
      {"1 qid:x 5:1\n", "'qid:x' is not the one qid:N of the row"},
      {"1 qid:1 qid:2\n", "'qid:2' is not the one qid:N of the row"},
      {"1 5:\n", "the value of '5:' is not a number"},
      {"1 5:nan\n", "the value of '5:nan'"},
      {"1 5:1e40\n", "the value of '5:1e40'"},
      {"1 5:1:2\n", "the value of '5:1:2'"},
  };
  for (const auto& [text, part] : cases) {
    const Read read = ReadText(text);
    EXPECT_EQ(read.status.code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_TRUE(absl::StrContains(std::string(read.status.message()), part)) << read.status;
  }
}

TEST(Libsvm, BoundsTheLine) {
  const Read read = ReadText("1 2:1\n1 3:" + std::string(kMaxLibsvmLineBytes + 10, '1'));
  EXPECT_TRUE(absl::StrContains(std::string(read.status.message()), "t.svm:2: the line is longer"))
      << read.status;
}

TEST(Libsvm, RealA9a) {
  const char* folder = std::getenv("RUBATO_DATA_DIR");
  if (folder == nullptr) GTEST_SKIP() << "needs RUBATO_DATA_DIR, the folder of the real data sets";
  const std::vector<std::pair<std::string, size_t>> files = {{"a9a.gz", 32561},
                                                             {"a9a.t.gz", 16281}};
  for (const auto& [name, rows] : files) {
    auto reader = LibsvmReader::Open(absl::StrCat(folder, "/a9a/", name));
    ASSERT_TRUE(reader.ok()) << reader.status();
    const Read read = ReadAll(**reader);
    ASSERT_TRUE(read.status.ok()) << read.status;
    EXPECT_EQ(read.rows.size(), rows);
    for (const LibsvmRow& row : read.rows) {
      ASSERT_TRUE(row.label == 1.0 || row.label == -1.0);
      ASSERT_FALSE(row.keys.empty());
      ASSERT_LE(row.keys.back(), 123u);
    }
  }
}

}  // namespace
}  // namespace rubato
