#include "worker/data/text/number_form.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/worker/data/prepare/scan_text.h"
#include "worker/data/encode/encoding.h"

namespace rubato {
namespace {

// The form that a column of `values` agrees on, and what it reads of each.
struct Column {
  std::optional<NumberForm> form;
  std::vector<double> numbers;
};

Column ReadColumn(const std::vector<std::string>& values, DecimalComma comma = DecimalComma::kNo,
                  char seen = '\0') {
  NumberMarks marks;
  for (const std::string& value : values) {
    const auto plain = ParseNumber(value, DecimalComma::kNo);
    if (plain) {
      marks.AddPlain(value, *plain);
    } else {
      EXPECT_TRUE(marks.AddText(value)) << value;
    }
  }
  Column column = {marks.Agreed(values.size(), {comma, seen}), {}};
  for (size_t i = 0; column.form && i < values.size(); ++i) {
    const auto number = ParseNumberIn(*column.form, values[i], comma);
    EXPECT_TRUE(number) << values[i];
    column.numbers.push_back(number.value_or(-1e9));
  }
  return column;
}

using Numbers = std::vector<double>;

TEST(NumberForm, MarksOfCurrenciesAndGroupsAreTakenOff) {
  EXPECT_EQ(ReadColumn({"$1,234.50", "-$5", "7", "1.5", "$(1,200)", "(3)", "$ 9", "12,345,678",
                        "1,200-", "+8"})
                .numbers,
            (Numbers{1234.5, -5, 7, 1.5, -1200, -3, 9, 12345678, -1200, 8}));
  EXPECT_EQ(ReadColumn({"EUR 5", "12 EUR", "3"}).numbers, (Numbers{5, 12, 3}));
  EXPECT_EQ(ReadColumn({"1 234", "12 345 678", "5"}).numbers, (Numbers{1234, 12345678, 5}));
  EXPECT_EQ(ReadColumn({"1'234.5", "1\u00a0234", "1,234"}).numbers, (Numbers{1234.5, 1234, 1234}));
  EXPECT_EQ(ReadColumn({"Rs. 12,34,567", "Rs. 5"}).numbers, (Numbers{1234567, 5}));
  EXPECT_EQ(ReadColumn({"\u20ac5", "\u22126 \u20ac"}).numbers, (Numbers{5, -6}));
}

TEST(NumberForm, DecimalCommasAreFoundColumnByColumn) {
  const Column german = ReadColumn({"1.234,50", "0,5", "1.234", "7"});
  EXPECT_EQ(german.numbers, (Numbers{1234.5, 0.5, 1234, 7}));
  EXPECT_EQ(german.form->decimal, ',');
  EXPECT_EQ(ReadColumn({"1,234", "5"}).numbers, (Numbers{1234, 5}));
  EXPECT_EQ(ReadColumn({"1,234", "2,000"}, DecimalComma::kYes).numbers, (Numbers{1.234, 2}));
  EXPECT_EQ(ReadColumn({"1,234", "5.25"}, DecimalComma::kYes).numbers, (Numbers{1234, 5.25}));
  EXPECT_EQ(ReadColumn({"1,5", "2.5"}, DecimalComma::kYes).numbers, (Numbers{1.5, 2.5}));
  EXPECT_FALSE(ReadColumn({"1,5", "2.5"}).form) << "which of the two is wrong?";
}

TEST(NumberForm, AnOpenValueIsDecidedByTheOthersOfTheFile) {
  const std::vector<std::string> open = {"1.281", "292", "2.000"};
  EXPECT_EQ(ReadColumn(open, DecimalComma::kYes).numbers, (Numbers{1281, 292, 2000}));
  EXPECT_EQ(ReadColumn({"1.281", "2.000"}, DecimalComma::kYes).numbers, (Numbers{1.281, 2}));
  EXPECT_EQ(ReadColumn(open, DecimalComma::kYes, '.').numbers, (Numbers{1.281, 292, 2}));
  EXPECT_EQ(ReadColumn(open, DecimalComma::kYes, ',').numbers, (Numbers{1281, 292, 2000}));
  EXPECT_EQ(ReadColumn({"1.281", "2.25"}, DecimalComma::kYes, ',').numbers, (Numbers{1.281, 2.25}));
  EXPECT_EQ(ReadColumn({"1,234", "5"}, DecimalComma::kYes, '.').numbers, (Numbers{1234, 5}));
  EXPECT_FALSE(ReadColumn({"1,5", "2.5", "1.234"}, DecimalComma::kYes).form);
}

TEST(NumberForm, AnOpenValueIsWholeWhereItsMarkIsBetweenThousands) {
  std::string text = "amount;rate;y\n";
  for (int i = 0; i < 40; ++i) absl::StrAppend(&text, 1 + i % 9, ".", 100 + i, ";9,", i, ";1\n");
  const CsvScan scan = ScanText(text);
  EXPECT_EQ(scan.columns[0].fractions, 0u);
  EXPECT_GT(scan.columns[1].fractions, 0u);
  const ColumnPlan plan = PlanText(text);
  EXPECT_EQ(plan.features.at(0).reason, "numbers, decimal comma");
  EXPECT_TRUE(plan.features[0].form.grouped);
}

// Whoever trained on 980 and 292 may score 1.281, and mean 1281 by it.
TEST(NumberForm, WholeNumbersHaveTheDecimalsOfTheirFile) {
  std::string text = "amount;rate;y\n";
  for (int i = 0; i < 40; ++i) absl::StrAppend(&text, 200 + i, ";9,", i, ";1\n");
  const Feature amount = PlanText(text).features.at(0);
  EXPECT_EQ(amount.reason, "numbers");
  EXPECT_FALSE(ParseNumberIn(amount.form, "1.281", DecimalComma::kYes));
  EXPECT_EQ(ParseNumberIn(amount.form, "1,5", DecimalComma::kYes), 1.5);
  EXPECT_EQ(ParseNumberIn(amount.form, "1281", DecimalComma::kYes), 1281);
}

TEST(NumberForm, AddressesAreNoAmounts) {
  EXPECT_FALSE(ReadColumn({"192.168.100.200", "192.168.101.210"}).form);
  EXPECT_EQ(ReadColumn({"192.168.100.200", "500.000", "1,5"}).numbers,
            (Numbers{192168100200, 500000, 1.5}));
  std::string text = "ip,y\n";
  for (int i = 0; i < 400; ++i) absl::StrAppend(&text, "192.168.100.", 100 + i % 150, ",1\n");
  const ColumnPlan plan = PlanText(text);
  EXPECT_EQ(plan.features.at(0).kind, FeatureKind::kCategory);
  EXPECT_TRUE(plan.warnings.empty());
}

TEST(NumberForm, UnitsAreOfEveryValue) {
  EXPECT_EQ(ReadColumn({"10.65%", "7 %"}).numbers, (Numbers{10.65, 7}));
  EXPECT_EQ(ReadColumn({"36 months", "1 month"}).numbers, (Numbers{36, 1}));
  EXPECT_EQ(ReadColumn({"10+ years", "< 1 year", "3 years"}).numbers, (Numbers{10, 0.5, 3}));
  EXPECT_FALSE(ReadColumn({"10%", "0.1"}).form);
  EXPECT_FALSE(ReadColumn({"10 months", "1 year"}).form);
  EXPECT_FALSE(ReadColumn({"$5", "\u20ac5"}).form);
  EXPECT_EQ(DescribeForm(*ReadColumn({"36 months"}).form), "in months");
  EXPECT_EQ(DescribeForm(*ReadColumn({"$1,5", "$2,25"}).form), "'$' dropped, decimal comma");
  EXPECT_EQ(DescribeForm(*ReadColumn({"5%"}).form), "percent");
  EXPECT_EQ(DescribeForm(*ReadColumn({"1,234.5"}).form), "separators dropped");
}

TEST(NumberForm, WordsCodesAndDatesAreNoNumbers) {
  for (const char* text :
       {"A11",          "20-30",      "1.2.3.4",   "12:30", "-",  "$",       "",
        "4 walls high", "1.2-3",      "1,23,45",   "12A",   "5k", "1st",     "10th",
        "2015-03-31",   "31.03.2015", "3/31/15",   "(5",    "5)", "$5 EUR",  "1,234.5.6",
        "1 23",         "1,234'567",  "5 % of it", "e5",    "+",  "under 18"}) {
    EXPECT_FALSE(ReadMarks(text)) << text;
  }
}

TEST(NumberForm, AColumnOfMarkedNumbersIsANumber) {
  std::string text = "money,term,rate,mixed,y\n";
  for (int i = 0; i < 40; ++i) {
    absl::StrAppend(&text, "\"$1,", 100 + i, ".00\", ", 36 + i % 2 * 24, " months,", i, ".5%,",
                    i % 2 == 0 ? "$" : "\u20ac", i, ",", i % 2, "\n");
  }
  absl::StrAppend(&text, "unknown,n/a,lost,$1,0\n");
  const ColumnPlan plan = PlanText(text);
  std::vector<std::string> reasons;
  for (const Feature& feature : plan.features) reasons.push_back(feature.reason);
  EXPECT_EQ(reasons, (std::vector<std::string>{"numbers, '$' dropped", "numbers, in months",
                                               "numbers, percent", "texts"}));
  EXPECT_EQ(plan.features[2].missing, (std::vector<std::string>{"lost"}));
  ASSERT_EQ(plan.warnings.size(), 3u);
  EXPECT_EQ(plan.warnings[2].kind, "marks_differ");
  EXPECT_EQ(plan.warnings[2].sentence,
            "column 'mixed' holds numbers with different marks, as '$0' and '\u20ac1'; write them "
            "alike; as they are, each is a level of a category");
  std::string rates = "rate,y\n";
  for (int i = 0; i < 40; ++i) absl::StrAppend(&rates, i, i % 4 == 0 ? "," : "%,", i % 2, "\n");
  EXPECT_EQ(PlanText(rates).warnings.at(0).sentence,
            "column 'rate' holds numbers with different marks, as '0' and '1%'; write them alike; "
            "as they are, each is a level of a category");
}

TEST(NumberForm, AFewMarkedValuesAmongPlainOnesAreMissing) {
  std::string text = "x,y\n";
  for (int i = 0; i < 40; ++i) absl::StrAppend(&text, i, ".5,", i % 2, "\n");
  const ColumnPlan plan = PlanText(text + "5%,1\n");
  EXPECT_TRUE(plan.features.at(0).form.plain());
  EXPECT_EQ(plan.features[0].missing, (std::vector<std::string>{"5%"}));
}

TEST(NumberForm, EncodingReadsByTheFormOfTraining) {
  Encoding encoding;
  encoding.clip_sigma = 1e9;
  encoding.numeric.push_back({.name = "x",
                              .deviation = 1.0,
                              .indicator = true,
                              .form = {.decimal = ',', .currency = "\u20ac", .grouped = true}});
  auto encoder = Encoder::Bind(encoding, {"x"}, DecimalComma::kNo);
  for (const auto& [field, value] : std::vector<std::pair<const char*, float>>{
           {"1.234,5", 1234.5F}, {"\u20ac 7", 7.0F}, {"1.234", 1234.0F}}) {
    (*encoder)->Encode(std::vector<absl::string_view>{field});
    EXPECT_EQ((*encoder)->numeric()[0], value) << field;
  }
  (*encoder)->Encode(std::vector<absl::string_view>{"$7"});
  EXPECT_EQ((*encoder)->numeric()[1], 1.0F);
  EXPECT_EQ((*encoder)->novelties()[0].texts.first, "$7");
}

TEST(NumberForm, WithoutThousandsInTrainingAnOpenValueIsNoNumber) {
  DecimalComma file = DecimalComma::kYes;
  const auto read = [&file](const char* field, const NumberForm& form) {
    return ParseNumberIn(form, field, file).value_or(-1.0);
  };
  const NumberForm comma = *ReadColumn({"2,125", "0,5"}).form;
  EXPECT_EQ(read("2.125", comma), -1.0);
  EXPECT_EQ(read("2,125", comma), 2.125);
  EXPECT_EQ(read("2.1250", comma), 2.125);
  EXPECT_EQ(read("1.002.125", comma), 1002125);
  EXPECT_EQ(read("2.125", *ReadColumn({"1.002,5"}).form), 2125);
  const NumberForm point = *ReadColumn({"$2.125", "$0.5"}).form;
  EXPECT_EQ(read("2,125", point), -1.0);
  EXPECT_EQ(read("2.125", point), 2.125);
  EXPECT_EQ(read("2,125", *ReadColumn({"1,002.5"}).form), 2125);
  file = DecimalComma::kNo;
  EXPECT_EQ(read("2.125", comma), -1.0);
  EXPECT_EQ(read("$2,125", *ReadColumn({"$100", "$999"}).form), 2125)
      << "no file of decimal commas";
}

TEST(NumberForm, NumbersBelowAThousandStandBesideThousandsWithAMark) {
  const std::vector<std::string> dollars = {"$5,986", "$465", "$1,233", "$0"};
  const Numbers thousands = {5986, 465, 1233, 0};
  EXPECT_EQ(ReadColumn(dollars).numbers, thousands);
  EXPECT_EQ(ReadColumn(dollars, DecimalComma::kNo, ',').numbers, thousands);
  EXPECT_EQ(ReadColumn(dollars, DecimalComma::kYes).numbers, thousands);
  EXPECT_EQ(ReadColumn(dollars, DecimalComma::kYes, ',').numbers, (Numbers{5.986, 465, 1.233, 0}));
  EXPECT_EQ(ReadColumn({"1.281", "292"}, DecimalComma::kYes).numbers, (Numbers{1281, 292}));
  EXPECT_EQ(ReadColumn({"1.281", "0"}, DecimalComma::kYes).numbers, (Numbers{1.281, 0}));
  EXPECT_EQ(ReadColumn({"1.281", "292"}).numbers, (Numbers{1.281, 292}));
}

TEST(NumberForm, AColumnInGroupsSaysNothingOfDecimals) {
  NumberMarks groups;
  EXPECT_TRUE(groups.AddText("110.220.310"));
  EXPECT_EQ(groups.SeenDecimal(), '\0');
  EXPECT_TRUE(groups.AddText("1.220.310,50"));
  EXPECT_EQ(groups.SeenDecimal(), ',');
}

TEST(NumberForm, APointThatStandsBetweenThousandsStandsBeforeNoDecimals) {
  const NumberForm grouped = *ReadColumn({"1.512", "788.651.345"}).form;
  EXPECT_EQ(ParseNumberIn(grouped, "1.512", DecimalComma::kYes), 1512);
  EXPECT_FALSE(ParseNumberIn(grouped, "1.51", DecimalComma::kYes));
  EXPECT_EQ(ParseNumberIn(grouped, "1,51", DecimalComma::kYes), 1.51);
}

}  // namespace
}  // namespace rubato
