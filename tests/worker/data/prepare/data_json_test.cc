#include "worker/data/prepare/data_json.h"

#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"
#include "worker/data/encode/encoding_json.h"
#include "worker/data/prepare/inspect.h"

namespace rubato {
namespace {

TEST(EncodingJson, RoundTripsAlsoTextsThatAreNotUtf8) {
  Encoding encoding;
  encoding.label =
      "d\xc3\xa9"
      "faut";
  encoding.positive = {"oui", "peut-\xeatre"};
  encoding.format = "idx";
  encoding.item = "28 x 28";
  encoding.series = {.date = "Date", .prices = {"\xe9t\xe9", "DAX"}, .scale = "ewma"};
  encoding.clip_sigma = 5.5;
  encoding.sparse_keys = 7;
  encoding.indices = {1, 6};
  encoding.trained_indices = {{1, 3}, {5, 6}};
  encoding.layout = {.header = false, .skip_lines = 3};
  encoding.columns = 5;
  encoding.prior = {.predictions = {0.023, 0.5}, .base_margin = -3.7, .shift = -1.5};
  encoding.offset = {.column = "bureau log odds", .missing = {"-999"}};
  encoding.scale = {.column = "vol", .missing = {"-1"}};
  encoding.join = {.source = {.path = "/d/ann\xe9"
                                      "e.csv",
                              .key = "n\xb0"},
                   .columns = {"a", "ville"}};
  encoding.numeric = {{"a \"quoted\"\n", 0.1, true, -1e-300, 1e300, true}};
  encoding.numeric[0].edges = {-1e300, 0.5};
  encoding.numeric[0].rows = {3, 0, 2, ~uint64_t{0}};
  encoding.categories = {{"ville",
                          {"Orl\xe9"
                           "ans",
                           "M\xc3\xbcnchen", "\xff\xc0", ""},
                          {"k. A."},
                          {4, 0, 9, 8, 7, 6},
                          {1, ~uint64_t{0}}}};
  const auto parsed = ParseEncoding(FormatEncoding(encoding));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, encoding);
}

TEST(EncodingJson, ErrorsNameTheField) {
  Encoding encoding;
  encoding.numeric = {{"x", 0, false, 0, 1, false}};
  encoding.numeric[0].edges = {0.25, 0.75};
  encoding.numeric[0].rows = {31, 32, 33, 34};
  encoding.categories = {{"c", {"a"}, {}, {0, 0, 9}, {5, 7}}};
  const std::string good = FormatEncoding(encoding);
  const auto broken = [&good](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return std::string(ParseEncoding(text).status().message());
  };
  EXPECT_EQ(ParseEncoding("{").status().message(), "it is not JSON");
  EXPECT_TRUE(absl::StrContains(broken("\"version\": 12", "\"version\": 1"), "version 1"));
  EXPECT_TRUE(absl::StrContains(broken("\"median\"", "\"mode\""), "'median'"));
  EXPECT_TRUE(absl::StrContains(broken("\"deviation\": 1.0", "\"deviation\": -1.0"), "deviation"));
  EXPECT_TRUE(absl::StrContains(broken("\"deviation\": 1.0", "\"deviation\": 1e999"), "JSON"));
  EXPECT_TRUE(absl::StrContains(broken("\"a\"", "3"), "levels[]"));
  EXPECT_TRUE(absl::StrContains(broken("    9", "    9, 9"), "a number for each level"));
  EXPECT_TRUE(absl::StrContains(broken("    7", "    4"), "in order"));
  EXPECT_TRUE(absl::StrContains(broken("31", "31, 35"), "a number for each edge"));
  EXPECT_TRUE(absl::StrContains(broken("0.25", "0.8"), "in order"));
  EXPECT_TRUE(absl::StrContains(broken("    7", "    -7"), "whole numbers"));
  EXPECT_TRUE(absl::StrContains(broken("\"sparse_keys\": 0", "\"sparse_keys\": -1"), "sparse"));
  EXPECT_TRUE(absl::StrContains(broken("\"indices\": [", "\"indices\": [3,"), "two whole"));
  EXPECT_TRUE(absl::StrContains(broken("\"series\": {", "\"serial\": {"), "'series'"));
  EXPECT_TRUE(absl::StrContains(broken("\"scale\": {", "\"scales\": {"), "'scale'"));
  EXPECT_TRUE(absl::StrContains(broken("\"join\": {", "\"joins\": {"), "'join'"));
  EXPECT_EQ(ParseEncoding("[]").status().code(), absl::StatusCode::kInvalidArgument);
}

// Of a file whose label is y.
absl::StatusOr<Inspection> InspectText(const std::string& text,
                                       const std::optional<LabelDomain>& domain = std::nullopt) {
  const ScratchFolder scratch;
  const std::string path = scratch.path() + "/inspect.csv";
  std::ofstream(path) << text;
  DataConfig data;
  data.label = "y";
  return InspectCsv(path, data, domain);
}

TEST(Inspect, SaysWhatAFileHolds) {
  std::string text = "id,code,grade,after,y\n";
  for (int i = 0; i < 300; ++i) {
    absl::StrAppend(&text, i + 1000 * (i % 2), ",", i % 7, ",", i % 3 == 0 ? "A" : "B", ",",
                    i % 2 == 0 ? 0 : i, ",", i % 2, "\n");
  }
  const auto inspection = InspectText(text);
  ASSERT_TRUE(inspection.ok()) << inspection.status();
  EXPECT_EQ(inspection->rows, 300u);
  std::vector<std::string> found;
  for (const Warning& warning : inspection->warnings) {
    found.push_back(absl::StrCat(warning.column, " ", warning.kind));
  }
  EXPECT_EQ(found, (std::vector<std::string>{"id id_like", "after leak"}));
  std::vector<std::string> made;
  for (const InspectedColumn& column : inspection->columns) {
    made.push_back(absl::StrCat(column.type, ": ", column.reason));
  }
  EXPECT_EQ(made, (std::vector<std::string>{
                      "left_out: looks like an id", "category: whole numbers, codes by their name",
                      "category: texts",
                      "left_out: alone predicts the label: known only afterwards?", "label: "}));
  EXPECT_EQ(inspection->columns[2].levels, (std::vector<std::string>{"B", "A"}));
  EXPECT_EQ(inspection->columns[4].type, "label");
  EXPECT_TRUE(absl::StrContains(FormatInspection(*inspection), "\"type\": \"category\""));
  EXPECT_TRUE(absl::StrContains(FormatInspectionText(*inspection), "label '1': 150 rows"));
}

TEST(Inspect, LevelsThatDifferOnlyByCaseAreSaid) {
  std::string text = "segment,flag,age,y\n";
  for (int i = 0; i < 300; ++i) {
    absl::StrAppend(&text,
                    i % 3 == 0   ? "Sme"
                    : i % 3 == 1 ? "sme "
                                 : "Retail",
                    ",", i % 2 == 0 ? "TRUE" : "False", ",", i % 97, ".5,", i / 7 % 2, "\n");
  }
  const auto inspection = InspectText(text);
  ASSERT_TRUE(inspection.ok()) << inspection.status();
  ASSERT_EQ(inspection->warnings.size(), 1u);
  EXPECT_TRUE(absl::StartsWith(inspection->warnings[0].sentence,
                               "column 'segment': 1 of 3 levels differ only by case from another, "
                               "as 'sme' from 'Sme';"))
      << inspection->warnings[0].sentence;
}

TEST(Inspect, OffersAGroupForAnIdThatRepeats) {
  std::string text = "customer_id,age,y\n";
  for (int i = 0; i < 300; ++i) absl::StrAppend(&text, i / 3, ",", i % 97, ".5,", i % 2, "\n");
  const auto inspection = InspectText(text);
  ASSERT_TRUE(inspection.ok()) << inspection.status();
  ASSERT_EQ(inspection->warnings.size(), 1u);
  EXPECT_EQ(inspection->warnings[0].kind, "repeating_id");
  EXPECT_EQ(inspection->columns[0].type, "left_out");
}

// Claims of 0, 1 and 2 beside years, and a cost that knows which have any.
std::string PolicyBook() {
  std::string text = "years,cost,y\n";
  for (int i = 0; i < 300; ++i) {
    const int claims = i % 10 == 0 ? i % 20 / 10 + 1 : 0;
    absl::StrAppend(&text, i == 7 ? 2.5 : 0.1 * (1 + i / 10 % 10), ",", claims * (100 + i % 90),
                    ",", claims, "\n");
  }
  return text;
}

TEST(Inspect, SaysHowFarNumbersReach) {
  const auto inspection = InspectText(PolicyBook());
  ASSERT_TRUE(inspection.ok()) << inspection.status();
  const LabelFacts& label = inspection->label_facts;
  EXPECT_EQ(label.numbers, 300u);
  EXPECT_EQ(label.zeros, 270u);
  EXPECT_EQ(label.fractions, 0u);
  EXPECT_EQ(label.smallest, 0.0);
  EXPECT_EQ(label.median, 0.0);
  EXPECT_EQ(label.p99, 2.0);
  EXPECT_EQ(label.largest, 2.0);
  const auto& years = inspection->columns[0].range;
  ASSERT_TRUE(years.has_value());
  EXPECT_EQ(years->smallest, 0.1);
  EXPECT_EQ(years->p99, 1.0);
  EXPECT_EQ(years->largest, 2.5);
  EXPECT_TRUE(absl::StrContains(FormatInspection(*inspection), "\"p99\": 1.0"));
  EXPECT_TRUE(absl::StrContains(FormatInspection(*inspection), "\"zeros\": 270"));
}

TEST(Inspect, WhatKnowsWhichNumbersAreZeroIsALeak) {
  const auto inspection = InspectText(PolicyBook());
  ASSERT_TRUE(inspection.ok()) << inspection.status();
  EXPECT_EQ(inspection->columns[1].reason, "alone predicts the label: known only afterwards?");
  EXPECT_EQ(inspection->columns[0].type, "number");
  std::string steps = "x,y\n";
  for (int i = 0; i < 300; ++i) absl::StrAppend(&steps, 10 * (i % 3) + i % 7, ",", i % 3 - 1, "\n");
  const auto below = InspectText(steps);
  ASSERT_TRUE(below.ok()) << below.status();
  EXPECT_EQ(below->columns[0].type, "number");  // 0 is no end of numbers that go below it
}

TEST(Inspect, ALabelOutsideOfTheTargetsDomainIsNamed) {
  const LabelDomain whole = {.least = 0.0, .whole = true, .words = "a whole number from 0 on"};
  EXPECT_TRUE(InspectText("x,y\n1,0\n2,3\n3,?\n", whole).ok());
  for (const std::string label : {"-1", "0.5", "no"}) {
    const auto refused = InspectText(absl::StrCat("x,y\n1,0\n2,", label, "\n3,1\n"), whole);
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_TRUE(absl::StrContains(refused.status().message(),
                                  absl::StrCat("csv:3: the label is '", label,
                                               "', and the target learns a whole number from 0")))
        << refused.status();
  }
}

}  // namespace
}  // namespace rubato
