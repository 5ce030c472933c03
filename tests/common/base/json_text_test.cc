#include "common/base/json_text.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

TEST(JsonText, ControlCharactersAndQuotesAreEscaped) {
  EXPECT_EQ(QuotedText("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(QuotedText("\b\f\n\r\t\x01\x7f"), R"("\b\f\n\r\t\u0001\u007f")");
  EXPECT_EQ(QuotedText(std::string("\0n", 2)), R"("\u0000n")");
}

TEST(JsonText, WhatIsNotUtf8IsRepaired) {
  EXPECT_EQ(QuotedText("M\xc3\xbcller"), "\"M\xc3\xbcller\"");
  EXPECT_EQ(QuotedText("M\xfcller\xe2\x82"), "\"M\xef\xbf\xbdller\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(JsonText, NumbersReadBackAsTheSame) {
  EXPECT_EQ(JsonText(0.1), "0.1");
  EXPECT_EQ(JsonText(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(JsonText(std::numeric_limits<uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(JsonText(std::vector{std::pair(Life(7), true)}), "[[7,true]]");
}

TEST(JsonText, WholeNumbersHaveNoExponent) {
  EXPECT_EQ(JsonText(100000.0), "100000");
  EXPECT_EQ(JsonText(-3e9), "-3000000000");
  EXPECT_EQ(JsonText(1e300), "1e+300");
}

}  // namespace
}  // namespace rubato
