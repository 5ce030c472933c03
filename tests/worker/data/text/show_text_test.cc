#include "worker/data/text/show_text.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "worker/data/prepare/label.h"
#include "worker/data/text/byte_source.h"
#include "worker/data/text/csv.h"

namespace rubato {
namespace {

TEST(ShowTextTest, WordsStayAsTheyAre) {
  EXPECT_EQ(ShowText(""), "");
  EXPECT_EQ(ShowText("home loan \\N 'x'"), "home loan \\N 'x'");
  EXPECT_EQ(ShowText("Zürich 東京 €"), "Zürich 東京 €");
}

TEST(ShowTextTest, WhatATerminalWouldObeyIsEscaped) {
  EXPECT_EQ(ShowText("a\nb\r\tc"), "a\\nb\\r\\tc");
  EXPECT_EQ(ShowText(absl::string_view("\0\x1b[31m\x7f", 7)), "\\x00\\x1b[31m\\x7f");
  EXPECT_EQ(ShowText("\xc2\x9b\xe2\x80\xae\xe2\x80\x8b\xef\xbb\xbf"),
            "\\xc2\\x9b\\xe2\\x80\\xae\\xe2\\x80\\x8b\\xef\\xbb\\xbf");
}

TEST(ShowTextTest, BytesThatAreNoUtf8AreEscaped) {
  EXPECT_EQ(ShowText("M\xfcller"), "M\\xfcller");
  EXPECT_EQ(ShowText("\xed\xa0\x80\xc3"), "\\xed\\xa0\\x80\\xc3");
}

TEST(ShowTextTest, LongTextIsCutBetweenCharacters) {
  EXPECT_EQ(ShowText(std::string(40, 'x')), std::string(40, 'x'));
  EXPECT_EQ(ShowText(std::string(41, 'x')), std::string(40, 'x') + "...");
  EXPECT_EQ(ShowText(std::string(39, 'x') + "ü"), std::string(39, 'x') + "...");
}

TEST(ShowTextTest, SentencesOfReadersStayOnOneLine) {
  const auto reader =
      CsvReader::Read(MakeMemorySource("\"ru\nbato\",\"ru\nbato\",x\n1,2,3\n"), "f.csv");
  const std::string twice(reader.status().message());
  EXPECT_NE(twice.find("'ru\\nbato' twice"), std::string::npos) << twice;
  const auto rule = MakeLabelRule({{"a\nb", 1}, {"\x1b[0m", 2}}, DataConfig(), "f.csv, column 'y'");
  const std::string none(rule.status().message());
  EXPECT_NE(none.find("'a\\nb' (1 row), '\\x1b[0m' (2 rows)"), std::string::npos) << none;
}

TEST(BeginningOf, EndsWithAWholeCharacter) {
  EXPECT_EQ(BeginningOf("abc", 5), "abc");
  EXPECT_EQ(BeginningOf("abc", 2), "ab");
  EXPECT_EQ(BeginningOf("a\xe2\x82\xac", 3), "a");
  EXPECT_EQ(BeginningOf("a\xe2\x82\xac", 4), "a\xe2\x82\xac");
  EXPECT_EQ(BeginningOf("\xa0\xa0\xa0\xa0\xa0\xa0", 5), "\xa0\xa0") << "no UTF-8";
}

}  // namespace
}  // namespace rubato
