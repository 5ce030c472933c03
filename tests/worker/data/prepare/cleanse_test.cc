#include "worker/data/prepare/cleanse.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "worker/data/encode/encoding.h"
#include "worker/data/prepare/column_plan.h"
#include "worker/data/prepare/label.h"
#include "worker/data/prepare/scan.h"
#include "worker/data/text/csv.h"
#include "worker/data/text/text_form.h"

namespace rubato {
namespace {

constexpr auto kNegative = Cleanser::Class::kNegative;
constexpr auto kPositive = Cleanser::Class::kPositive;

CsvScan Scan(const std::string& text, const ScanRequest& request = {}) {
  auto reader = CsvReader::Read(MakeMemorySource(text), "t.csv");
  EXPECT_TRUE(reader.ok()) << reader.status();
  auto scan = ScanCsv(**reader, request);
  EXPECT_TRUE(scan.ok()) << scan.status();
  return *std::move(scan);
}

// Fits one column on values, alternately negative and positive rows.
FitResult FitOne(FeatureKind kind, const std::vector<std::string>& values,
                 const CleanseConfig& config = {}) {
  Cleanser cleanser({{0, "x", kind}}, config, DecimalComma::kNo);
  for (size_t i = 0; i < values.size(); ++i) {
    const absl::string_view field = values[i];
    EXPECT_TRUE(cleanser.Add({&field, 1}, i % 2 == 0 ? kNegative : kPositive).ok());
  }
  return cleanser.Finish();
}

struct Encoded {
  std::vector<float> numeric;
  std::vector<uint32_t> categories;
};

Encoded Encode(const Encoding& encoding, const std::vector<std::string>& header,
               const std::vector<absl::string_view>& fields) {
  auto encoder = Encoder::Bind(encoding, header, DecimalComma::kNo);
  EXPECT_TRUE(encoder.ok()) << encoder.status();
  (*encoder)->Encode(fields);
  return {{(*encoder)->numeric().begin(), (*encoder)->numeric().end()},
          {(*encoder)->categories().begin(), (*encoder)->categories().end()}};
}

TEST(Cleanse, NumbersAreStandardisedAndClipped) {
  const FitResult fit = FitOne(FeatureKind::kNumeric, {"1", " 3 ", "5", "7"});
  const NumericEncoding& column = fit.encoding.numeric[0];
  EXPECT_EQ(column.median, 4.0);
  EXPECT_EQ(column.mean, 4.0);
  EXPECT_DOUBLE_EQ(column.deviation, std::sqrt(5.0));
  EXPECT_FALSE(column.signed_log);
  EXPECT_FALSE(column.indicator);
  EXPECT_EQ(fit.encoding.Shape().numeric_columns, 1u);
  EXPECT_FLOAT_EQ(Encode(fit.encoding, {"x"}, {"9"}).numeric[0], 5.0F / std::sqrt(5.0F));
  EXPECT_EQ(Encode(fit.encoding, {"x"}, {"1e9"}).numeric[0], 8.0F);
  EXPECT_EQ(Encode(fit.encoding, {"x"}, {"-1e9"}).numeric[0], -8.0F);
  // Missing only after training: the median, and no indicator to say so.
  EXPECT_EQ(Encode(fit.encoding, {"x"}, {"NA"}).numeric, (std::vector<float>{0.0F}));
}

TEST(Cleanse, MissingNumbersBecomeTheMedianAndAnIndicator) {
  const FitResult fit = FitOne(FeatureKind::kNumeric, {"1", "", "2", "?", "9", "oops"});
  const NumericEncoding& column = fit.encoding.numeric[0];
  EXPECT_EQ(column.median, 2.0);
  EXPECT_TRUE(column.indicator);
  EXPECT_EQ(column.mean, 3.0);  // of 1 2 9 and three times 2
  EXPECT_EQ(fit.encoding.Shape().numeric_columns, 2u);
  EXPECT_EQ(Encode(fit.encoding, {"x"}, {"NaN"}).numeric,
            Encode(fit.encoding, {"x"}, {"text"}).numeric);
  EXPECT_EQ(Encode(fit.encoding, {"x"}, {""}).numeric[1], 1.0F);
  EXPECT_EQ(Encode(fit.encoding, {"x"}, {"2"}).numeric[1], 0.0F);
  EXPECT_EQ(Encode(fit.encoding, {"x"}, {""}).numeric[0],
            Encode(fit.encoding, {"x"}, {"2"}).numeric[0]);
}

TEST(Cleanse, HeavyTailsAreLoggedWithTheirSign) {
  std::vector<std::string> values;
  for (int i = 0; i < 200; ++i) values.push_back(absl::StrCat(i % 10));
  EXPECT_FALSE(FitOne(FeatureKind::kNumeric, values).encoding.numeric[0].signed_log);
  values.push_back("-1000000");
  const FitResult fit = FitOne(FeatureKind::kNumeric, values);
  const NumericEncoding& column = fit.encoding.numeric[0];
  EXPECT_TRUE(column.signed_log);
  double mean = SignedLog(-1e6);
  for (int i = 0; i < 200; ++i) mean += std::log(1.0 + i % 10);
  EXPECT_NEAR(column.mean, mean / 201, 1e-12);
  EXPECT_EQ(SignedLog(-1e6), -std::log1p(1e6));
  EXPECT_FALSE(FitOne(FeatureKind::kNumeric, values, {.signed_log_skew = 1e6})
                   .encoding.numeric[0]
                   .signed_log);
}

TEST(Cleanse, LargeOffsetsAndExtremesStayFinite) {
  const FitResult offset = FitOne(FeatureKind::kNumeric, {"1e15", "1000000000000001"});
  EXPECT_EQ(offset.encoding.numeric[0].deviation, 0.5);
  const FitResult fit = FitOne(FeatureKind::kNumeric, {"1e999", "-1e999", "0", "1"});
  for (const char* value : {"1e999", "-1e999", "0", ""}) {
    EXPECT_TRUE(std::isfinite(Encode(fit.encoding, {"x"}, {value}).numeric[0])) << value;
  }
}

TEST(Cleanse, LevelsSeenOftenEnoughGetIds) {
  const FitResult fit =
      FitOne(FeatureKind::kCategory, {"b", "b", "c", "a", "a", "a", "rare", "", " b "},
             {.min_level_count = 3});
  EXPECT_EQ(fit.encoding.categories[0].levels, (std::vector<std::string>{"a", "b"}));
  const DatasetShape shape = fit.encoding.Shape();
  EXPECT_EQ(shape.level_begin, (std::vector<uint64_t>{0, 4}));
  EXPECT_EQ(shape.levels, 4u);
  const auto id = [&](const char* value) {
    return Encode(fit.encoding, {"x"}, {value}).categories[0];
  };
  EXPECT_EQ(id("rare"), 0u);
  EXPECT_EQ(id("never seen"), 0u);
  EXPECT_EQ(id("NA"), 1u);
  EXPECT_EQ(id("a"), 2u);
  EXPECT_EQ(id("b "), 3u);
  EXPECT_EQ(fit.encoding.categories[0].rows, (std::vector<uint64_t>{2, 1, 3, 3}));
  EXPECT_EQ(fit.encoding.categories[0].rare.size(), 2u);
}

TEST(Cleanse, LevelsThatAreTheSameNumberAreOne) {
  const FitResult fit =
      FitOne(FeatureKind::kCategory, {"3", "3.0", "3e+0", "03", "03", "5"}, {.min_level_count = 1});
  EXPECT_EQ(fit.encoding.categories[0].levels, (std::vector<std::string>{"3", "03", "5"}));
}

TEST(Cleanse, TheRangeOfNumbersIsKept) {
  const FitResult fit = FitOne(FeatureKind::kNumeric, {"7", "-3", "", "12.5", "1"}, {});
  EXPECT_EQ(fit.encoding.numeric[0].low, -3.0);
  EXPECT_EQ(fit.encoding.numeric[0].high, 12.5);
}

TEST(Cleanse, TenthsOfNumbersAreBins) {
  std::vector<std::string> values = {"", "NA"};
  for (int i = 20; i >= 1; --i) values.push_back(absl::StrCat(i));
  const NumericEncoding even = FitOne(FeatureKind::kNumeric, values).encoding.numeric[0];
  EXPECT_EQ(even.edges, (std::vector<double>{2, 4, 6, 8, 10, 12, 14, 16, 18}));
  EXPECT_EQ(even.rows, (std::vector<uint64_t>{2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}));
  for (int i = 0; i < 20; ++i) values.push_back("0");
  const NumericEncoding half = FitOne(FeatureKind::kNumeric, values).encoding.numeric[0];
  EXPECT_EQ(half.edges, (std::vector<double>{0, 4, 8, 12, 16}));
  EXPECT_EQ(half.rows, (std::vector<uint64_t>{20, 4, 4, 4, 4, 4, 2}));
}

TEST(Cleanse, ColumnsKeepTheirOrderAndAreFoundByName) {
  Encoding encoding;
  encoding.numeric = {{.name = "n1", .mean = 0, .deviation = 1, .indicator = true},
                      {.name = "n2", .mean = 0, .deviation = 1, .indicator = false},
                      {.name = "n3", .mean = 0, .deviation = 1, .indicator = true}};
  encoding.categories = {{"c1", {"u", "v"}}, {"c2", {"u"}}};
  EXPECT_EQ(encoding.Shape().level_begin, (std::vector<uint64_t>{0, 4, 7}));
  const Encoded row =
      Encode(encoding, {"c2", "extra", "n3", "n2", "n1", "c1"}, {"u", "zzz", "?", "2", "1", "v"});
  EXPECT_EQ(row.numeric, (std::vector<float>{1, 2, 0, 0, 1}));
  EXPECT_EQ(row.categories, (std::vector<uint32_t>{3, 6}));
  const auto missing = Encoder::Bind(encoding, {"c2", "N3", "n2", "n1", "c1"}, DecimalComma::kNo);
  EXPECT_EQ(missing.status().message(),
            "there is no column 'n3' (the model reads it); did you mean 'N3'?");
}

bool HasWarning(const std::vector<Warning>& warnings, const std::string& column,
                const std::string& kind) {
  for (const Warning& warning : warnings) {
    if (warning.column == column && warning.kind == kind) return true;
  }
  return false;
}

TEST(Cleanse, WarnsOfConstantColumns) {
  EXPECT_TRUE(HasWarning(FitOne(FeatureKind::kNumeric, {"3", "3.0"}).warnings, "x", "constant"));
  EXPECT_TRUE(HasWarning(FitOne(FeatureKind::kNumeric, {"", ""}).warnings, "x", "constant"));
  EXPECT_TRUE(HasWarning(FitOne(FeatureKind::kCategory, {"a", "a"}).warnings, "x", "constant"));
  EXPECT_TRUE(FitOne(FeatureKind::kNumeric, {"3", ""}).warnings.empty());
  EXPECT_TRUE(FitOne(FeatureKind::kCategory, {"a", "b"}).warnings.empty());
  EXPECT_EQ(FitOne(FeatureKind::kNumeric, {"", ""}).warnings[0].sentence,
            "column 'x' is missing in all training rows; it tells the model nothing");
  const Encoding constant = FitOne(FeatureKind::kNumeric, {"3", "3"}).encoding;
  EXPECT_EQ(Encode(constant, {"x"}, {"4"}).numeric[0], 0.0F);
}

TEST(Cleanse, WarnsOfColumnsThatKnowTheAnswer) {
  std::vector<std::string> values;
  std::vector<std::string> texts;
  std::vector<std::string> missing;
  std::vector<std::string> noise;
  for (int i = 0; i < 200; ++i) {  // odd rows are positive
    values.push_back(absl::StrCat(i % 2 == 1 ? -i : i));
    texts.push_back(i % 2 == 1 ? (i % 3 == 0 ? "late" : "lost") : "paid");
    missing.push_back(i % 2 == 1 ? "" : absl::StrCat(i));
    noise.push_back(absl::StrCat(i / 2 % 7));
  }
  EXPECT_TRUE(HasWarning(FitOne(FeatureKind::kNumeric, values).warnings, "x", "leak"));
  EXPECT_TRUE(HasWarning(FitOne(FeatureKind::kCategory, texts).warnings, "x", "leak"));
  EXPECT_TRUE(HasWarning(FitOne(FeatureKind::kNumeric, missing).warnings, "x", "leak"));
  EXPECT_TRUE(FitOne(FeatureKind::kNumeric, noise).warnings.empty());
  EXPECT_TRUE(FitOne(FeatureKind::kCategory, noise).warnings.empty());
}

// Each level stands in one or two rows, so it names the class of its rows: of those it was seen in.
TEST(Cleanse, ManyRareLevelsDoNotKnowTheAnswer) {
  for (const int rows_per_level : {1, 2}) {
    std::vector<std::string> values;
    for (int i = 0; i < 2000; ++i)
      values.push_back(absl::StrCat("m", i * 7 % 2000 / rows_per_level));
    const FitResult fit = FitOne(FeatureKind::kCategory, values, {.min_level_count = 1});
    EXPECT_TRUE(fit.warnings.empty()) << fit.warnings[0].sentence;
  }
}

TEST(Cleanse, GroupedAucCountsTiesHalf) {
  // Negatives 1 1 2, positives 1 2 3: of 9 pairs 5 rise, 3 tie.
  const std::vector<ClassCounts> groups = {{2, 1}, {1, 1}, {0, 1}};
  EXPECT_DOUBLE_EQ(GroupedAuc(groups), (5.0 + 1.5) / 9.0);
  const std::vector<ClassCounts> falling = {{0, 1}, {1, 1}, {2, 1}};
  EXPECT_DOUBLE_EQ(GroupedAuc(falling), (1.0 + 1.5) / 9.0);
  EXPECT_EQ(GroupedAuc(std::vector<ClassCounts>{{5, 0}, {3, 0}}), 0.5);
}

TEST(ColumnPlan, InfersKindsAndObeysTheRunFile) {
  const CsvScan scan = Scan("id,n,c,code,mix,y\n1,1.5,a,7,1,0\n2,,b,8,x,1\n3,2,?,7,2,0\n");
  DataConfig data;
  data.label = "y";
  data.drop = {"id"};
  data.categorical = {"code"};
  data.numeric = {"mix"};
  const auto plan = PlanColumns(scan, data, {});
  ASSERT_TRUE(plan.ok()) << plan.status();
  std::vector<std::string> kinds;
  for (const Feature& feature : plan->features) {
    kinds.push_back(absl::StrCat(feature.name, feature.field,
                                 feature.kind == FeatureKind::kNumeric ? " number" : " category"));
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"n1 number", "c2 category", "code3 category",
                                             "mix4 number"}));
  EXPECT_EQ(plan->dropped, (std::vector<std::string>{"id"}));
  ASSERT_TRUE(HasWarning(plan->warnings, "mix", "taken"));
  EXPECT_EQ(plan->warnings[0].sentence,
            "column 'mix': taken as missing: 'x' (1 row); name it in data.categorical if they "
            "mean something");
}

