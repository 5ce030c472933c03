// Returns with a known truth.
#include "worker/data/generate/return_book.h"

#include <cmath>
#include <fstream>
#include <vector>

#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

TargetConfig Levels() {
  TargetConfig target;
  target.kind = "quantile";
  target.quantiles = {0.01, 0.05, 0.5};
  target.expected_shortfall = true;
  return target;
}

std::vector<std::string> Book(uint64_t rows, uint64_t seed) {
  const ScratchFolder folder;
  const std::string path = folder.path() + "/returns.csv";
  EXPECT_EQ(GenerateReturns(Levels(), rows, seed, path), absl::OkStatus());
  std::vector<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// R: qt(c(0.01, 0.05), 6) are -3.142668 and -1.943180; a deviation is sqrt(1.5).
TEST(ReturnBook, QuantilesAreStudents) {
  EXPECT_NEAR(StudentQuantile(0.01), -3.142668 / std::sqrt(1.5), 1e-6);
  EXPECT_NEAR(StudentQuantile(0.05), -1.943180 / std::sqrt(1.5), 1e-6);
  EXPECT_NEAR(StudentQuantile(0.5), 0.0, 1e-12);
}

// The mean of the quantiles below a level (Acerbi and Tasche 2002).
TEST(ReturnBook, AShortfallIsTheMeanQuantileBelow) {
  constexpr int kSteps = 20'000;
  double sum = 0.0;
  for (int i = 0; i < kSteps; ++i) sum += StudentQuantile(0.05 * (i + 0.5) / kSteps);
  EXPECT_NEAR(StudentShortfall(0.05), sum / kSteps, 1e-4);
}

TEST(ReturnBook, IsOneBookPerSeedAndALongerOneGoesOn) {
  const std::vector<std::string> longer = Book(30, 5);
  const std::vector<std::string> shorter = Book(10, 5);
  ASSERT_EQ(shorter.size(), 11u);
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), longer.begin()));
  EXPECT_NE(Book(10, 6), shorter);
}

// As many returns lie below each true quantile as should, within four standard errors, and those
// that do are its shortfall on average.
TEST(ReturnBook, TheTruthIsTrue) {
  const std::vector<std::string> lines = Book(20'000, 3);
  const std::vector<std::string> header = absl::StrSplit(lines[0], ',');
  const size_t label = header.size() - 7;
  ASSERT_EQ(header[label], kReturnLabel);
  EXPECT_EQ(header[label + 1], "true_q_0.01");
  EXPECT_EQ(header[label + 6], "true_es_0.5");
  for (const auto& [level, at] : {std::pair{0.01, 1}, {0.05, 2}, {0.5, 3}}) {
    double below = 0.0;
    double depth = 0.0;
    for (size_t row = 1; row < lines.size(); ++row) {
      const std::vector<std::string> fields = absl::StrSplit(lines[row], ',');
      const double value = std::stod(fields[label]);
      const double quantile = std::stod(fields[label + static_cast<size_t>(at)]);
      if (value >= quantile) continue;
      below += 1.0;
      depth += value / std::stod(fields[label + static_cast<size_t>(at) + 3]);
    }
    const double rows = static_cast<double>(lines.size() - 1);
    EXPECT_NEAR(below / rows, level, 4.0 * std::sqrt(level * (1.0 - level) / rows));
    EXPECT_NEAR(depth / below, 1.0, 4.0 / std::sqrt(below));
  }
}

}  // namespace
}  // namespace rubato
