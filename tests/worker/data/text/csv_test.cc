#include "worker/data/text/csv.h"

#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/limits.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"
#include "tests/worker/data/text/csv_table.h"
#include "worker/data/text/byte_source.h"
#include "worker/data/text/field.h"
#include "worker/data/text/unpack_bound.h"

namespace rubato {
namespace {

TEST(Csv, ReadsPlainRows) {
  const Table table = ReadAll("a,b,c\n1,,x y\n-2.5, q ,\n");
  ASSERT_TRUE(table.status.ok()) << table.status;
  EXPECT_EQ(table.header, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(table.rows, (Rows{{"1", "", "x y"}, {"-2.5", " q ", ""}}));
  EXPECT_EQ(table.lines, (std::vector<uint64_t>{2, 3}));
}

TEST(Csv, QuotesHoldSeparatorsLineEndsAndDoubledQuotes) {
  const Table table = ReadAll("a,b\n\"x,\"\"y\"\"\nz\",1\n\"\",\"\"\"\"\r\nlast,\"end\"");
  ASSERT_TRUE(table.status.ok()) << table.status;
  EXPECT_EQ(table.rows, (Rows{{"x,\"y\"\nz", "1"}, {"", "\""}, {"last", "end"}}));
  EXPECT_EQ(table.lines, (std::vector<uint64_t>{2, 4, 5}));
}

TEST(Csv, LineEndsByteOrderMarkAndBlankLines) {
  const Table table = ReadAll("\xef\xbb\xbf\r\n\"a\"\tb\r\n\r\n1\t2\r\n\n3\t\r\n\r");
  ASSERT_TRUE(table.status.ok()) << table.status;
  EXPECT_EQ(table.header, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(table.rows, (Rows{{"1", "2"}, {"3", ""}}));
  EXPECT_EQ(table.lines, (std::vector<uint64_t>{4, 6}));
}

TEST(Csv, SniffsTheSeparatorOutsideQuotes) {
  EXPECT_EQ(ReadAll("\"a,b,c,d\";x;y\n1;2;3\n").header.size(), 3u);
  EXPECT_EQ(ReadAll("a\tb c\n1\t2\n").header.size(), 2u);
  EXPECT_EQ(ReadAll("a|b|c\n1|2|3\n").header.size(), 3u);
  EXPECT_EQ(ReadAll("only\n1\n").header.size(), 1u);
}

TEST(Csv, EveryChunkSizeGivesTheSameRows) {
  const std::string text = "a;b\r\n\"x\"\"\n;\";1\r\n\r\ny;\"2\"\r\nz;3";
  const Table whole = ReadAll(text);
  ASSERT_EQ(whole.rows.size(), 3u);
  for (size_t chunk = 1; chunk < text.size(); ++chunk) {
    const Table table = ReadAll(MakeMemorySource(text, chunk));
    EXPECT_TRUE(table.status.ok());
    EXPECT_EQ(table.rows, whole.rows) << chunk;
    EXPECT_EQ(table.lines, whole.lines) << chunk;
  }
}

// Rows that straddle the reader's buffer, and one far longer than its first size.
TEST(Csv, RowsLargerThanTheBuffer) {
  std::string text = "a,b\n";
  Rows expected;
  for (int i = 0; i < 40'000; ++i) {
    expected.push_back({std::string(static_cast<size_t>(i % 97), 'x'), absl::StrCat("q\"", i)});
    absl::StrAppend(&text, expected.back()[0], ",\"q\"\"", i, "\"\r\n");
  }
  expected.push_back({std::string(900'000, 'y'), std::string(900'000, 'z')});
  absl::StrAppend(&text, expected.back()[0], ",", expected.back()[1], "\n");
  const Table table = ReadAll(text);
  ASSERT_TRUE(table.status.ok()) << table.status;
  EXPECT_TRUE(table.rows == expected);
}

TEST(Csv, RaggedRowsNameTheLineAndBothCounts) {
  ExpectError("a,b,c\n1,2,3\n\"x\ny\",2,3\n1,2\n",
              "t.csv:5: the row has 2 fields, the header has 3");
  ExpectError("a,b\n1,2,3\n", "t.csv:2: the row has 3 fields, the header has 2");
}

TEST(Csv, RefusesWhatItCannotRead) {
  ExpectError("", "t.csv:1: the file is empty");
  ExpectError("\n\r\n", "the file is empty");
  ExpectError("a,b,a\n", "names the column 'a' twice");
  ExpectError("-1 3:1 11:1\n+1 2:1\n", "t.csv:1: the first line looks like LIBSVM");
  ExpectError("a,b\n1,\"x\n2,3\n", "t.csv:2: a quote that opens in this row is never closed");
  ExpectError("a,b\n1,\"x\"y\n", "t.csv:2: text follows a closing quote");
  ExpectError(std::string("a,b\n1,\0\n", 8), "t.csv:2: the row holds a NUL byte");
  ExpectError(std::string("a,b\n1,\"\0\"\n", 10), "t.csv:2: a quoted field holds a NUL byte");
  ExpectError("a,b\r1,2\r3,4\r", "t.csv:1: lines end in CR alone");
}

TEST(Csv, BoundsRowsAndFields) {
  ExpectError("a,b\n1," + std::string(kMaxFieldBytes + 1, 'x') + "\n",
              "t.csv:2: field 2 is longer");
  ExpectError("a,b\n\"" + std::string(kMaxRowBytes + 10, 'x'), "t.csv:2: the row is longer");
  ExpectError("a,b\n" + std::string(kMaxColumns + 10, ',') + "\n", "more than 65536 fields");
}

TEST(Csv, EmptyHeaderNamesAreNumbered) {
  EXPECT_EQ(ReadAll(",x, \n1,2,3\n").header,
            (std::vector<std::string>{"column_1", "x", "column_3"}));
}

std::string Gzip(const std::string& text) {
  std::string out(text.size() + 1000, '\0');
  z_stream stream = {};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

class CompressedFile : public testing::Test {
 protected:
  Table ReadFile(const std::string& bytes, UnpackBound bound = {}) {
    const std::string path = scratch_.path() + "/table.bin";
    std::ofstream(path, std::ios::binary) << bytes;
    auto source = OpenBoundedSource(path, bound);
    EXPECT_TRUE(source.ok()) << source.status();
    return ReadAll(*std::move(source));
  }
  CompressedFile() {
    text_ = "a,b\n";
    for (int i = 0; i < 200'000; ++i) absl::StrAppend(&text_, i, ",", i * 7919 % 100'003, "\n");
  }
  ScratchFolder scratch_;
  std::string text_;
};

TEST_F(CompressedFile, GzipAndZstdReadLikePlain) {
  const Table plain = ReadFile(text_);
  ASSERT_EQ(plain.rows.size(), 200'000u);
  EXPECT_TRUE(ReadFile(Gzip(text_)).rows == plain.rows);
  EXPECT_TRUE(ReadFile(Zstd(text_)).rows == plain.rows);
}

TEST_F(CompressedFile, WhatUnpacksToFarMoreThanItsSizeIsRefused) {
  std::string bomb = "a,b\n";
  for (int i = 0; i < 200'000; ++i) bomb += "1,1\n";
  const UnpackBound bound = {.bytes = 100'000, .times = 50};
  for (const std::string& bytes : {Gzip(bomb), Zstd(bomb)}) {
    ASSERT_LT(bytes.size(), 10'000u);
    EXPECT_EQ(ReadFile(bytes).rows.size(), 200'000u);
    const absl::Status status = ReadFile(bytes, bound).status;
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_TRUE(absl::StrContains(std::string(status.message()), ": unpacks to more than 1"))
        << status;
  }
  EXPECT_EQ(ReadFile(bomb, bound).rows.size(), 200'000u) << "it is not packed";
  EXPECT_EQ(ReadFile(Gzip(text_), bound).rows.size(), 200'000u);
}

TEST_F(CompressedFile, APipeMayUnpackToWhatComesThroughIt) {
  const std::string path = scratch_.path() + "/pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(path, std::ios::binary) << Gzip(text_); });
  auto source = OpenBoundedSource(path, {.bytes = 100'000, .times = 50});
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ(ReadAll(*std::move(source)).rows.size(), 200'000u);
  writer.join();
}

TEST_F(CompressedFile, MembersOneAfterAnotherAreOneStream) {
  EXPECT_EQ(ReadFile(Gzip("a,b\n1,") + Gzip("") + Gzip("2\n3,4\n")).rows.size(), 2u);
  EXPECT_EQ(ReadFile(Zstd("a,b\n1,") + Zstd("") + Zstd("2\n3,4\n")).rows.size(), 2u);
}

TEST_F(CompressedFile, DamageAndCutOffEndsAreErrors) {
  for (std::string bytes : {Gzip(text_), Zstd(text_)}) {
    const Table cut = ReadFile(bytes.substr(0, bytes.size() / 2));
    EXPECT_TRUE(absl::StrContains(std::string(cut.status.message()), "too early")) << cut.status;
    for (size_t i = 0; i < 64; ++i) bytes[bytes.size() / 3 + i] ^= 0x5a;
    EXPECT_EQ(ReadFile(bytes).status.code(), absl::StatusCode::kDataLoss);
  }
}

TEST_F(CompressedFile, ATextInAnotherNameAndFilesShorterThanAnyMagic) {
  const std::string path = scratch_.path() + "/table.csv.gz";
  std::ofstream(path, std::ios::binary) << "a,b\n1,2\n";
  auto source = OpenByteSource(path);
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ(ReadAll(*std::move(source)).rows, (Rows{{"1", "2"}}));
  EXPECT_EQ(ReadFile("a").header, (std::vector<std::string>{"a"}));
  EXPECT_EQ(ReadFile("PK,b\n1,2\n").rows.size(), 1u);
}

class ByteSourceKinds : public testing::Test {
 protected:
  std::string Refusal(const std::string& bytes, const std::string& name = "table.csv") {
    const std::string path = scratch_.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    const absl::Status status = OpenByteSource(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    return std::string(status.message());
  }
  void ExpectKind(const std::string& bytes, const std::string& kind) {
    EXPECT_TRUE(absl::StrContains(Refusal(bytes), absl::StrCat("table.csv: is ", kind)))
        << Refusal(bytes);
  }
  ScratchFolder scratch_;
};

TEST_F(ByteSourceKinds, TheFirstBytesDecideAndNotTheName) {
  ExpectKind("PAR1\x15\x04=\xfd", "a Parquet file; convert it: python3 -c \"import pandas; ");
  ExpectKind(std::string("PK\3\4\x14\0\6\0", 8) + std::string(22, '\0') + "[Content_Types].xml",
             "an Excel workbook (xlsx)");
  ExpectKind(std::string("PK\3\4") + std::string(26, '\1') + "loans.csv",
             "a zip archive; unpack it: unzip");
  ExpectKind("PK\3\4", "a zip archive");
  ExpectKind("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file");
  ExpectKind("\x89HDF\r\n\x1a\n", "an HDF5 file");
  ExpectKind("\x80\x04\x95\x01", "a Python pickle");
  ExpectKind("%PDF-1.7", "a PDF document");
  ExpectKind("\xfd\x37zXZ", "compressed with xz");
  ExpectKind(
      "\xff\xfe"
      "a",
      "UTF-16; convert it: iconv -f utf-16 -t utf-8 ");
  ExpectKind(std::string(257, 'x') + std::string("ustar\0", 6), "a tar archive");
  ExpectKind("\n <!DOCTYPE html><html>", "a page of HTML");
}

TEST_F(ByteSourceKinds, AColumnMayBeCalledLikeAMagic) {
  const std::string path = scratch_.path() + "/table.csv";
  for (const char* name : {"PAR1", "ORCID", "$FLOW", "BZhang", "FEA1", "ARROW1",
                           "Gr\xf6\xdf"
                           "e",
                           "RDX2\n"}) {
    std::ofstream(path, std::ios::binary) << name << ",\xc3\xa4,y\r\n1,\t2,0\r\n";
    EXPECT_TRUE(OpenByteSource(path).ok()) << OpenByteSource(path).status();
  }
  std::ofstream(path, std::ios::binary) << std::string(257, 'x') << "ustar,y\n1,0\n";
  EXPECT_TRUE(OpenByteSource(path).ok());
}

TEST_F(ByteSourceKinds, WhatIsPackedIsLookedAtToo) {
  ExpectKind(Gzip("PAR1\x15\x04=\xfd"), "a Parquet file");
  ExpectKind(Zstd(Gzip("a,b\n")), "compressed twice");
}

TEST_F(ByteSourceKinds, TheRemedyCanBePasted) {
  const std::string path = scratch_.path() + "/table.csv";
  EXPECT_TRUE(absl::EndsWith(
      Refusal("PAR1\x15"),
      absl::StrCat("pandas.read_parquet('", path, "').to_csv('", path, ".csv', index=False)\"")))
      << Refusal("PAR1\x15");
  EXPECT_TRUE(
      absl::StrContains(Refusal("PAR1\x15", "it's.csv"), "read_parquet('FILE').to_csv('FILE."));
  EXPECT_TRUE(
      absl::EndsWith(Refusal("\xff\xfe"), absl::StrCat("utf-8 ", path, " > ", path, ".utf8")))
      << Refusal("\xff\xfe");
}

TEST(ByteSource, MissingFileAndFolderAreNamed) {
  EXPECT_TRUE(absl::StrContains(OpenByteSource("/no/such.csv").status().message(),
                                "opening /no/such.csv failed: No such file"));
  EXPECT_TRUE(absl::StrContains(OpenByteSource("/").status().message(), "is a folder"));
}

TEST(Field, MissingWords) {
  for (const char* word :
       {"", "?", ".", "NA", "na", "N/A", "#N/A", "NaN", "null", "inf", "-Inf", "+infinity"}) {
    EXPECT_TRUE(IsMissing(word)) << word;
  }
  for (const char* word : {"0", "-", "none", "nano", "i", "x", "N", "-1", "information"}) {
    EXPECT_FALSE(IsMissing(word)) << word;
  }
}

TEST(Field, Numbers) {
  const auto number = [](const char* text) { return ParseNumber(text, DecimalComma::kNo); };
  EXPECT_EQ(number("-12.5e2"), -1250.0);
  EXPECT_EQ(number("+7"), 7.0);
  EXPECT_EQ(number("1."), 1.0);
  EXPECT_EQ(number("1e999"), kLargestNumber);
  EXPECT_EQ(number("-1e999"), -kLargestNumber);
  for (const char* text : {"", "+", "-", "1x", "0x10", "1,5", "inf", "nan", "1 2", "+-1", "."}) {
    EXPECT_FALSE(number(text).has_value()) << text;
  }
  EXPECT_EQ(ParseNumber("1,5", DecimalComma::kYes), 1.5);
  for (const absl::string_view nothing : {absl::string_view(), absl::string_view("")}) {
    EXPECT_FALSE(ParseNumber(nothing, DecimalComma::kYes).has_value());
    EXPECT_FALSE(ParseDecimal(nothing, ',').has_value());
  }
  EXPECT_EQ(ParseNumber("1.5", DecimalComma::kYes), 1.5);
  EXPECT_FALSE(ParseNumber("1.234,5", DecimalComma::kYes).has_value());
}

}  // namespace
}  // namespace rubato