TEST(ColumnPlan, WarnsOfIds) {
  std::string text = "number,text,amount,few,y\n";
  for (int i = 0; i < 200; ++i) {
    absl::StrAppend(&text, 7 * i, ",k", i, ",", i, ".5,", i % 5, ",", i % 2, "\n");
  }
  DataConfig data;
  data.label = "y";
  const auto plan = PlanColumns(Scan(text), data, {});
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(HasWarning(plan->warnings, "number", "id_like"));
  EXPECT_TRUE(HasWarning(plan->warnings, "text", "id_like"));
  EXPECT_EQ(plan->warnings.size(), 2u);
}

TEST(ColumnPlan, WarnsOfDates) {
  std::string text = "iso,german,word,y\n";
  for (int i = 0; i < 200; ++i) {
    absl::StrAppend(&text, "2015-03-", 10 + i % 20, ",", 10 + i % 20, ".03.2015,w", i % 3, ",",
                    i % 2, "\n");
  }
  DataConfig data;
  data.label = "y";
  const auto plan = PlanColumns(Scan(text), data, {});
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ(plan->warnings.size(), 2u);
  EXPECT_EQ(plan->warnings[0].sentence,
            "column 'iso' holds dates, the first '2015-03-10' in line 2; to split by it, name it "
            "in data.time (split.kind = \"time\"); as they are, each is a level of a category");
  EXPECT_TRUE(HasWarning(plan->warnings, "german", "date"));
}

