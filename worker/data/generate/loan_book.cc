#include "worker/data/generate/loan_book.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "common/base/env.h"
#include "common/base/staged_file.h"
#include "common/base/status.h"

namespace rubato {
namespace {

constexpr size_t kBrokers = 1200;
constexpr double kBrokerSigma = 0.4;  // of the brokers' effects on the log odds
constexpr double kBrokerSkew = 4.0;   // the best known broker has a sixth of the brokered loans

// A level of a category: how it is called, how common it is, what it adds to the log odds.
struct Level {
  const char* name;
  double share;
  double effect;
};
constexpr std::array<Level, 6> kPurposes = {{{"car", 0.32, 0.0},
                                             {"debt_consolidation", 0.22, 0.31},
                                             {"home_improvement", 0.18, -0.25},
                                             {"business", 0.13, 0.5},
                                             {"education", 0.09, -0.12},
                                             {"medical", 0.06, 0.62}}};
constexpr std::array<Level, 3> kHomes = {
    {{"owner", 0.45, -0.19}, {"tenant", 0.40, 0.25}, {"family", 0.15, 0.37}}};
constexpr std::array<Level, 3> kChannels = {
    {{"branch", 0.40, 0.0}, {"online", 0.35, 0.19}, {"broker", 0.25, 0.37}}};
constexpr std::array<Level, 3> kTerms = {
    {{"short", 0.45, -0.25}, {"medium", 0.35, 0.0}, {"long", 0.20, 0.31}}};
constexpr size_t kTenant = 1;
constexpr size_t kBrokered = 2;
// What a standard deviation of utilisation adds, by channel.
constexpr std::array<double, 3> kUtilisationSlope = {-0.11, 0.55, 0.99};

// Values as they are printed: the truth is computed from what a reader of the file can know.
struct Loan {
  double income;  // per year; negative: missing
  double amount;
  double savings;
  double age;
  double utilisation;  // of credit lines, per cent
  double score;        // of a credit bureau, mean 600; negative: missing
  double inquiries;
  double delinquencies;
  double years_employed;  // negative: missing
  size_t purpose;
  size_t home;
  size_t channel;
  size_t term;
  size_t broker;  // kBrokers: none
};
constexpr double kMissing = -1;

double RoundTo(double value, double unit) { return std::round(value / unit) * unit; }

// Kumaraswamy 1980: like a beta distribution, with an inverse in closed form.
double Kumaraswamy(double a, double b, Rng* rng) {
  return std::pow(1 - std::pow(1 - rng->Uniform(), 1 / b), 1 / a);
}

// Knuth's product of uniforms, cut at `most`; for small means.
double Poisson(double mean, int most, Rng* rng) {
  const double limit = std::exp(-mean);
  int count = 0;
  for (double product = rng->Uniform(); product > limit && count < most; ++count) {
    product *= rng->Uniform();
  }
  return count;
}

template <size_t N>
size_t Pick(const std::array<Level, N>& levels, Rng* rng) {
  double left = rng->Uniform();
  for (size_t i = 0; i + 1 < N; ++i) {
    left -= levels[i].share;
    if (left < 0) return i;
  }
  return N - 1;
}

double StandardIncome(const Loan& loan) { return (std::log(loan.income) - 10.3) / 0.9; }
double StandardUtilisation(const Loan& loan) { return (loan.utilisation - 50) / 23; }
double StandardScore(const Loan& loan) { return (loan.score - 600) / 80; }

void DrawNumbers(Rng* rng, Loan* loan) {
  const double wealth = rng->Normal();  // what income, amount, savings and score have in common
  loan->income = RoundTo(std::exp(10.3 + 0.9 * (0.6 * wealth + 0.8 * rng->Normal())), 10);
  loan->income = std::max(loan->income, 100.0);
  loan->amount = RoundTo(std::exp(9.0 + 0.8 * (0.5 * wealth + 0.866 * rng->Normal())), 10);
  loan->amount = std::max(loan->amount, 100.0);
  loan->savings = RoundTo(std::exp(7.5 + 1.5 * (0.5 * wealth + 0.866 * rng->Normal())), 1);
  loan->age = RoundTo(18 + 52 * Kumaraswamy(1.6, 2.0, rng), 1);
  loan->utilisation = RoundTo(100 * Kumaraswamy(1.8, 1.8, rng), 0.1);
  loan->score = RoundTo(600 + 80 * (0.45 * wealth + 0.893 * rng->Normal()), 1);
  loan->inquiries = Poisson(std::exp(0.1 + 0.3 * StandardUtilisation(*loan)), 8, rng);
  loan->delinquencies = Poisson(
      0.35 * std::exp(0.3 * StandardUtilisation(*loan) - 0.2 * StandardScore(*loan)), 5, rng);
  loan->years_employed = RoundTo(std::min(rng->Exponential(6), 40.0), 0.1);
  if (rng->Chance(0.05)) loan->income = kMissing;
  if (rng->Chance(0.08)) loan->score = kMissing;
  if (rng->Chance(0.10)) loan->years_employed = kMissing;
}

Loan DrawLoan(Rng* rng) {
  Loan loan;
  DrawNumbers(rng, &loan);
  loan.purpose = Pick(kPurposes, rng);
  loan.home = Pick(kHomes, rng);
  loan.channel = Pick(kChannels, rng);
  loan.term = Pick(kTerms, rng);
  loan.broker = kBrokers;
  if (loan.channel == kBrokered) {
    const double at = std::pow(rng->Uniform(), kBrokerSkew);
    loan.broker = static_cast<size_t>(at * static_cast<double>(kBrokers));
  }
  return loan;
}

// What each feature adds by itself: a logistic regression finds all of this.
double MainEffects(const Loan& loan) {
  double sum = kPurposes[loan.purpose].effect + kHomes[loan.home].effect +
               kChannels[loan.channel].effect + kTerms[loan.term].effect;
  sum += loan.income < 0 ? 0.33 : -0.69 * StandardIncome(loan);
  sum += 0.62 * (std::log(loan.amount) - 9.0) / 0.8;
  sum -= 0.31 * (std::log(1 + loan.savings) - 7.5) / 1.5;
  sum += loan.score < 0 ? 0.44 : -0.87 * StandardScore(loan);
  sum += 0.19 * loan.inquiries + 0.44 * loan.delinquencies;
  sum -= 0.05 * ((loan.years_employed < 0 ? 4.0 : loan.years_employed) - 6);
  return sum;
}

// What it does not find.
double Interactions(const Loan& loan) {
  double sum = 0.55 * (std::abs(loan.age - 44) / 12 - 0.83);
  sum += kUtilisationSlope[loan.channel] * std::clamp(StandardUtilisation(loan), -2.0, 2.0);
  if (loan.home == kTenant && loan.term > 0) sum += 0.9;
  return sum;
}

double Sigmoid(double margin) { return 1 / (1 + std::exp(-margin)); }

// What a loan adds to the base of its log odds.
double Effects(const Loan& loan, const std::vector<double>& broker_effects) {
  const double broker = loan.broker < kBrokers ? broker_effects[loan.broker] : 0.0;
  return MainEffects(loan) + Interactions(loan) + broker;
}

// The base at which loans like these default at `rate` on average: found by halving, over loans of
// no book, so that a longer book has the same.
double BaseFor(double rate, const std::vector<double>& broker_effects) {
  constexpr double kOwnBase = -3.2;
  constexpr size_t kLoans = 20'000;
  if (rate <= 0) return kOwnBase;
  Rng rng(MixBits(0x72617465u));
  std::vector<double> effects(kLoans);
  for (double& effect : effects) effect = Effects(DrawLoan(&rng), broker_effects);
  double low = -40;
  double high = 40;
  for (int halving = 0; halving < 60; ++halving) {
    const double base = (low + high) / 2;
    double sum = 0;
    for (const double effect : effects) sum += Sigmoid(base + effect);
    (sum < rate * static_cast<double>(kLoans) ? low : high) = base;
  }
  return low;
}

std::vector<double> DrawBrokerEffects(uint64_t seed) {
  Rng rng(MixBits(seed ^ 0x62726f6b657273u));
  std::vector<double> effects(kBrokers);
  for (double& effect : effects) effect = kBrokerSigma * rng.Normal();
  return effects;
}

constexpr char kHeader[] =
    "income,loan_amount,savings,age,utilisation,credit_score,inquiries,delinquencies,"
    "years_employed,purpose,home,channel,term,broker,";

void AppendNumber(double value, int decimals, std::string* line) {
  if (value >= 0) absl::StrAppendFormat(line, "%.*f", decimals, value);
  line->push_back(',');
}

void AppendLoan(const Loan& loan, std::string* line) {
  for (const double value : {loan.income, loan.amount, loan.savings, loan.age}) {
    AppendNumber(value, 0, line);
  }
  AppendNumber(loan.utilisation, 1, line);
  for (const double value : {loan.score, loan.inquiries, loan.delinquencies}) {
    AppendNumber(value, 0, line);
  }
  AppendNumber(loan.years_employed, 1, line);
  absl::StrAppend(line, kPurposes[loan.purpose].name, ",", kHomes[loan.home].name, ",",
                  kChannels[loan.channel].name, ",", kTerms[loan.term].name, ",");
  if (loan.broker < kBrokers) {
    absl::StrAppendFormat(line, "B%04d,", loan.broker);
  } else {
    line->append("none,");
  }
}

}  // namespace

absl::Status GenerateLoanBook(const BookSpec& spec, const std::string& path) {
  if (spec.rows == 0) return absl::InvalidArgumentError("a loan book needs at least 1 row, not 0");
  ASSIGN_OR_RETURN(const auto file, StagedFile::Create(path));
  RETURN_IF_ERROR(file->Write(absl::StrCat(kHeader, kLoanBookLabel, ",", kLoanBookOracle, "\n")));
  const std::vector<double> broker_effects = DrawBrokerEffects(spec.seed);
  const double base = BaseFor(spec.rate, broker_effects);
  std::string line;
  for (uint64_t row = 0; row < spec.rows; ++row) {
    Rng rng(MixBits(MixBits(spec.seed) ^ row));
    const Loan loan = DrawLoan(&rng);
    const double pd = Sigmoid(base + Effects(loan, broker_effects));
    line.clear();
    AppendLoan(loan, &line);
    absl::StrAppendFormat(&line, "%d,%.6f\n", rng.Chance(pd) ? 1 : 0, pd);
    RETURN_IF_ERROR(file->Write(line));
  }
  return file->Publish();
}

}  // namespace rubato
