#include "worker/compute/precision.h"

#include "gtest/gtest.h"

namespace rubato {
namespace {

TEST(Precision, WordsAreReadBack) {
  EXPECT_EQ(PrecisionWord(Precision::kF32), "f32");
  EXPECT_EQ(PrecisionWord(Precision::kTf32), "tf32");
  EXPECT_EQ(PrecisionWord(Precision::kBf16), "bf16");
  for (const Precision precision : {Precision::kF32, Precision::kTf32, Precision::kBf16}) {
    EXPECT_EQ(*ParsePrecision(PrecisionWord(precision)), precision);
  }
}

TEST(Precision, OtherWordsAreRefusedWithTheChoices) {
  for (const char* word : {"", "f16", "BF16", "float"}) {
    const absl::Status status = ParsePrecision(word).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << word;
    EXPECT_NE(status.message().find("\"f32\", \"tf32\" or \"bf16\""), absl::string_view::npos);
  }
}

}  // namespace
}  // namespace rubato