TEST(ColumnPlan, DaysThatStandOnceEachMayBeThoseOfPrices) {
  std::string text = "day,y\n";
  for (int i = 0; i < 120; ++i) {
    absl::StrAppend(&text, "20", 10 + i / 12, "-", 10 + i % 3, "-", 10 + i % 12, ",", i % 2, "\n");
  }
  DataConfig data;
  data.label = "y";
  const auto plan = PlanColumns(Scan(text), data, {});
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(absl::EndsWith(plan->warnings[0].sentence,
                             "each is a level of a category; if each row is a day with its prices, "
                             "see data.format = \"series\""))
      << plan->warnings[0].sentence;
}

TEST(ColumnPlan, WarnsOfCopies) {
  std::string text = "a,b,c,y\n";
  for (int i = 0; i < 50; ++i) {
    const std::string value = i == 7 ? "" : absl::StrCat(i % 5);
    absl::StrAppend(&text, value, ",", (i + 1) % 5, ",", value, ",", i % 2, "\n");
  }
  DataConfig data;
  data.label = "y";
  const auto plan = PlanColumns(Scan(text), data, {});
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ(plan->warnings.size(), 1u);
  EXPECT_EQ(plan->warnings[0].kind, "copy");
  EXPECT_EQ(plan->warnings[0].sentence,
            "column 'c' holds what 'a' does; leave one of them out with data.drop");
  data.drop = {"a"};
  EXPECT_TRUE(PlanColumns(Scan(text), data, {})->warnings.empty());
}

