#include "worker/data/generate/return_book.h"

#include <cmath>
#include <numbers>

#include "absl/strings/str_join.h"
#include "common/base/env.h"
#include "common/base/staged_file.h"
#include "common/base/status.h"
#include "worker/data/tables/return_features.h"

namespace rubato {
namespace {

constexpr char kPrice[] = "index";

constexpr double kConstant = 0.02;
constexpr double kOfReturn = 0.08;
constexpr double kOfVariance = 0.90;

constexpr double kDegrees = 6.0;
// Deviation of Student's t of so many degrees.
const double kDeviation = std::sqrt(kDegrees / (kDegrees - 2.0));

// P(T <= t), in the closed form of even degrees (Abramowitz and Stegun 1964, 26.7.4).
double StudentBelow(double t) {
  const double u = 1.0 + t * t / kDegrees;
  const double series = 1.0 + 1.0 / (2.0 * u) + 3.0 / (8.0 * u * u);
  return 0.5 + t / (2.0 * std::sqrt(kDegrees + t * t)) * series;
}

double StudentDensity(double t) {
  const double constant = std::tgamma((kDegrees + 1.0) / 2.0) /
                          (std::sqrt(kDegrees * std::numbers::pi) * std::tgamma(kDegrees / 2.0));
  return constant * std::pow(1.0 + t * t / kDegrees, -(kDegrees + 1.0) / 2.0);
}

// Of T itself, by halving.
double PlainQuantile(double level) {
  double low = -1e3;
  double high = 1e3;
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    (StudentBelow(middle) < level ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

// A normal number over the root of a mean of squares of six: three exponential ones.
double DrawStudent(Rng* rng) {
  const double squares = rng->Exponential(2.0) + rng->Exponential(2.0) + rng->Exponential(2.0);
  return rng->Normal() / std::sqrt(squares / kDegrees) / kDeviation;
}

class Process {
 public:
  explicit Process(uint64_t seed) : rng_(MixBits(seed ^ 0x72657475726e73u)) {}
  // Of the next return.
  double volatility() const { return std::sqrt(variance_); }
  double Draw() {
    const double percent = volatility() * DrawStudent(&rng_);
    variance_ = kConstant + kOfReturn * percent * percent + kOfVariance * variance_;
    return percent;
  }

 private:
  Rng rng_;
  double variance_ = 1.0;
};

std::vector<double> TruthOf(const TargetConfig& target) {
  std::vector<double> truth;
  for (const double level : target.quantiles) truth.push_back(StudentQuantile(level));
  if (!target.expected_shortfall) return truth;
  for (const double level : target.quantiles) truth.push_back(StudentShortfall(level));
  return truth;
}

}  // namespace

double StudentQuantile(double level) { return PlainQuantile(level) / kDeviation; }

// E[T | T <= q] = -f(q) (n + q^2) / ((n - 1) level) (McNeil, Frey and Embrechts 2005,
// example 2.19).
double StudentShortfall(double level) {
  const double q = PlainQuantile(level);
  return -StudentDensity(q) * (kDegrees + q * q) / ((kDegrees - 1.0) * level) / kDeviation;
}

std::string ReturnScale() { return ReturnFeatures::ScaleName(kPrice); }

std::vector<std::string> ReturnOracle(const TargetConfig& target) {
  std::vector<std::string> columns;
  for (const double level : target.quantiles) columns.push_back(absl::StrCat("true_q_", level));
  if (!target.expected_shortfall) return columns;
  for (const double level : target.quantiles) columns.push_back(absl::StrCat("true_es_", level));
  return columns;
}

absl::Status GenerateReturns(const TargetConfig& target, uint64_t rows, uint64_t seed,
                             const std::string& path) {
  if (rows == 0) return absl::InvalidArgumentError("a book needs at least 1 day, not 0");
  ASSIGN_OR_RETURN(const auto file, StagedFile::Create(path));
  RETURN_IF_ERROR(file->Write(
      absl::StrCat(kReturnDay, ",", absl::StrJoin(ReturnFeatures::Names(kPrice), ","), ",",
                   kReturnLabel, ",", absl::StrJoin(ReturnOracle(target), ","), "\n")));
  Process process(seed);
  ReturnFeatures features(ReturnFeatures::Unit::kVolatility);
  while (!features.warm()) features.Add(process.Draw());
  const std::vector<double> truth = TruthOf(target);
  std::string line;
  std::vector<double> values;
  for (uint64_t day = 1; day <= rows; ++day) {
    line = absl::StrCat(day);
    values.clear();
    features.Append(&values);
    for (const double value : values) absl::StrAppendFormat(&line, ",%.9g", value);
    const double volatility = process.volatility();
    const double next = process.Draw();
    absl::StrAppendFormat(&line, ",%.9g", next);
    for (const double of_one : truth) absl::StrAppendFormat(&line, ",%.9g", volatility * of_one);
    RETURN_IF_ERROR(file->Write(line + "\n"));
    features.Add(next);
  }
  return file->Publish();
}

}  // namespace rubato
