#include "worker/data/text/level.h"

#include <vector>

#include "gtest/gtest.h"

namespace rubato {
namespace {

std::string Level(const std::string& field, DecimalComma comma = DecimalComma::kNo) {
  std::string memory;
  return std::string(LevelOf(field, comma, &memory));
}

TEST(Level, NumbersAreOneByValue) {
  for (const char* text : {"3", "3.0", "+3", "3.", "0.3e1", "30e-1", "3e+0"}) {
    EXPECT_EQ(Level(text), "3") << text;
  }
  for (const char* text : {"0", "-0", "0.0", "0.0e5"}) EXPECT_EQ(Level(text), "0") << text;
  EXPECT_EQ(Level("-2.50"), "-2.5");
  EXPECT_EQ(Level(".5"), "0.5");
  EXPECT_EQ(Level("1,50", DecimalComma::kYes), "1.5");
  EXPECT_EQ(Level("1,50"), "1,50");
}

TEST(Level, CodesAndWordsAreTexts) {
  for (const char* text : {"01", "-01", "00", "01.0", "TRUE", "1a", "e5", "0E3", "1E2", "3e0", "-",
                           "", "1 000", "1234567890123456", "9007199254740993.0", "1e300"}) {
    EXPECT_EQ(Level(text), text);
  }
}

}  // namespace
}  // namespace rubato