TEST(ColumnPlan, FlagsInOtherRowsAreNoCopies) {
  // Ones in the rows 0 and 3, and 1 and 2.
  const auto plan = PlanColumns(Scan("a,b,y\n1,0,0\n0,1,1\n0,1,0\n1,0,1\n"), DataConfig{}, {"y"});
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(plan->warnings.empty()) << plan->warnings[0].sentence;
}

TEST(ColumnPlan, WarnsOfDatesInDigits) {
  std::string text = "v,opened_date,amount,few,y\n";
  for (int i = 0; i < 200; ++i) {
    absl::StrAppend(&text, 2001 + i % 20, i % 3 == 0 ? "01" : "12", ",2015", 10 + i % 3,
                    10 + i % 20, ",", 190100 + i, ",", 200101 + i % 3, ",", i % 2, "\n");
  }
  DataConfig data;
  data.label = "y";
  const auto plan = PlanColumns(Scan(text), data, {});
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(HasWarning(plan->warnings, "v", "date"));
  EXPECT_TRUE(HasWarning(plan->warnings, "opened_date", "date"));
  EXPECT_FALSE(HasWarning(plan->warnings, "amount", "date"));
  EXPECT_FALSE(HasWarning(plan->warnings, "few", "date"));
  data.numeric = {"v"};
  EXPECT_FALSE(HasWarning(PlanColumns(Scan(text), data, {})->warnings, "v", "date"));
}

