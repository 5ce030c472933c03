#include "worker/data/prepare/label.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "tests/worker/data/prepare/prepare_fixture.h"

namespace rubato {
namespace {

using Values = std::vector<LabelValue>;

const Values kLoans = {{"Fully Paid", 70}, {"Charged Off", 20}, {"Default", 3}, {"Current", 7}};

DataConfig Named(std::vector<std::string> positive, std::vector<std::string> negative = {},
                 std::vector<std::string> ignore = {}) {
  DataConfig data;
  data.positive = std::move(positive);
  data.negative = std::move(negative);
  data.ignore = std::move(ignore);
  return data;
}

std::string Refusal(const Values& values, const DataConfig& data) {
  const auto rule = MakeLabelRule(values, data, "t");
  const absl::Status status = rule.ok() ? CheckLabelsSeen(*rule, values, "t") : rule.status();
  return std::string(status.message());
}

TEST(Label, OneOfTwoValuesIsPositiveByDefault) {
  const auto rule = MakeLabelRule({{"-1", 3}, {"+1", 2}}, Named({}), "t");
  ASSERT_TRUE(rule.ok()) << rule.status();
  EXPECT_EQ(rule->ClassOf("1.0"), LabelClass::kPositive);
  EXPECT_EQ(rule->ClassOf("-1.0"), LabelClass::kNegative);
  EXPECT_EQ(rule->ClassOf("0"), std::nullopt);
}

TEST(Label, NamedValuesStandAgainstTheRest) {
  const auto rule = MakeLabelRule(kLoans, Named({"Charged Off", "Default"}), "t");
  ASSERT_TRUE(rule.ok()) << rule.status();
  EXPECT_EQ(rule->ClassOf("Default"), LabelClass::kPositive);
  EXPECT_EQ(rule->ClassOf("Current"), LabelClass::kNegative);
  EXPECT_EQ(rule->ClassOf("In Grace Period"), LabelClass::kNegative);
}

TEST(Label, NamedNegativesLeaveNoRest) {
  const DataConfig data = Named({"Charged Off", "Default"}, {"Fully Paid"}, {"Current"});
  const auto rule = MakeLabelRule(kLoans, data, "t");
  ASSERT_TRUE(rule.ok()) << rule.status();
  EXPECT_EQ(rule->ClassOf("Fully Paid"), LabelClass::kNegative);
  EXPECT_EQ(rule->ClassOf("Current"), LabelClass::kIgnored);
  EXPECT_EQ(rule->ClassOf("In Grace Period"), std::nullopt);
  EXPECT_TRUE(absl::StrContains(Refusal(kLoans, Named({"Default"}, {"Fully Paid"}, {"Current"})),
                                "is not binary"));
}

TEST(Label, WhatIsNotBinaryShowsItsValues) {
  EXPECT_EQ(Refusal({{"0", 5}, {"1", 4}, {"2", 3}}, Named({})),
            "t: the label is not binary, it holds '0' (5 rows), '1' (4 rows), '2' (3 rows); name "
            "what counts as 1, as in data.positive = [\"2\"] (the rest counts as 0, or what "
            "data.negative names), and what is neither in data.ignore");
  DataConfig named;
  named.label = "y";
  EXPECT_TRUE(absl::StrContains(
      Refusal({{"0", 30}, {"1", 9}, {"y", 2}}, named),
      "t: the label is 'y', its own name, in 2 rows: the header stands again among the rows"));
  EXPECT_EQ(DescribeStrayLabel({{"current", 30}, {"late", 7}, {"y", 2}}, "y"), "")
      << "a value called like the label";
  EXPECT_TRUE(absl::StrContains(Refusal({{"Y", 5}, {"N", 4}, {"400", 1}}, named),
                                "t: the label holds 'Y' (5 rows), 'N' (4 rows), '400' (1 row); if "
                                "the row of '400' is a total"));
  EXPECT_EQ(DescribeStrayLabel({{"Y", 5}, {"N", 1}, {"400", 1}}, "y"), "");
  EXPECT_EQ(DescribeStrayLabel({{"Y", 5}, {"y", 1}}, "y"), "") << "a value called like the label";
  EXPECT_TRUE(absl::StrContains(Refusal({{"0", 5}}, Named({})), "one value only, '0' (5 rows)"));
  EXPECT_TRUE(absl::StrContains(Refusal({}, Named({})), "missing"));
  const auto wrong = MakeLabelRule({{"good", 5}, {"bad", 4}}, Named({}), "t");
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(wrong.status().message(), "'good' (5 rows), 'bad' (4 rows)"));
  EXPECT_TRUE(absl::StrContains(Refusal({{"a", 1}, {"b", 1}}, Named({"a", "b"})),
                                "no row is left that counts as 0"));
}

TEST(Label, AValueIsNamedOnceAndSeen) {
  EXPECT_EQ(Refusal(kLoans, Named({"Default"}, {}, {"Default"})),
            "t: data.positive names 'Default', and data.ignore 'Default', the same; keep one");
  EXPECT_TRUE(absl::StrContains(Refusal({{"1", 2}, {"0", 2}}, Named({"1", "1.0"})), "the same"));
  EXPECT_TRUE(absl::StrContains(Refusal(kLoans, Named({"Default"}, {}, {"Late"})),
                                "no row has the label 'Late' that data.ignore names"));
}

TEST(Label, ValuesAreCountedByTextAndNumber) {
  LabelCounter counter;
  for (const char* text : {"1", "no", "1.0", "+1", "1"}) counter.Count(text);
  EXPECT_EQ(counter.values(), (Values{{"1", 4}, {"no", 1}}));
  for (int i = 0; i < 1000; ++i) counter.Count(absl::StrCat(i, "x"));
  EXPECT_EQ(counter.values().size(), kMaxLabelValues + 1);
}

// Six digits of a number are its text.
TEST(Label, NumbersAreCountedAsTheirTexts) {
  LabelCounter numbers;
  LabelCounter texts;
  std::vector<double> labels = {1.0, -0.0, 0.0, 0.1234567, 0.12345674, 1e20, 1.0, 0.1234567};
  for (int i = 0; i < 2000; ++i) labels.push_back(i % 1500);
  for (const double label : labels) {
    EXPECT_EQ(numbers.Count(label), texts.Count(absl::StrCat(label))) << label;
  }
  EXPECT_EQ(numbers.values(), texts.values());
}

class LabelledRows : public PrepareFixture {
 protected:
  // A column of states, every tenth row of each of the last two.
  RunConfig States(const std::string& test = "") const {
    std::string text = "x,state\n";
    for (int i = 0; i < 1000; ++i) {
      const char* state = i % 10 == 8   ? "Current"
                          : i % 10 == 9 ? "Default"
                          : i % 3 == 0  ? "Charged Off"
                                        : "Fully Paid";
      absl::StrAppend(&text, i, ",", state, "\n");
    }
    RunConfig config;
    config.data.path = Write("states.csv", text);
    if (!test.empty()) config.data.test_path = Write("test.csv", test);
    config.data.label = "state";
    config.data.positive = {"Charged Off", "Default"};
    return config;
  }
};

TEST_F(LabelledRows, IgnoredOnesAreLeftOutAndCounted) {
  RunConfig config = States();
  config.data.ignore = {"Current"};
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const DataReport& report = prepared->report;
  EXPECT_EQ(report.dropped_ignored_label, 100u);
  EXPECT_EQ(report.parts[0].rows + report.parts[1].rows + report.parts[2].rows, 900u);
  ASSERT_EQ(report.labels.size(), 4u);
  const std::string json = Read("out/data/cleansing.json");
  EXPECT_TRUE(absl::StrContains(json, "\"dropped_ignored_label\": 100")) << json;
  EXPECT_TRUE(absl::StrContains(json, "\"class\": \"ignored\"")) << json;
}

TEST_F(LabelledRows, ATestFileIsJudgedByTheSameRule) {
  RunConfig config = States("x,state\n1,Default\n2,Late\n3,Pending\n4,Current\n");
  config.data.ignore = {"Pending"};
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.parts[2].rows, 3u);
  EXPECT_EQ(prepared->report.parts[2].labels, 1);
  EXPECT_EQ(prepared->report.dropped_ignored_label, 1u);
  EXPECT_EQ(prepared->report.labels.size(), 6u);
}

