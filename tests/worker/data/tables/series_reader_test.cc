// Rows made of prices: each feature against its formula, and that none looks ahead.
#include "worker/data/tables/series_reader.h"

#include <algorithm>
#include <fstream>
#include <map>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"
#include "tests/worker/data/tables/price_csv.h"

namespace rubato {
namespace {

using Row = std::map<std::string, std::string>;  // by column

class SeriesReaderTest : public testing::Test {
 protected:
  static constexpr size_t kDays = 530;
  absl::StatusOr<std::unique_ptr<SeriesReader>> Open(const std::string& text,
                                                     LastDay last_day = LastDay::kLeftOut) const {
    const std::string path = scratch_.path() + "/p.csv";
    std::ofstream(path, std::ios::binary) << text;
    return SeriesReader::Open(path, {}, series_, last_day);
  }
  std::vector<Row> Rows(const std::vector<double>& prices,
                        LastDay last_day = LastDay::kLeftOut) const {
    const auto reader = Open(PriceCsv(Weekdays(prices.size()), prices), last_day);
    EXPECT_TRUE(reader.ok()) << reader.status();
    std::vector<Row> rows;
    while (*(*reader)->Next()) {
      Row& row = rows.emplace_back();
      for (size_t i = 0; i < (*reader)->header().size(); ++i) {
        row[(*reader)->header()[i]] = std::string((*reader)->fields()[i]);
      }
      row["line"] = absl::StrCat((*reader)->line());
    }
    return rows;
  }