TEST(TextForm, TellsDatesFromWords) {
  EXPECT_EQ(FormOf("2015-03-31 23:59"), TextForm::kIsoTime);
  for (const char* date : {"31.03.2015", "3/31/15", "2015.3.31", "1-2-2015 10:00", "Dec-2015",
                           "Jan 2019", "2023-01", "12/2019", "1 January 2019", "SEP-15",
                           "31-OCT-2019 23:59", "M\u00e4r 2020", "31DEC2015", "1mai07"}) {
    EXPECT_EQ(FormOf(date), TextForm::kDate) << date;
  }
  for (const char* text : {"A11", "20-30", "1.2.3.4", "12:30", "-", "", "1.2-3", "3.9.1", "Jan",
                           "Market 2019", "2023-13", "1 2019", "31.31.2015", "Jan Feb 2019",
                           "MAR15", "A1DEC2015", "31DEC-2015", "3x2"}) {
    EXPECT_EQ(FormOf(text), TextForm::kOther) << text;
  }
}

TEST(ColumnPlan, ALabelAloneIsNothingToLearnFrom) {
  DataConfig data;
  data.label = "y";
  EXPECT_EQ(PlanColumns(Scan("y\n1\n0\n"), data, {}).status().message(),
            "t.csv: no column is left to learn from; the file has none besides the label");
  data.drop = {"elsewhere"};
  EXPECT_EQ(PlanColumns(Scan("y\n1\n0\n"), data, {}).status().message(),
            "t.csv: there is no column 'elsewhere' (data.drop); the only column is 'y'");
}

