// Books of policies: one per seed, and true to what they say of themselves.
#include "worker/data/generate/policy_book.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"
#include "tests/worker/data/prepare/prepare_fixture.h"
#include "worker/data/prepare/prepare.h"

namespace rubato {
namespace {

struct PolicyRow {
  double years;
  double label;
  double truth;
};

class GeneratePoliciesTest : public testing::TestWithParam<const char*> {
 protected:
  std::vector<std::string> Lines(const BookSpec& spec) const {
    const std::string path = folder_.path() + "/book.csv";
    EXPECT_EQ(GeneratePolicies(GetParam(), spec, path), absl::OkStatus());
    std::vector<std::string> lines;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

  std::vector<PolicyRow> Rows(const BookSpec& spec) const {
    std::vector<PolicyRow> rows;
    const std::vector<std::string> lines = Lines(spec);
    for (size_t i = 1; i < lines.size(); ++i) {
      const std::vector<std::string> fields = absl::StrSplit(lines[i], ',');
      PolicyRow& row = rows.emplace_back();
      // Of classes the first one, and its probability.
      const bool classes = std::string(GetParam()) == "classes";
      const std::string label = !classes ? fields[7] : fields[7] == "collision" ? "1" : "0";
      EXPECT_TRUE(absl::SimpleAtod(fields[4], &row.years) && absl::SimpleAtod(label, &row.label) &&
                  absl::SimpleAtod(fields[8], &row.truth))
          << lines[i];
    }
    return rows;
  }

  ScratchFolder folder_;
};

TEST_P(GeneratePoliciesTest, IsOneBookPerSeedAndALongerOneGoesOn) {
  const std::vector<std::string> longer = Lines({.rows = 300, .seed = 5});
  const std::vector<std::string> shorter = Lines({.rows = 100, .seed = 5});
  ASSERT_EQ(shorter.size(), 101u);
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), longer.begin()));
  EXPECT_NE(Lines({.rows = 100, .seed = 6}), shorter);
}

// In each fifth of the rows by their truth, labels sum to it within four standard errors, which the
// rows' own squares tell.
TEST_P(GeneratePoliciesTest, TheTruthIsTrue) {
  std::vector<PolicyRow> rows = Rows({.rows = 40'000, .seed = 2});
  std::sort(rows.begin(), rows.end(),
            [](const PolicyRow& a, const PolicyRow& b) { return a.truth < b.truth; });
  const bool by_year = std::string(GetParam()) == "tweedie";
  const size_t fifth = rows.size() / 5;
  for (size_t begin = 0; begin < rows.size(); begin += fifth) {
    double difference = 0.0;
    double squares = 0.0;
    for (size_t i = begin; i < begin + fifth; ++i) {
      const double miss = rows[i].label - rows[i].truth * (by_year ? rows[i].years : 1.0);
      difference += miss;
      squares += miss * miss;
    }
    EXPECT_LT(std::abs(difference), 4.0 * std::sqrt(squares)) << begin;
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, GeneratePoliciesTest,
                         testing::Values("count", "amount", "tweedie", "real", "classes"),
                         [](const auto& param) { return std::string(param.param); });

TEST(GeneratePolicies, TheRateIsOfClaimsAYear) {
  const ScratchFolder folder;
  const std::string path = folder.path() + "/book.csv";
  for (const double rate : {0.0, 0.02, 0.5}) {
    ASSERT_EQ(GeneratePolicies("count", {.rows = 20'000, .seed = 1, .rate = rate}, path),
              absl::OkStatus());
    std::ifstream in(path);
    double claims = 0.0;
    double years = 0.0;
    std::string line;
    for (std::getline(in, line); std::getline(in, line);) {
      const std::vector<std::string> fields = absl::StrSplit(line, ',');
      years += std::stod(fields[4]);
      claims += std::stod(fields[8]);
    }
    EXPECT_NEAR(claims / years, rate > 0.0 ? rate : 0.15, 0.05 * (rate > 0.0 ? rate : 0.15));
  }
}

class PreparePolicies : public PrepareFixture {};

TEST_F(PreparePolicies, ATargetHasItsBookWithTheOracleBesideIt) {
  RunConfig config;
  config.data.format = "generated";
  config.data.rows = 2000;
  config.target.kind = "tweedie";
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const auto test = Open(SplitPart::kTest);
  ASSERT_EQ(test->oracle().size(), test->rows());
  EXPECT_GT(*std::max_element(test->oracle().begin(), test->oracle().end()), 1.0F);
  EXPECT_LT(*std::max_element(test->weights().begin(), test->weights().end()), 1.01F) << "years";
  EXPECT_EQ(prepared->report.columns[4].role, "exposure");
}

TEST_F(PreparePolicies, TheOracleOfClassesIsTheProbabilityOfEach) {
  RunConfig config;
  config.data.format = "generated";
  config.data.rows = 2000;
  config.target.kind = "classes";
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.classes,
            (std::vector<std::string>{"collision", "glass", "theft", "weather"}));
  const auto test = Open(SplitPart::kTest);
  const auto oracle = test->oracle();
  ASSERT_EQ(oracle.size(), 4 * test->rows());
  for (size_t i = 0; i < oracle.size(); i += 4) {
    EXPECT_NEAR(oracle[i] + oracle[i + 1] + oracle[i + 2] + oracle[i + 3], 1.0F, 1e-6F);
  }
}

}  // namespace
}  // namespace rubato
