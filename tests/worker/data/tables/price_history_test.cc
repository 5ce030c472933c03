// Prices as a file has them: days and columns that cannot be used, and days that lack a price.
#include "worker/data/tables/price_history.h"

#include <fstream>

#include "gtest/gtest.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

class PriceHistoryTest : public testing::Test {
 protected:
  absl::StatusOr<PriceHistory> Load(const std::string& text) const {
    const std::string path = scratch_.path() + "/p.csv";
    std::ofstream(path, std::ios::binary) << text;
    return LoadPrices(path, {}, series_);
  }
  // The message without the folder.
  std::string ErrorOf(const std::string& text) const {
    const auto loaded = Load(text);
    if (loaded.ok()) return "";
    const std::string message(loaded.status().message());
    return message.substr(message.find("p.csv"));
  }

  const ScratchFolder scratch_;
  SeriesConfig series_ = {.date = "Day", .prices = {"A", "B"}};
};

TEST_F(PriceHistoryTest, DaysWithoutAPriceAreLeftOutAndCounted) {
  const auto history = Load(
      "Day,B,other,A\n2015-03-30,1,x,10\n2015/03/31,,x,20\n20150401,3,,\n2015-04-02 17:30,4,,40\n"
      "2015-04-03T09:00,NA,,-\n");
  ASSERT_TRUE(history.ok()) << history.status();
  EXPECT_EQ(history->prices, (std::vector<std::vector<double>>{{10, 40}, {1, 4}}));
  ASSERT_EQ(history->days.size(), 2u);
  EXPECT_EQ(ShowDay(history->days[1]), "2015-04-02");
  EXPECT_EQ(history->lines, (std::vector<uint64_t>{2, 5}));
  EXPECT_EQ(history->rows, 5u);
  EXPECT_EQ(history->missing, (std::vector<uint64_t>{2, 2}));
}

TEST_F(PriceHistoryTest, ADayStandsOnceAndAboveLaterOnes) {
  const std::string begin = "Day,A,B\n2015-03-30,1,1\n\n2015-03-31,1,1\n";
  EXPECT_EQ(
      ErrorOf(begin + "2015-03-31,2,2\n"),
      "p.csv:5: the day 2015-03-31 stands in line 4 too, and a day has one price; keep one of "
      "the rows");
  EXPECT_EQ(ErrorOf(begin + "2015-03-30,2,2\n"),
            "p.csv:5: the day 2015-03-30 comes after 2015-03-31 in line 4; sort the rows by column "
            "'Day' (series.date), the oldest first");
  EXPECT_TRUE(absl::IsDataLoss(Load(begin + "2015-03-30,2,2\n").status()));
}

TEST_F(PriceHistoryTest, WhatIsNoDayOrNoPriceNamesItsLineAndColumn) {
  EXPECT_EQ(ErrorOf("Day,A,B\n31.03.2015,1,1\n"),
            "p.csv:2: column 'Day' (series.date) holds '31.03.2015', which is no day like "
            "2015-03-31; rewrite the column");
  for (const char* price : {"0", "-3", "abc", "1,234.5"}) {
    EXPECT_EQ(ErrorOf(absl::StrCat("Day,A,B\n2015-03-31,1,\"", price, "\"\n")),
              absl::StrCat("p.csv:2: column 'B' (series.prices) holds '", price,
                           "', which is no price above 0; correct it, or leave it empty: the day "
                           "is left out then"));
  }
  // Also where the day would be left out.
  EXPECT_NE(ErrorOf("Day,A,B\n2015-03-31,,0\n"), "");
}

TEST_F(PriceHistoryTest, AColumnThatIsNotThereOffersTheNearest) {
  EXPECT_EQ(ErrorOf("Date,A,B\n"),
            "p.csv: there is no column 'Day' (series.date); did you mean 'Date'?");
  series_.prices = {"A", "Close"};
  EXPECT_EQ(ErrorOf("Day,A,close\n"),
            "p.csv: there is no column 'Close' (series.prices); did you mean 'close'?");
  EXPECT_TRUE(absl::IsInvalidArgument(Load("Day,A,close\n").status()));
}

TEST(ReadDay, OnlyDaysOfTheCalendar) {
  for (const char* text : {"", "2015", "2015-3-31", "2015-13-01", "2015-02-29", "2015-03/31",
                           "15-03-2031", "2015.03.31", "201503311", "today"}) {
    EXPECT_FALSE(ReadDay(text)) << text;
  }
  EXPECT_TRUE(ReadDay("2016-02-29"));
}

}  // namespace
}  // namespace rubato
