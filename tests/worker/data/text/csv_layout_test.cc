#include "worker/data/text/csv_layout.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "tests/worker/data/text/csv_table.h"
#include "worker/data/text/byte_source.h"
#include "worker/data/text/csv.h"
#include "worker/data/text/header_check.h"

namespace rubato {
namespace {

TEST(CsvLayout, WithoutAHeaderTheFirstLineIsARow) {
  const Table table = ReadAll("1,a\n2,b\n", {.header = false});
  ASSERT_TRUE(table.status.ok()) << table.status;
  EXPECT_EQ(table.header, (std::vector<std::string>{"column_1", "column_2"}));
  EXPECT_EQ(table.rows, (Rows{{"1", "a"}, {"2", "b"}}));
  EXPECT_EQ(table.lines.at(0), 1u);
  EXPECT_EQ(ReadAll("7\n8", {.header = false}).rows, (Rows{{"7"}, {"8"}}));
}

TEST(CsvLayout, WithoutAHeaderDecimalCommasDoNotSeparate) {
  EXPECT_EQ(ReadAll("1,5;2,5\n3,5;4\n", {.header = false}).rows,
            (Rows{{"1,5", "2,5"}, {"3,5", "4"}}));
  EXPECT_EQ(ReadAll("1,a|b\n2,c|d\n", {.header = false}).rows[0].size(), 2u);
}

TEST(CsvLayout, RowsThatEndWithASeparator) {
  for (const char* text : {"a,b\n1,2,\n3,,\n", "a,b,\n1,2,\n3,,\n", "a;b; \r\n1;2;\r\n3;; \r\n"}) {
    const Table table = ReadAll(text);
    ASSERT_TRUE(table.status.ok()) << table.status;
    EXPECT_EQ(table.header, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(table.rows, (Rows{{"1", "2"}, {"3", ""}}));
  }
  // An empty last value is a value.
  EXPECT_EQ(ReadAll("a,b\n1,\n2,3\n").rows, (Rows{{"1", ""}, {"2", "3"}}));
  EXPECT_EQ(ReadAll("a,b,\n1,2,x\n").header.back(), "column_3");
}

TEST(CsvLayout, RowsOfWhichOnlySomeEndWithASeparatorAreRefused) {
  ExpectError("a,b\n1,2,\n3,4\n", "t.csv:3: the row has 2 fields, the header has 2;");
  ExpectError("a,b\n1,2\n3,4,\n",
              "t.csv:3: the row has 3 fields, the header has 2; it alone ends with a separator");
  ExpectError("a,b\n1,2,\n3,4,x\n",
              "t.csv:3: 'x' stands behind the last separator, in a column without a name");
}

TEST(CsvLayout, RowsWithoutAHeaderThatAllEndWithASeparatorHaveNothingBehindIt) {
  const CsvLayout headless = {.header = false};
  const Table open = ReadAll("1,2,\n3,,\r\n5,6, \n", headless);
  EXPECT_EQ(open.header, (std::vector<std::string>{"column_1", "column_2"}));
  EXPECT_EQ(open.rows, (Rows{{"1", "2"}, {"3", ""}, {"5", "6"}}));
  EXPECT_EQ(ReadAll("1,2,\n3,4,x\n", headless).header.size(), 3u);
  EXPECT_EQ(ReadAll("1,2,\"\"\n3,4,\"\"\n", headless).header.size(), 3u);
  const CsvLayout three = {.header = false, .columns = 3};
  EXPECT_EQ(ReadAll("1,2,\n3,4,\n", three).header.size(), 3u);
  EXPECT_EQ(ReadAll("1,2,3,\n3,4,,\n", three).header.size(), 3u);
  std::string late;
  for (int i = 0; i < 60'000; ++i) late += "1,2,\n";
  ExpectError(late + "1,2,x\n",
              "t.csv:60001: 'x' stands behind the last separator, where the first", headless);
}

TEST(CsvLayout, ALineThatNamesTheSeparatorIsObeyed) {
  for (const char* text : {"sep=;\na,b;c\n1;2\n", "\xef\xbb\xbfSEP=;\r\na,b;c\r\n1;2\r\n"}) {
    const Table table = ReadAll(text);
    ASSERT_TRUE(table.status.ok()) << table.status;
    EXPECT_EQ(table.header, (std::vector<std::string>{"a,b", "c"}));
    EXPECT_EQ(table.lines.at(0), 3u);
  }
  EXPECT_EQ(ReadAll("sep=^\na^b\n1^2\n").rows, (Rows{{"1", "2"}}));
  EXPECT_EQ(ReadAll("sep=,b\n1,2\n").header[0], "sep=");
}

TEST(CsvLayout, TitlesAreNamedWithWhatLeavesThemOut) {
  const std::string table = "a;b;c\n1;2;3\n4;5;6\n";
  ExpectError("Loans of 2024\n" + table,
              "t.csv:1: a title seems to stand above the table, which begins in line 2; leave the "
              "lines above it out with data.skip_lines = 1");
  ExpectError("Loans\na;b;\n1,5;2;\n2,5;3;\n", "data.skip_lines = 1");
  EXPECT_TRUE(ReadAll("a\n1,\n2,\n").status.ok());
  ExpectError("Loans, good and bad\n\nas of March\n" + table, "data.skip_lines = 3");
  ExpectError("x\nLoans\n" + table, "t.csv:2: a title", {.header = true, .skip_lines = 1});
  ExpectError("x\nLoans\n" + table, "data.skip_lines = 2", {.header = true, .skip_lines = 1});
  const Table read = ReadAll("Loans, \"good\n\n" + table, {.header = true, .skip_lines = 2});
  ASSERT_TRUE(read.status.ok()) << read.status;
  EXPECT_EQ(read.header[2], "c");
  EXPECT_EQ(read.lines.at(0), 4u);
  ExpectError("a\n", "the file ends within data.skip_lines = 3", {.header = true, .skip_lines = 3});
}

TEST(CsvLayout, TitlesMayEndWithAsManySeparatorsAsTheTableHas) {
  const std::string table = "a;b;c\n1;2;3\n4;5;6\n";
  ExpectError("Loans;;\n" + table, "table, which begins in line 2;");
  ExpectError("Loans;;\nOf: Meier;; \n;;\n\n" + table, "table, which begins in line 5;");
  EXPECT_TRUE(ReadAll("a;;\n1;;\n2;;\n").status.ok());
  EXPECT_TRUE(ReadAll("a;b;\n1;2;3\n4;5;6\n").status.ok());
}

TEST(CsvLayout, BlanksBetweenFieldsAreNamedWithWhatReplacesThem) {
  ExpectError(
      "x y z\n1 2 3\n4  5 6 \n",
      "t.csv:1: blanks separate the 3 fields of each line; write tabs instead, as in tr -s");
  EXPECT_TRUE(ReadAll("first name\nAnna Maria\nJean Paul\n").status.ok());
  EXPECT_TRUE(ReadAll("a b c\n1 2\n").status.ok());
  EXPECT_TRUE(ReadAll("a b c,x\n1 2 3,4\n").status.ok());
}

TEST(CsvLayout, NumbersWithCommasAreNoTableBelowATitle) {
  EXPECT_TRUE(ReadAll("a;b\n1,5;2,5\n3,5;4,5\n5,5;6,5\n").status.ok());
  EXPECT_TRUE(ReadAll("name\n\"a,b\"\n\"c,d\"\n").status.ok());
}

TEST(CsvLayout, AFooterIsNamedWithWhatLeavesItOut) {
  const std::string rows = "a,b,c\n1,2,3\n4,5,6\n";
  ExpectError(rows + "Total,7\n",
              "t.csv:4: the row has 2 fields, the header has 3; if a footer "
              "begins here, leave it out, as in head -n -1,");
  ExpectError(rows + "\nSource: the bank\nPrinted, today\n",
              "t.csv:5: the row has 1 fields, the header has 3; if a footer begins here, leave it "
              "out, as in head -n -2,");
  std::string on;
  for (int i = 0; i < 30; ++i) on += "1,2,3\n";
  ExpectError(rows + "Total,7\n" + on, "correct the row or quote fields");
  ExpectError("a,b\n0,1,2\n1,3,4\n", "if rows begin with an index, name it in the header too");
}

absl::Status Check(const std::string& text) {
  auto reader = CsvReader::Read(MakeMemorySource(text), "t.csv", {.header = false});
  EXPECT_TRUE(reader.ok()) << reader.status();
  return CheckHeader(**reader);
}

void ExpectRow(const std::string& text, const std::string& part) {
  const absl::Status status = Check(text);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  EXPECT_TRUE(absl::StrContains(std::string(status.message()), part)) << status;
  EXPECT_TRUE(absl::StrContains(std::string(status.message()), "data.header = false")) << status;
}

TEST(HeaderCheck, RowsAreNotTakenForNames) {
  ExpectRow("721|Y|0.8|A\n611|N|-0.3|B\n624|Y|-0.2|A\n", "'721' in column 1 is a number like");
  ExpectRow("1,2.5\n3,4\n", "'1' in column 1");
  ExpectRow("0,1\n1,0\n", "'0' in column 1");
  ExpectRow("0.5,0.5,0.5\n1,2,3\n", "'0.5' in column 1");
  ExpectRow("RENT,good\nOWN,bad\nRENT,good\n", "'RENT' in column 1 stands below it again");
  ExpectRow(",RENT,3\n4,OWN,5\n6,RENT,7\n", "'RENT' in column 2");
  ExpectRow("ann,1,2,3,bad\neve,5,5,5,good\nliz,1,1,1,bad\n", "'1' in column 2");
}

TEST(HeaderCheck, NamesAreNotTakenForRows) {
  for (const char* text : {"a,b\n1,2\n", "x\nfoo\nbar\n", ",x,y\n0,1,2\n1,3,4\n", "0,1,2\n5,5,5\n",
                           "country,2019,2020,2021\nDE,1,2,3\nFR,4,5,6\n", "id,2015\n1,3\n2,5\n",
                           "a,b\n1,x\na,b\n2,y\n", "name,0.5\n1,2\n", "a,b\n", "a,b\n1,2,3\n"}) {
    EXPECT_TRUE(Check(text).ok()) << Check(text);
  }
  std::string words = "country,100\n";
  for (int i = 0; i < 30; ++i) words += i % 2 == 0 ? "DE,7\n" : "FR,8\n";
  EXPECT_TRUE(Check(words).ok()) << Check(words);
}

}  // namespace
}  // namespace rubato
