#include "worker/data/generate/loan_book.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"
#include "worker/evaluate/ranking.h"

namespace rubato {
namespace {

class GenerateTest : public testing::Test {
 protected:
  std::vector<std::string> Lines(const BookSpec& spec) const {
    const std::string path = folder_.path() + "/book.csv";
    EXPECT_EQ(GenerateLoanBook(spec, path), absl::OkStatus());
    std::vector<std::string> lines;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

  // Fields by column name.
  std::map<std::string, std::vector<std::string>> Columns(const BookSpec& spec) const {
    const std::vector<std::string> lines = Lines(spec);
    const std::vector<std::string> names = absl::StrSplit(lines[0], ',');
    std::map<std::string, std::vector<std::string>> columns;
    for (size_t i = 1; i < lines.size(); ++i) {
      const std::vector<std::string> fields = absl::StrSplit(lines[i], ',');
      EXPECT_EQ(fields.size(), names.size()) << lines[i];
      for (size_t k = 0; k < names.size(); ++k) columns[names[k]].push_back(fields[k]);
    }
    return columns;
  }

  ScratchFolder folder_;
};

std::vector<float> Numbers(const std::vector<std::string>& fields) {
  std::vector<float> numbers;
  for (const std::string& field : fields) {
    float number = std::nanf("");
    EXPECT_TRUE(field.empty() || absl::SimpleAtof(field, &number)) << field;
    numbers.push_back(number);
  }
  return numbers;
}

double Mean(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

TEST_F(GenerateTest, IsOneBookPerSeedAndALongerOneGoesOn) {
  const std::vector<std::string> longer = Lines({.rows = 3000, .seed = 5});
  ASSERT_EQ(longer.size(), 3001u);
  const std::vector<std::string> shorter = Lines({.rows = 1000, .seed = 5});
  ASSERT_EQ(shorter.size(), 1001u);
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), longer.begin()));
  EXPECT_NE(Lines({.rows = 1000, .seed = 6}), shorter);
}

TEST_F(GenerateTest, TheRateIsThatOfTheTrueProbabilities) {
  for (const double rate : {0.002, 0.02, 0.2, 0.9}) {
    const auto columns = Columns({.rows = 20'000, .seed = 3, .rate = rate});
    EXPECT_NEAR(Mean(Numbers(columns.at("true_pd"))), rate, 0.1 * rate) << rate;
  }
  const std::vector<std::string> shorter = Lines({.rows = 100, .seed = 3, .rate = 0.02});
  const std::vector<std::string> longer = Lines({.rows = 200, .seed = 3, .rate = 0.02});
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), longer.begin()));
}

TEST_F(GenerateTest, TrueProbabilitiesAreTrue) {
  const auto columns = Columns({.rows = 40000, .seed = 1});
  const std::vector<float> labels = Numbers(columns.at(kLoanBookLabel));
  const std::vector<float> truth = Numbers(columns.at(kLoanBookOracle));
  EXPECT_NEAR(Mean(labels), 0.185, 0.01);
  EXPECT_NEAR(Mean(labels), Mean(truth), 0.006);  // 3 standard errors
  const auto ranking = RankScores(labels, truth);
  ASSERT_TRUE(ranking.ok()) << ranking.status();
  EXPECT_NEAR(Auc(*ranking), 0.85, 0.01);
}

TEST_F(GenerateTest, IsHardWhereRealBooksAre) {
  const auto columns = Columns({.rows = 40000, .seed = 2});
  const std::set<std::string> brokers(columns.at("broker").begin(), columns.at("broker").end());
  EXPECT_GE(brokers.size(), 1000u);
  for (const char* name : {"income", "credit_score", "years_employed"}) {
    const auto& fields = columns.at(name);
    const auto missing = static_cast<double>(std::count(fields.begin(), fields.end(), ""));
    EXPECT_GT(missing, 0.04 * 40000) << name;
    EXPECT_LT(missing, 0.11 * 40000) << name;
  }
  std::vector<float> savings = Numbers(columns.at("savings"));
  std::sort(savings.begin(), savings.end());
  EXPECT_GT(savings.back(), 50 * savings[savings.size() / 2]);
}

// Tenants pay more in long terms, owners do not: what a model without interactions cannot say.
TEST_F(GenerateTest, HasInteractions) {
  const auto columns = Columns({.rows = 40000, .seed = 3});
  const std::vector<float> truth = Numbers(columns.at(kLoanBookOracle));
  std::map<std::string, std::vector<float>> log_odds;
  for (size_t i = 0; i < truth.size(); ++i) {
    const std::string cell = columns.at("home")[i] + " " + columns.at("term")[i];
    log_odds[cell].push_back(std::log(truth[i] / (1 - truth[i])));
  }
  const double tenants = Mean(log_odds["tenant long"]) - Mean(log_odds["tenant short"]);
  const double owners = Mean(log_odds["owner long"]) - Mean(log_odds["owner short"]);
  EXPECT_NEAR(tenants - owners, 0.9, 0.2);
}

TEST_F(GenerateTest, SaysWhatIsWrongAndLeavesNothing) {
  EXPECT_EQ(GenerateLoanBook({.rows = 0, .seed = 1}, folder_.path() + "/book.csv").code(),
            absl::StatusCode::kInvalidArgument);
  const absl::Status status =
      GenerateLoanBook({.rows = 10, .seed = 1}, folder_.path() + "/no/book.csv");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("/no/book.csv"), absl::string_view::npos);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

}  // namespace
}  // namespace rubato
