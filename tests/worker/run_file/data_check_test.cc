// Rules of the run file over several keys of where rows come from and how they are split.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/worker/run_file/parse_text.h"

namespace rubato {
namespace {

TEST(DataCheck, AJoinNeedsAFileAndAKeyAndColumnsWithNames) {
  EXPECT_EQ(ErrorWith("[data.join]\nkey = \"id\"\n"),
            "/runs/my.toml:5: data.join.key needs data.join.path beside it, as in data.join = { "
            "path = \"policies.csv\", key = \"policy\" }; give both, or none");
  EXPECT_EQ(ErrorOf(kCsv, {{"data.join.path", "p"}}).substr(0, 62),
            "--set data.join.path: data.join.path needs data.join.key besid");
  const std::string join = "[data.join]\npath = \"p\"\nkey = \"id\"\n";
  EXPECT_EQ(ErrorWith("header = false\n" + join),
            "/runs/my.toml:6: data.join.path joins CSV files by the name of a column, and a file "
            "with data.header = false has none; leave data.join out, or use CSV files with names "
            "of columns");
  EXPECT_NE(ErrorOf("[data]\nformat = \"libsvm\"\npath = \"a\"\n" + join)
                .find("and data.format = \"libsvm\" has none"),
            std::string::npos);
  EXPECT_NE(ErrorOf(kCsv + join, {{"data.join.key", "default"}})
                .find("data.join.key and data.label both name column 'default'"),
            std::string::npos);
}

TEST(DataCheck, ImagesHaveTheirLabelsInAnotherFile) {
  const std::string images = "[data]\nformat = \"idx\"\npath = \"a\"\n";
  EXPECT_EQ(ErrorOf(images),
            "/runs/my.toml:1: data.labels is missing; name the idx file with the labels of the "
            "images");
  const std::string whole = images + "labels = \"b\"\n";
  EXPECT_EQ(Parse(whole)->data.labels, "/runs/b");
  EXPECT_EQ(ErrorOf(whole + "test_path = \"c\"\n"),
            "/runs/my.toml:5: data.test_path stands without data.test_labels; give images and "
            "labels to test on, or neither");
  EXPECT_EQ(ErrorOf(whole, {{"data.test_labels", "c"}}),
            "--set data.test_labels: data.test_labels stands without data.test_path; give images "
            "and labels to test on, or neither");
  EXPECT_EQ(ErrorOf(whole + "label = \"digit\"\n"),
            "/runs/my.toml:5: data.label is about the columns of a CSV file, and images have none; "
            "leave it out, or use data.format = \"csv\"");
  EXPECT_EQ(ErrorOf(whole, {{"split.group", "id"}}),
            "--set split.group: split.group names a column, and images have none to name; leave it "
            "out");
  EXPECT_EQ(ErrorWith("labels = \"b\"\n"),
            "/runs/my.toml:4: data.labels names the labels of images (data.format = \"idx\"), and "
            "the format is \"csv\"; leave it out, or change the format");
  EXPECT_EQ(ErrorWith("test_labels = \"b\"\n").substr(0, 35),
            "/runs/my.toml:4: data.test_labels n");
}

TEST(DataCheck, ASeriesNamesItsDayAndItsPricesAndIsSplitByTime) {
  const std::string data = "[data]\nformat = \"series\"\npath = \"a\"\n";
  const std::string keys = "[series]\ndate = \"Date\"\nprices = [\"Close\"]\n";
  const auto config = Parse(data + keys, {{"split.test_from", "1983-01-28"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->split.kind, "time");
  EXPECT_EQ(config->series.prices, (std::vector<std::string>{"Close"}));
  EXPECT_EQ(ErrorOf(data),
            "/runs/my.toml:1: series.date is missing; name the columns of the day and of the "
            "prices, as in date = \"Date\" and prices = [\"Close\"]");
  EXPECT_EQ(ErrorOf(data + "[series]\ndate = \"Date\"\n").substr(0, 42),
            "/runs/my.toml:4: series.prices is missing;");
  EXPECT_EQ(ErrorOf(data + keys, {{"series.prices", "['A', 'B', 'A']"}}),
            "--set series.prices: series.prices names 'A' twice; name each column once");
  EXPECT_EQ(ErrorOf(data + keys, {{"series.prices", "['Date']"}}),
            "--set series.prices: series.prices names 'Date', which is series.date; name each "
            "column once");
  EXPECT_EQ(ErrorOf(data + keys, {{"split.kind", "hash"}}),
            "--set split.kind: split.kind = \"hash\" would train on days between those of the "
            "test, whose features look back on the same returns; use \"time\", or leave it out");
  EXPECT_EQ(ErrorOf(data + keys, {{"data.time", "Date"}}),
            "--set data.time: data.time is about the columns of a CSV file, and those of a series "
            "are made of [series]; leave it out, or use data.format = \"csv\"");
  EXPECT_EQ(ErrorOf(kCsv + keys),
            "/runs/my.toml:5: series.date is about a price series, and data.format is \"csv\"; "
            "leave [series] out, or use data.format = \"series\"");
}

TEST(DataCheck, AScaleIsAColumnOfItsOwn) {
  EXPECT_EQ(Parse(kCsv, {{"target.scale", "vol"}})->target.scale, "vol");
  EXPECT_EQ(ErrorOf(kCsv, {{"target.scale", "default"}}),
            "--set target.scale: target.scale and data.label both name column 'default'; keep one");
  EXPECT_EQ(ErrorOf(kCsv, {{"series.scale", "ewma"}}).substr(0, 55),
            "--set series.scale: series.scale is about a price serie");
}

TEST(DataCheck, ADayToTestFromIsOfASplitByTimeWithoutATestFile) {
  const std::vector<Override> by_time = {
      {"split.kind", "time"}, {"data.time", "t"}, {"split.test_from", "5"}};
  EXPECT_EQ(Parse(kCsv, by_time)->split.test_from, "5");
  EXPECT_EQ(
      ErrorOf(kCsv, {{"split.test_from", "5"}}),
      "--set split.test_from: split.test_from is read by split.kind = \"time\" only; use that "
      "kind, or leave it out");
  std::vector<Override> both = by_time;
  both.push_back({"data.test_path", "b.csv"});
  EXPECT_EQ(ErrorOf(kCsv, both),
            "--set split.test_from: split.test_from and data.test_path both say what to test on; "
            "keep one");
}

TEST(DataCheck, GroupsAndSeedsAreForTheHash) {
  EXPECT_EQ(Parse(kCsv, {{"split.group", "id"}, {"split.seed", "7"}})->split.group, "id");
  EXPECT_EQ(ErrorOf(kCsv, {{"split.group", "default"}}),
            "--set split.group: split.group and data.label both name column 'default'; keep one");
  const std::vector<Override> by_time = {{"split.kind", "time"}, {"data.time", "t"}};
  for (const char* key : {"split.group", "split.seed"}) {
    std::vector<Override> both = by_time;
    both.push_back({key, "1"});
    EXPECT_NE(ErrorOf(kCsv, both).find("is read by split.kind = \"hash\" only"), std::string::npos);
  }
  const std::string libsvm = "[data]\nformat = \"libsvm\"\npath = \"a\"\n[split]\ngroup = ";
  EXPECT_TRUE(Parse(libsvm + "\"qid\"\n").ok());
  EXPECT_EQ(ErrorOf(libsvm + "\"id\"\n"),
            "/runs/my.toml:5: split.group names a column, and LIBSVM rows have but a qid; use "
            "split.group = \"qid\", or leave it out");
}

}  // namespace
}  // namespace rubato
