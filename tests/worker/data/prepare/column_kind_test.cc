#include "worker/data/prepare/column_kind.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/worker/data/prepare/scan_text.h"
#include "worker/data/encode/encoding.h"
#include "worker/data/encode/missing_values.h"
#include "worker/data/encode/number_reader.h"
#include "worker/data/prepare/cleanse.h"

namespace rubato {
namespace {

// A file of one column "x" and the label, each value in one row.
std::string File(const std::vector<std::string>& values) {
  std::string text = "x,y\n";
  for (size_t i = 0; i < values.size(); ++i) {
    absl::StrAppend(&text, values[i], ",", i % 2, "\n");
  }
  return text;
}

// 1000.5, 1001.5, ...
std::vector<std::string> Amounts(int count) {
  std::vector<std::string> values;
  for (int i = 0; i < count; ++i) values.push_back(absl::StrCat(1000 + i, ".5"));
  return values;
}

std::vector<std::string> operator+(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

bool IsNumber(const std::vector<std::string>& values) {
  return PlanText(File(values)).features.at(0).kind == FeatureKind::kNumeric;
}

TEST(ColumnKind, KnownMarkersAmongNumbersAreMissing) {
  const std::vector<std::string> markers = {
      "\\N",    "(null)",  "<NA>",     "#DIV/0!", "#REF!",   "#VALUE!", "#NAME?", "#NUM!",
      "#NULL!", "1.#QNAN", "1.#IND00", "-1.#IND", "-nan",    "-",       "--",     "None",
      "nil",    ".A",      ".z",       "unknown", "Missing", "n.a."};
  EXPECT_TRUE(IsNumber({"1", "2", "3"}));
  for (const std::string& marker : markers) {
    EXPECT_TRUE(IsNumber({"1", "2", marker, "3"})) << marker;
  }
  EXPECT_TRUE(IsNumber(Amounts(5) + markers));
  EXPECT_FALSE(IsNumber({"None", "unknown", "None"})) << "words, where nothing is a number";
}

TEST(ColumnKind, FewTextsAmongManyNumbersAreMissing) {
  EXPECT_TRUE(IsNumber(Amounts(10) + std::vector<std::string>{"illegible", "illegible"}));
  EXPECT_FALSE(IsNumber(Amounts(9) + std::vector<std::string>{"illegible"}));
  EXPECT_TRUE(IsNumber(Amounts(30) + std::vector<std::string>{"a", "b", "c"}));
  EXPECT_FALSE(IsNumber(Amounts(29) + std::vector<std::string>{"a", "b", "c"}));
  std::vector<std::string> many;
  for (int i = 0; i < 21; ++i) many.push_back(absl::StrCat("t", i));
  EXPECT_FALSE(IsNumber(Amounts(1000) + many)) << "so many texts are a vocabulary";
  EXPECT_FALSE(IsNumber({"1", "2", "3", "A", "B", "1", "2", "3"})) << "grades";
}

TEST(ColumnKind, LeadingZerosMakeACode) {
  EXPECT_FALSE(IsNumber({"01", "02", "56", "10"}));
  EXPECT_FALSE(IsNumber({"01067", "99999", "80331"}));
  EXPECT_FALSE(IsNumber({"001", "012", "123", "9"})) << "many, and some lost theirs";
  EXPECT_TRUE(IsNumber({"0", "10", "100"}));
  EXPECT_TRUE(IsNumber({"0.5", "0.25", "00.5", "0"}));
  DataConfig data;
  data.numeric = {"x"};
  EXPECT_EQ(PlanText(File({"01", "02"}), data).features[0].kind, FeatureKind::kNumeric);
}

TEST(ColumnKind, AFewLeadingZerosOrManyWidthsAreSaid) {
  std::vector<std::string> amounts = {"0123"};
  for (int i = 0; i < 200; ++i) amounts.push_back(absl::StrCat(1000 + 7 * i));
  std::vector<std::string> widths = {"0123", "012", "01"};
  for (int i = 0; i < 90; ++i) widths.push_back(absl::StrCat(7 * i * i));
  for (const auto& values : {amounts, widths}) {
    const ColumnPlan plan = PlanText(File(values));
    EXPECT_EQ(plan.features.at(0).kind, FeatureKind::kNumeric) << values[0];
    ASSERT_FALSE(plan.warnings.empty());
    EXPECT_EQ(plan.warnings[0].kind, "leading_zeros");
  }
  EXPECT_EQ(
      PlanText(File(amounts)).warnings[0].sentence,
      "column 'x': numbers that begin with 0 (1 of 201), as '0123', are read like others; name "
      "it in data.categorical if they are codes, else in data.numeric");
  DataConfig data;
  data.numeric = {"x"};
  EXPECT_TRUE(PlanText(File({"007", "12"}), data).warnings.empty());
}

TEST(ColumnKind, WhatIsTakenAsMissingIsNamed) {
  const auto values = Amounts(30) + std::vector<std::string>{"-", "lost", "-", "\\N"};
  const ColumnPlan plan = PlanText(File(values));
  ASSERT_EQ(plan.warnings.size(), 1u);
  EXPECT_EQ(plan.warnings[0].kind, "taken");
  EXPECT_EQ(plan.warnings[0].sentence,
            "column 'x': taken as missing: '-' (2 rows), 'lost' (1 row); name it in "
            "data.categorical if they mean something");
  EXPECT_EQ(plan.features[0].missing, (std::vector<std::string>{"-", "lost"}));
}

// Fits on all rows of `text`.
FitResult Fit(const std::string& text, const ColumnPlan& plan) {
  auto reader = CsvReader::Read(MakeMemorySource(text), "t.csv");
  Cleanser cleanser(plan.features, {.min_level_count = 1}, DecimalComma::kNo);
  while (*(*reader)->Next()) {
    EXPECT_TRUE(cleanser.Add((*reader)->fields(), Cleanser::Class::kNegative).ok());
  }
  return cleanser.Finish();
}

TEST(ColumnKind, ATextKnownAsMissingIsToldFromAnUnknownOne) {
  const std::string text = File(Amounts(30) + std::vector<std::string>{"lost", "-"});
  const FitResult fit = Fit(text, PlanText(text));
  const NumericEncoding& column = fit.encoding.numeric.at(0);
  EXPECT_EQ(column.missing, (std::vector<std::string>{"lost", "-"}));
  EXPECT_EQ(column.median, 1015.0);
  auto encoder = Encoder::Bind(fit.encoding, {"x", "y"}, DecimalComma::kNo);
  ASSERT_TRUE(encoder.ok());
  for (const char* field : {"lost", "-", "nil", "NA", "new"}) {
    (*encoder)->Encode(std::vector<absl::string_view>{field, "0"});
    EXPECT_EQ((*encoder)->numeric()[1], 1.0F) << field;
  }
  EXPECT_EQ((*encoder)->novelties()[0].texts.cells, 1u);
  EXPECT_EQ((*encoder)->novelties()[0].texts.first, "new");
}

TEST(MissingValues, AreOfAllColumnsOrOfOne) {
  DataConfig data;
  data.missing = {"-999", "b=7", "b=none of it"};
  const std::string text = "a,b,y\n-999.0,7,0\n1,none of it,1\n7,-999,0\n2,3,1\n";
  const ColumnPlan plan = PlanText(text, data);
  EXPECT_EQ(plan.features[1].kind, FeatureKind::kNumeric);
  const FitResult fit = Fit(text, plan);
  EXPECT_EQ(fit.encoding.numeric[0].median, 2.0);  // of 1 7 2
  EXPECT_EQ(fit.encoding.numeric[1].median, 3.0);
  EXPECT_EQ(fit.encoding.numeric[1].missing, (std::vector<std::string>{"-999", "7", "none of it"}));
}

// How training and predict read the only number column of a file: "m", the number, or a text.
std::vector<std::string> ReadAsTraining(const std::string& text, const std::string& missing,
                                        const std::vector<std::string>& fields) {
  DataConfig data;
  data.missing = {missing};
  const Feature feature = PlanText(text, data).features.at(0);
  const NumberReader reader(feature.form, feature.missing, DecimalComma::kYes);
  std::vector<std::string> read;
  for (const std::string& field : fields) {
    double value = 0.0;
    const Reading reading = reader.Read(field, &value);
    read.push_back(reading == Reading::kMissing ? "m"
                   : reading == Reading::kText  ? field
                                                : absl::StrCat(value));
  }
  return read;
}

TEST(MissingValues, MayBeWrittenAsTheColumnWritesItsNumbers) {
  using Texts = std::vector<std::string>;
  const Texts euros = {"-999,00", "-999", "-999,0", "7,5"};
  for (const char* missing : {"x=-999,00", "x=-999", "-999.0"}) {
    EXPECT_EQ(ReadAsTraining("x;y\n1,5;0\n2,5;1\n-999,00;0\n", missing, euros),
              (Texts{"m", "m", "m", "7.5"}))
        << missing;
  }
  for (const char* missing : {"x=999 months", "x=999"}) {
    EXPECT_EQ(ReadAsTraining("x;y\n36 months;0\n60 months;1\n999 months;0\n", missing,
                             {"999 months", "36 months"}),
              (Texts{"m", "36"}))
        << missing;
  }
}

TEST(MissingValues, TheScanCountsWhatTrainingTakesAsMissing) {
  const std::string text = "x;y\n1,5;0\n-999,00;1\n-999,0;0\n-999;0\n";
  for (const char* missing : {"x=-999,00", "-999"}) {
    EXPECT_EQ(ScanText(text, {.label = "", .time = "", .missing = {missing}}).columns[0].missing,
              3u);
  }
}

TEST(MissingValues, OfACategoryAreNoLevels) {
  DataConfig data;
  data.missing = {"none", "9"};
  const std::string text = "x,y\na,0\nnone,1\nb,0\n9.0,1\nNone,0\n";
  const FitResult fit = Fit(text, PlanText(text, data));
  EXPECT_EQ(fit.encoding.categories.at(0).levels, (std::vector<std::string>{"None", "a", "b"}));
  auto encoder = Encoder::Bind(fit.encoding, {"x", "y"}, DecimalComma::kNo);
  for (const char* field : {"none", "9", "9.00", ""}) {
    (*encoder)->Encode(std::vector<absl::string_view>{field, "0"});
    EXPECT_EQ((*encoder)->categories()[0], kMissingLevel) << field;
  }
}

TEST(MissingValues, UnknownColumnsAreNamed) {
  const auto refusal = [](const std::string& named) {
    return std::string(MissingByColumn({named}, {"income", "a=b"}).status().message());
  };
  EXPECT_EQ(refusal("incone=-1"),
            "there is no column 'incone' (data.missing); did you mean 'income'?");
  EXPECT_EQ(refusal("income="),
            "data.missing holds 'income=' without a value; write \"value\" or \"column=value\"");
  EXPECT_EQ(refusal("a=b=7"), "");
  EXPECT_EQ(refusal("incone=<=0"),
            "there is no column 'incone' (data.missing); did you mean 'income'?");
}

TEST(MissingValues, AValueMayHoldAnEqualsSign) {
  const auto spellings = [](const std::string& named) {
    return MissingByColumn({named}, {"income", "a=b"}).value();
  };
  using Spellings = std::vector<std::vector<std::string>>;
  EXPECT_EQ(spellings("<=0"), (Spellings{{"<=0"}, {"<=0"}}));
  EXPECT_EQ(spellings("="), (Spellings{{"="}, {"="}}));
  EXPECT_EQ(spellings("income = <=0"), (Spellings{{"<=0"}, {}}));
  EXPECT_EQ(spellings("income=n=a"), (Spellings{{"n=a"}, {}}));
}

}  // namespace
}  // namespace rubato
