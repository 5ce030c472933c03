#include "worker/data/prepare/code_like.h"

#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace rubato {
namespace {

// 0, 1, 2, ... with so many rows each and these rates of positives.
std::vector<ValueCounts> Values(const std::vector<double>& rates, uint64_t rows = 2000) {
  std::vector<ValueCounts> values;
  for (const double rate : rates) {
    const auto positives = static_cast<uint64_t>(std::lround(rate * static_cast<double>(rows)));
    values.push_back({static_cast<double>(values.size()), {rows - positives, positives}});
  }
  return values;
}

std::string Reason(const std::string& name, const std::vector<ValueCounts>& values) {
  ColumnScan column;
  column.name = name;
  column.distinct = values.size();
  column.counted = 2000 * values.size();
  return CodeReason(column, values);
}

TEST(CodeLike, NamesTellWholeWords) {
  for (const char* name : {"SEX", "MARRIAGE", "detailed industry recode", "zipCode", "region_2",
                           "LoanStatus", "customer.type", "id", "naics", "MCC", "sic_code",
                           "NAICSCode", "postcode", "zipcode", "plz"}) {
    EXPECT_NE(Reason(name, Values({0.1, 0.1, 0.1})), "") << name;
  }
  for (const char* name : {"age", "sexes", "number of product types", "idle", "months_in_status",
                           "weeks worked in year", "estate", "episode"}) {
    EXPECT_EQ(Reason(name, Values({0.1, 0.1, 0.1})), "") << name;
  }
}

TEST(CodeLike, NamedOnesWithTooManyValuesAreAmounts) {
  ColumnScan column;
  column.name = "code";
  column.distinct = 500;
  column.counted = 2000;
  EXPECT_EQ(CodeReason(column, {}), "");
  column.counted = 2500;
  EXPECT_NE(CodeReason(column, {}), "");
  column.fractions = 1;
  EXPECT_EQ(CodeReason(column, {}), "");
}

TEST(CodeLike, RatesThatRiseAndFallMoreThanOnceAreOfCodes) {
  std::vector<double> rates;
  for (int i = 0; i < 26; ++i) rates.push_back(i * 7 % 5 == 0 ? 0.3 : 0.1);
  EXPECT_EQ(Reason("x", Values(rates)), "codes: the label's rate rises and falls along them");
  EXPECT_EQ(Reason("x", Values(rates, 20)), "") << "which chance may do as well";
}

TEST(CodeLike, CountsAndAgesAreNumbers) {
  std::vector<double> line;
  std::vector<double> valley;
  for (int i = 0; i < 40; ++i) {
    line.push_back(1.0 / (1.0 + std::exp(3.0 - 0.1 * i)));
    valley.push_back(0.05 + 0.0005 * (i - 20) * (i - 20));
  }
  EXPECT_EQ(Reason("x", Values(line)), "");
  EXPECT_EQ(Reason("age", Values(valley)), "");
  // Times late in two years: a count whose effect fades.
  EXPECT_EQ(Reason("x", Values({0.046, 0.337, 0.499, 0.577, 0.67, 0.69})), "");
}

TEST(CodeLike, FewValuesWhoseRatesFollowNoLineAreCodes) {
  // Payment states -2, -1, 0, 1, 2, ... of a card, and their rows.
  const std::vector<double> rates = {0.13, 0.17, 0.13, 0.34, 0.69, 0.76, 0.68};
  const std::vector<uint64_t> rows = {2759, 5686, 14737, 3688, 2667, 322, 76};
  std::vector<ValueCounts> states;
  for (size_t i = 0; i < rates.size(); ++i) {
    const ValueCounts one = Values({rates[i]}, rows[i])[0];
    states.push_back({static_cast<double>(i) - 2.0, one.counts});
  }
  EXPECT_EQ(Reason("PAY_0", states), "codes: the label's rate does not rise or fall evenly");
}

TEST(CodeLike, DeviancesAreThoseOfTheFormulas) {
  // Rates 0.5, 0.1, 0.5, 0.1 of 10 rows: the best single turn pools 0.1 and 0.5 to 0.3.
  const auto values = Values({0.5, 0.1, 0.5, 0.1}, 10);
  const auto likelihood = [](double n, double p) {
    return p * std::log(p / n) + (n - p) * std::log(1.0 - p / n);
  };
  EXPECT_NEAR(TurnsDeviance(values),
              2.0 * (likelihood(10, 1) + likelihood(10, 5) - likelihood(20, 6)), 1e-9);
  std::vector<double> line;
  for (int i = 0; i < 4; ++i) line.push_back(1.0 / (1.0 + std::exp(1.0 - 0.5 * i)));
  const LineFit fit = FitLine(Values(line, 1'000'000));
  EXPECT_NEAR(fit.share, 1.0, 1e-4);
  EXPECT_NEAR(fit.deviance, 0.0, 1e-3);
}

}  // namespace
}  // namespace rubato
