#include "worker/data/text/short_decimal.h"

#include <bit>
#include <charconv>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/env.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

// Memory of exactly these bytes: a sanitizer sees what is read behind them.
class Bytes {
 public:
  explicit Bytes(const std::string& text)
      : size_(text.size()), bytes_(std::make_unique<char[]>(text.size())) {
    text.copy(bytes_.get(), size_);
  }
  const char* begin() const { return bytes_.get(); }
  const char* end() const { return bytes_.get() + size_; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
};

// Whether all of `text` is read; then the standard library must read the same bits.
bool IsReadAlike(const std::string& text) {
  const Bytes bytes(text);
  double value = 0.0;
  if (ReadShortDecimal(bytes.begin(), bytes.end(), '.', &value) != bytes.end()) return false;
  double expected = 0.0;
  const auto parsed = std::from_chars(bytes.begin(), bytes.end(), expected);
  EXPECT_TRUE(parsed.ec == std::errc() && parsed.ptr == bytes.end()) << text;
  EXPECT_EQ(std::bit_cast<uint64_t>(value), std::bit_cast<uint64_t>(expected)) << text;
  return true;
}

TEST(ShortDecimal, ReadsUpToEightDigits) {
  for (const std::string digits : {"", "7", "07", "123", "1048576", "00000000", "99999999"}) {
    for (const std::string behind :
         {"", ":", ":1", ".", "/", ":1 3:1 4:1", "\xb0\xff", " 12345678"}) {
      const Bytes bytes(digits + behind);
      const DigitRun run = ReadEightDigits(bytes.begin(), bytes.end());
      EXPECT_EQ(run.digits, digits.size()) << digits << behind;
      EXPECT_EQ(absl::StrCat(run.number), digits.empty() ? "0" : absl::StrCat(std::stoul(digits)));
    }
  }
  const Bytes nine("123456789");
  EXPECT_EQ(ReadEightDigits(nine.begin(), nine.end()).number, 12345678u);
  const Bytes seventeen("12345678901234567");
  EXPECT_EQ(ReadDigits(seventeen.begin(), seventeen.end()).number, 1234567890123456u);
  EXPECT_EQ(ReadDigits(seventeen.begin(), seventeen.end()).digits, 16u);
}

// Each byte in each of the places that are looked at together.
TEST(ShortDecimal, TellsDigitsFromEveryOtherByte) {
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t place = 0; place < 8; ++place) {
      std::string text = "55555555";
      text[place] = static_cast<char>(byte);
      const bool digit = byte >= '0' && byte <= '9';
      const DigitRun run = ReadEightDigits(text.data(), text.data() + text.size());
      EXPECT_EQ(run.digits, digit ? 8 : place) << byte;
      const std::string read = text.substr(0, run.digits);
      EXPECT_EQ(run.number, read.empty() ? 0 : std::stoul(read)) << byte;
    }
  }
}

TEST(ShortDecimal, ReadsWhatIsPlainAndLeavesTheRest) {
  for (const char* text : {"0", "-0", "1", "1.", ".5", "-.5", "-0.0", "00.10", "3.14159",
                           "9007199254740992", "0.9007199254740992", "123.4567890123456"}) {
    EXPECT_TRUE(IsReadAlike(text)) << text;
  }
  for (const char* text : {"", "-", ".", "-.", "+1", "1e5", "1,5", " 1", "1 ", "--1", "nan", "1..2",
                           "9007199254740993", "0.12345678901234567", "12345678901234567"}) {
    EXPECT_FALSE(IsReadAlike(text)) << text;
  }
}

TEST(ShortDecimal, MarkIsTheOneAskedFor) {
  const Bytes bytes("-12,5;");
  double value = 0.0;
  EXPECT_EQ(ReadShortDecimal(bytes.begin(), bytes.end(), ',', &value), bytes.end() - 1);
  EXPECT_EQ(value, -12.5);
  EXPECT_EQ(ReadShortDecimal(bytes.begin(), bytes.end(), '.', &value), bytes.begin() + 3);
  EXPECT_EQ(value, -12.0);
}

// Random numbers as programs print them, and random characters of which numbers are made.
TEST(ShortDecimal, ReadsTheBitsThatTheStandardLibraryReads) {
  constexpr int kTexts = 200'000;
  Rng rng(7);
  int read = 0;
  for (int i = 0; i < kTexts; ++i) {
    const uint64_t whole = rng.Next() >> rng.Below(64);
    const uint64_t behind = rng.Next() >> rng.Below(64);
    read += IsReadAlike(absl::StrCat(i % 2 == 0 ? "-" : "", whole, ".", behind)) ? 1 : 0;
  }
  EXPECT_GT(read, kTexts / 10);
  static constexpr char kCharacters[] = "0123456789012345678901234567890123456789..-+e, ";
  for (int i = 0; i < kTexts; ++i) {
    std::string text;
    for (size_t size = rng.Below(24); size > 0; --size) {
      text.push_back(kCharacters[rng.Below(sizeof(kCharacters) - 1)]);
    }
    read += IsReadAlike(text) ? 1 : 0;
  }
  EXPECT_GT(read, kTexts / 5);
}

}  // namespace
}  // namespace rubato