TEST(ColumnPlan, UnknownNamesOfferTheNearest) {
  const CsvScan scan = Scan("income,age,class\n1,2,0\n");
  DataConfig data;
  data.label = "class";
  data.drop = {"incone"};
  EXPECT_EQ(PlanColumns(scan, data, {}).status().message(),
            "t.csv: there is no column 'incone' (data.drop); did you mean 'income'?");
  data.drop = {"AGE"};
  EXPECT_TRUE(absl::StrContains(PlanColumns(scan, data, {}).status().message(), "mean 'age'?"));
  data.drop = {"something else"};
  EXPECT_TRUE(absl::StrContains(PlanColumns(scan, data, {}).status().message(),
                                "3 columns, from 'income' to 'class'"));
  data.drop = {"age", "income"};
  EXPECT_TRUE(
      absl::StrContains(PlanColumns(scan, data, {}).status().message(), "no column is left"));
}

TEST(Scan, CountsWhatColumnsHold) {
  const CsvScan scan = Scan("a,b,y,t\n1,x,1,2001\n2.5,x,1.0,2000\n?,3,,NA\n", {"y", "t"});
  EXPECT_EQ(scan.rows, 3u);
  EXPECT_EQ(scan.columns[0].numbers, 2u);
  EXPECT_EQ(scan.columns[0].fractions, 1u);
  EXPECT_EQ(scan.columns[0].missing, 0u) << "but in a row without a label";
  EXPECT_TRUE(scan.columns[0].LooksNumeric());
  EXPECT_EQ(scan.columns[1].texts, 2u);
  EXPECT_EQ(scan.columns[1].distinct, 1u);
  EXPECT_EQ(scan.columns[2].missing, 1u);
  EXPECT_FALSE(scan.columns[1].LooksNumeric());
  EXPECT_EQ(scan.labels, (std::vector<uint16_t>{0, 0, kNoLabel}));
  ASSERT_EQ(scan.label_values.size(), 1u);
  EXPECT_EQ(scan.label_values[0].rows, 2u);
  EXPECT_EQ(scan.times[1], 2000.0);
  EXPECT_TRUE(std::isnan(scan.times[2]));
}

TEST(Scan, AFooterIsNoValueOfAColumn) {
  std::string text = "id,t,x,y\n";
  for (int i = 0; i < 120; ++i) absl::StrAppend(&text, i, ",", 2000 + i, ",7.5,", i % 2, "\n");
  const CsvScan scan = Scan(text + "Total,Sum,900.00,\n,120 rows,,\n", {"y", "t"});
  EXPECT_EQ(scan.columns[0].texts, 0u);
  EXPECT_EQ(scan.columns[0].distinct, scan.columns[0].counted);
  DataConfig data;
  data.label = "y";
  data.time = "t";
  const auto plan = PlanColumns(scan, data, {});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(HasWarning(plan->warnings, "id", "id_like"));
  ASSERT_FALSE(plan->warnings.empty());
  EXPECT_EQ(plan->warnings[0].sentence,
            "what stands at the end, from line 122 ('Total') on, has no label and is left out (2 "
            "rows); a footer must be taken off files to be scored");
  EXPECT_FALSE(Scan("x,y\n1,\n2,0\n3,1\n", {"y", ""}).footer) << "not at the end";
}

TEST(Scan, ATimeThatIsNoneNamesItsLine) {
  auto reader = CsvReader::Read(MakeMemorySource("y,t\n1,2001-02-03\n0,03.02.2001\n"), "t.csv");
  const auto scan = ScanCsv(**reader, {"y", "t"});
  EXPECT_TRUE(absl::StrContains(scan.status().message(), "t.csv:3: '03.02.2001'")) << scan.status();
}

}  // namespace
}  // namespace rubato
