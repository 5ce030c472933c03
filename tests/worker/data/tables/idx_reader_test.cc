// Images as rows: names, values, labels, and every way in which two files can be wrong.
#include "worker/data/tables/idx_reader.h"

#include <optional>

#include "common/base/limits.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/worker/data/tables/idx_bytes.h"

namespace rubato {
namespace {

absl::StatusOr<std::unique_ptr<IdxReader>> Open(const std::string& images,
                                                const std::optional<std::string>& labels) {
  ASSIGN_OR_RETURN(auto pictures, IdxFile::Read(MakeMemorySource(images, 3), "images"));
  std::unique_ptr<IdxFile> names;
  if (labels) {
    ASSIGN_OR_RETURN(names, IdxFile::Read(MakeMemorySource(*labels, 3), "labels"));
  }
  return IdxReader::Make(std::move(pictures), std::move(names));
}

// The header, then each row, '|' behind each field; or the error.
std::string Table(const std::string& images, const std::optional<std::string>& labels) {
  const auto reader = Open(images, labels);
  if (!reader.ok()) return std::string(reader.status().message());
  std::string text;
  for (const std::string& name : (*reader)->header()) absl::StrAppend(&text, name, "|");
  for (;;) {
    const auto found = (*reader)->Next();
    if (!found.ok()) return std::string(found.status().message());
    if (!*found) return text;
    absl::StrAppend(&text, " ", (*reader)->where(), " ");
    for (const absl::string_view field : (*reader)->fields()) absl::StrAppend(&text, field, "|");
  }
}

TEST(IdxReader, AnImageIsARowOfItsBytesAndItsLabel) {
  const std::string images = IdxBytes({2, 2, 3}, {0, 1, 2, 3, 4, 255, 9, 9, 9, 128, 0, 7});
  EXPECT_EQ(Table(images, IdxBytes({2}, {7, 200})),
            "image|pixel_0_0|pixel_0_1|pixel_0_2|pixel_1_0|pixel_1_1|pixel_1_2|label| "
            "images: image 0 0|0|1|2|3|4|255|7| images: image 1 1|9|9|9|128|0|7|200|");
  EXPECT_EQ(Table(IdxBytes({1, 2}, {5, 6}), std::nullopt),
            "image|pixel_0|pixel_1| images: image 0 0|5|6|");
}

TEST(IdxReader, OneToFourDimensions) {
  EXPECT_EQ(Table(IdxBytes({2}, {5, 6}), std::nullopt),
            "image|pixel| images: image 0 0|5| images: image 1 1|6|");
  EXPECT_EQ(Table(IdxBytes({1, 1, 2, 2}, {5, 6, 7, 8}), IdxBytes({1}, {3})),
            "image|pixel_0_0_0|pixel_0_0_1|pixel_0_1_0|pixel_0_1_1|label| "
            "images: image 0 0|5|6|7|8|3|");
  const auto reader = Open(IdxBytes({1, 1, 2, 2}, {5, 6, 7, 8}), std::nullopt);
  EXPECT_EQ((*reader)->item(), "1 x 2 x 2");
  EXPECT_EQ((*reader)->shown_columns(), 1u);
}

// Each error is fatal for the data, and says what was found.
TEST(IdxReader, WhatIsNoIdxFileSaysHowItBegins) {
  const std::string remedy =
      ", and such a file with 0x000008 and its number of dimensions, 01 to 04; use another "
      "data.format, or name another file";
  const std::string begins = "images: is no idx file of images or labels: it begins with ";
  EXPECT_EQ(Table("a,b\n1,2\n", std::nullopt), begins + "0x612c620a" + remedy);
  EXPECT_EQ(Table("", std::nullopt), begins + "0x00000000" + remedy);
  EXPECT_EQ(Table(IdxBytes({1}, {5}, 0x07), std::nullopt), begins + "0x00000701" + remedy);
  EXPECT_EQ(Table(IdxBytes({}, {5}), std::nullopt), begins + "0x00000800" + remedy);
  EXPECT_EQ(Table(IdxBytes({1, 1, 1, 1, 1}, {5}), std::nullopt), begins + "0x00000805" + remedy);
  EXPECT_TRUE(absl::IsDataLoss(Open("a,b\n1,2\n", std::nullopt).status()));
}

TEST(IdxReader, OtherTypesAreNamed) {
  const std::vector<std::pair<char, std::string>> types = {
      {0x09, "signed bytes (type 0x09)"},
      {0x0b, "whole numbers of 2 bytes (type 0x0b)"},
      {0x0c, "whole numbers of 4 bytes (type 0x0c)"},
      {0x0d, "floats of 4 bytes (type 0x0d)"},
      {0x0e, "floats of 8 bytes (type 0x0e)"}};
  for (const auto& [type, words] : types) {
    EXPECT_EQ(Table(IdxBytes({1}, {1}, type), std::nullopt),
              "images: is an idx file of " + words +
                  ", and only unsigned bytes (0x08) are read; write the images as such");
  }
}

TEST(IdxReader, FilesThatEndEarlyOrLate) {
  EXPECT_EQ(Table(IdxBytes({3, 2}, {1, 2, 3, 4, 5}), std::nullopt),
            "images: ends within item 2, counted from 0, of the 3 that its header counts; copy the "
            "file again");
  EXPECT_EQ(Table(IdxBytes({2, 2}, {1, 2, 3, 4, 5}), std::nullopt),
            "images: goes on behind the last of the 2 items that its header counts; copy the file "
            "again, or correct the header");
  EXPECT_EQ(Table(IdxBytes({2, 2}, {1, 2, 3, 4}), IdxBytes({2}, {1, 2, 3})),
            "labels: goes on behind the last of the 2 items that its header counts; copy the file "
            "again, or correct the header");
  EXPECT_EQ(Table(IdxBytes({2, 2}, {1, 2, 3, 4}), IdxBytes({2}, {1})),
            "labels: ends within item 1, counted from 0, of the 2 that its header counts; copy the "
            "file again");
  EXPECT_EQ(Table(IdxBytes({2, 2}, {}).substr(0, 9), std::nullopt),
            "images: ends within its header; copy the file again");
}

TEST(IdxReader, NothingTooMuchAndWhatDoesNotBelongTogether) {
  EXPECT_EQ(Table(IdxBytes({0, 2, 2}, {}), std::nullopt),
            "images: is an idx file of 0 items of 2 x 2 bytes, so there is nothing in it; name "
            "another file");
  EXPECT_EQ(Table(IdxBytes({5, 0, 2}, {}), std::nullopt),
            "images: is an idx file of 5 items of 0 x 2 bytes, so there is nothing in it; name "
            "another file");
  const uint32_t most = static_cast<uint32_t>(kMaxColumns);
  EXPECT_EQ(Table(IdxBytes({1, most, ~0u, ~0u}, {}), std::nullopt),
            "images: its images have 65536 x 4294967295 x 4294967295 bytes, and more than 65534 "
            "are not read; write smaller ones");
  EXPECT_EQ(Table(IdxBytes({2}, {1, 2}), IdxBytes({3}, {1, 2, 3})),
            "images: has 2 images, and labels has 3 labels; name two files that belong together");
  EXPECT_EQ(Table(IdxBytes({1}, {1}), IdxBytes({1, 2, 2}, {1, 2, 3, 4})),
            "labels: holds items of 2 x 2 bytes, and a label is one; name the file of labels in "
            "data.labels and that of the images in data.path");
}

}  // namespace
}  // namespace rubato