TEST_F(LabelledRows, LibsvmLabelsFollowTheRule) {
  std::string text;
  for (int i = 0; i < 900; ++i) absl::StrAppend(&text, i % 3, " ", 1 + i % 7, ":1\n");
  RunConfig config;
  config.data.format = "libsvm";
  config.data.path = Write("rows.svm", text);
  config.data.positive = {"2"};
  config.data.ignore = {"1"};
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.dropped_ignored_label, 300u);
  double positives = 0;
  for (const LabelSums& part : prepared->report.parts) positives += part.labels;
  EXPECT_EQ(positives, 300);
}

TEST_F(LabelledRows, OneBesideTwoIsSaidToBePositive) {
  const auto warnings = [this](const char* other) {
    std::string text;
    for (int i = 0; i < 900; ++i) absl::StrAppend(&text, i % 3 ? "1" : other, " 1:1\n");
    RunConfig config;
    config.data.format = "libsvm";
    config.data.path = Write("rows.svm", text);
    const auto prepared = Run(config);
    EXPECT_TRUE(prepared.ok()) << prepared.status();
    std::filesystem::remove_all(Path("out"));
    return prepared->report.warnings;
  };
  EXPECT_TRUE(warnings("0").empty());
  EXPECT_TRUE(warnings("-1.0").empty());
  ASSERT_EQ(warnings("2").size(), 1u);
  EXPECT_EQ(warnings("2")[0].sentence,
            "the label holds '2' (300 rows), '1' (600 rows), and '1' counts as 1 as data.positive "
            "is left out; if it is the other, set data.positive = \"2\"");
  RunConfig config = LoanConfig(600);
  config.data.path =
      Write("loans.csv", absl::StrReplaceAll(Loans(600), {{"good", "2"}, {"bad", "1"}}));
  config.data.positive = {};
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const auto said = [](const Warning& warning) { return warning.kind == "positive"; };
  EXPECT_TRUE(
      std::any_of(prepared->report.warnings.begin(), prepared->report.warnings.end(), said));
}

}  // namespace
}  // namespace rubato