  const ScratchFolder scratch_;
  SeriesConfig series_ = {.date = "Date", .prices = {"Close"}};
};

// r(t) in percent; [0] is none.
std::vector<double> ReturnsOf(const std::vector<double>& prices) {
  std::vector<double> returns = {0.0};
  for (size_t t = 1; t < prices.size(); ++t) {
    returns.push_back(100.0 * (std::log(prices[t]) - std::log(prices[t - 1])));
  }
  return returns;
}

// The weights written out: (1 - d) d^k of the k-th last square, d^(t-1) of the first.
double Volatility(const std::vector<double>& returns, size_t t, double decay) {
  double variance = std::pow(decay, static_cast<double>(t - 1)) * returns[1] * returns[1];
  for (size_t s = 2; s <= t; ++s) {
    variance += (1 - decay) * std::pow(decay, static_cast<double>(t - s)) * returns[s] * returns[s];
  }
  return std::sqrt(variance);
}

double Quantile(const std::vector<double>& returns, size_t t, size_t window, double share) {
  std::vector<double> last(returns.begin() + static_cast<ptrdiff_t>(t + 1 - window),
                           returns.begin() + static_cast<ptrdiff_t>(t + 1));
  std::sort(last.begin(), last.end());
  const double at = share * static_cast<double>(window - 1);
  const auto k = static_cast<size_t>(at);
  return last[k] + (at - static_cast<double>(k)) * (last[k + 1] - last[k]);
}

TEST_F(SeriesReaderTest, EachFeatureIsItsFormula) {
  const std::vector<double> prices = PriceWalk(kDays);
  const std::vector<double> returns = ReturnsOf(prices);
  const std::vector<Row> rows = Rows(prices);
  ASSERT_EQ(rows.size(), kDays - 501);
  for (size_t i = 0; i < rows.size(); ++i) {
    const size_t t = 500 + i;
    const auto near = [&](const std::string& name, double wanted) {
      EXPECT_NEAR(std::stod(rows[i].at(name)), wanted, 1e-7) << name << " of day " << t;
    };
    for (const size_t lag : {1u, 2u, 3u, 5u, 10u}) {
      near(absl::StrCat("return_", lag, "_Close"), returns[t + 1 - lag]);
      near(absl::StrCat("abs_return_", lag, "_Close"), std::abs(returns[t + 1 - lag]));
    }
    for (const double decay : {0.85, 0.94, 0.97, 0.99}) {
      near(absl::StrCat("volatility_", decay, "_Close"), Volatility(returns, t, decay));
    }
    for (const size_t window : {250u, 500u}) {
      for (const double share : {0.01, 0.05}) {
        near(absl::StrCat("quantile_", share, "_", window, "_Close"),
             Quantile(returns, t, window, share));
      }
    }
    near("next_return", returns[t + 1]);
    EXPECT_EQ(rows[i].at("line"), absl::StrCat(t + 2));
  }
}

// All but the volatility that they are divided by, and the label.
TEST_F(SeriesReaderTest, ScaledFeaturesAreInTheVolatilityOfTheDay) {
  const std::vector<double> prices = PriceWalk(kDays);
  const std::vector<Row> plain = Rows(prices);
  series_.scale = "ewma";
  const std::vector<Row> scaled = Rows(prices);
  ASSERT_EQ(scaled.size(), plain.size());
  const std::string unit = "volatility_0.94_Close";
  for (size_t i = 0; i < plain.size(); ++i) {
    const double volatility = std::stod(plain[i].at(unit));
    for (const auto& [name, value] : plain[i]) {
      const bool kept = name == unit || !absl::EndsWith(name, "_Close");
      if (kept) {
        EXPECT_EQ(scaled[i].at(name), value) << name;
      } else {
        EXPECT_NEAR(std::stod(scaled[i].at(name)), std::stod(value) / volatility, 1e-7) << name;
      }
    }
  }
}

TEST(ReturnFeatures, PricesThatNeverMovedHaveFeaturesOfZero) {
  ReturnFeatures features(ReturnFeatures::Unit::kVolatility);
  for (size_t i = 0; i < kWarmUpReturns; ++i) features.Add(0.0);
  std::vector<double> values;
  features.Append(&values);
  EXPECT_EQ(values, std::vector<double>(18, 0.0));
}

// 2002-12-02 is a Monday: 100 weeks after 2001-01-01.
TEST_F(SeriesReaderTest, TheCalendarOfADay) {
  const std::vector<Row> rows = Rows(PriceWalk(kDays));
  EXPECT_EQ(rows[0].at("date"), "2002-12-02");
  EXPECT_EQ(rows[0].at("next_date"), "2002-12-03");
  EXPECT_EQ(rows[0].at("weekday"), "Monday");
  EXPECT_EQ(rows[0].at("month"), "December");
  EXPECT_EQ(rows[0].at("gap_days"), "3");
  EXPECT_EQ(rows[4].at("weekday"), "Friday");
  EXPECT_EQ(rows[4].at("gap_days"), "1");
  EXPECT_EQ(rows[25].at("date"), "2003-01-06");
  EXPECT_EQ(rows[25].at("month"), "January");
}

// All that comes after a day may change: its row keeps every bit, but for what names the next day.
class LooksAhead : public SeriesReaderTest, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(, LooksAhead, testing::Values("", "ewma"));

TEST_P(LooksAhead, NothingDoes) {
  series_.scale = GetParam();
  const std::vector<double> prices = PriceWalk(kDays);
  const std::vector<Row> before = Rows(prices);
  for (const size_t day : {500u, 507u, 520u}) {
    std::vector<double> changed = prices;
    for (size_t t = day + 1; t < kDays; ++t) changed[t] = 1000.0 - changed[t] * 1.7;
    std::vector<Row> after = Rows(changed);
    ASSERT_EQ(after.size(), before.size());
    for (size_t i = 0; i < day - 500; ++i) EXPECT_EQ(after[i], before[i]);
    Row row = after[day - 500];
    EXPECT_NE(row.at("next_return"), before[day - 500].at("next_return"));
    row["next_return"] = before[day - 500].at("next_return");
    EXPECT_EQ(row, before[day - 500]);
    EXPECT_NE(after[day - 499].at("return_1_Close"), before[day - 499].at("return_1_Close"));
  }
}

TEST_F(SeriesReaderTest, TheLabelIsOfTheNextDayAlone) {
  const std::vector<double> prices = PriceWalk(kDays);
  std::vector<double> changed = prices;
  for (size_t t = 512; t < kDays; ++t) changed[t] *= 2.0;
  const std::string label = "next_return";
  EXPECT_EQ(Rows(changed)[10].at(label), Rows(prices)[10].at(label));
  EXPECT_NE(Rows(changed)[11].at(label), Rows(prices)[11].at(label));
}

TEST_F(SeriesReaderTest, TheLastDayIsForThoseWhoPredict) {
  const std::vector<double> prices = PriceWalk(kDays);
  const std::vector<Row> known = Rows(prices);
  const std::vector<Row> all = Rows(prices, LastDay::kGiven);
  ASSERT_EQ(all.size(), known.size() + 1);
  for (size_t i = 0; i < known.size(); ++i) EXPECT_EQ(all[i], known[i]);
  EXPECT_EQ(all.back().at("date"), Weekdays(kDays).back());
  EXPECT_EQ(all.back().at("next_date"), "");
  EXPECT_EQ(all.back().at("next_return"), "");
  // As it is once the day after it is known.
  std::vector<double> longer = prices;
  longer.push_back(50.0);
  Row last = Rows(longer).back();
  last["next_date"] = last["next_return"] = "";
  EXPECT_EQ(all.back(), last);
}

TEST_F(SeriesReaderTest, SeveralPricesHaveFeaturesEach) {
  series_.prices = {"Close", "Other"};
  const std::vector<double> a = PriceWalk(510);
  const std::vector<double> b = PriceWalk(510, 7);
  const std::vector<std::string> days = Weekdays(510);
  std::string text = "Date,Other,Close\n";
  for (size_t i = 0; i < days.size(); ++i) {
    absl::StrAppend(&text, days[i], ",", i == 100 ? "" : absl::StrCat(b[i]), ",", a[i], "\n");
  }
  const auto reader = Open(text);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->header().size(), 2 + 2 * 18 + 4u);
  EXPECT_EQ((*reader)->remarks(),
            (std::vector<std::string>{
                "the first 500 of 509 days give no row, as the features of a day look back on so "
                "many returns",
                "1 of 510 days lack a price ('Other' in 1 row) and are left out, so that the next "
                "return spans them"}));
  ASSERT_TRUE(*(*reader)->Next());
  EXPECT_EQ((*reader)->fields()[0], days[501]);
}

TEST_F(SeriesReaderTest, TooFewDays) {
  const auto open = [this](size_t days, LastDay last_day) {
    return Open(PriceCsv(Weekdays(days), PriceWalk(days)), last_day);
  };
  EXPECT_TRUE(open(502, LastDay::kLeftOut).ok());
  EXPECT_TRUE(open(501, LastDay::kGiven).ok());
  const absl::Status status = open(501, LastDay::kLeftOut).status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_TRUE(absl::EndsWith(std::string(status.message()),
                             "p.csv: has 501 days with all prices, and 502 are the least: features "
                             "look back on 500 returns; give a longer history"))
      << status;
}

TEST(SortedWindow, QuantilesOfTheLastOnes) {
  SortedWindow window(4);
  std::vector<double> returns;
  for (const double value : {9.0, 3.0, 1.0, 2.0, 4.0}) {
    returns.push_back(value);
    window.Add(returns);
  }
  EXPECT_EQ(window.Quantile(0.0), 1.0);
  EXPECT_EQ(window.Quantile(0.5), 2.5);
  EXPECT_EQ(window.Quantile(1.0), 4.0);
}

}  // namespace
}  // namespace rubato
