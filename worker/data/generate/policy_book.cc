#include "worker/data/generate/policy_book.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_join.h"
#include "common/base/env.h"
#include "common/base/staged_file.h"
#include "common/base/status.h"

namespace rubato {
namespace {

struct Region {
  const char* name;
  double frequency;  // added to its logarithm
  double cost;
};
constexpr std::array<Region, 8> kRegions = {{{"R11", 0.35, 0.15},
                                             {"R24", -0.10, 0.0},
                                             {"R31", 0.10, -0.10},
                                             {"R52", -0.25, 0.05},
                                             {"R53", -0.30, -0.15},
                                             {"R72", 0.0, 0.10},
                                             {"R82", 0.25, 0.0},
                                             {"R93", 0.40, 0.20}}};
constexpr double kOwnRate = 0.15;
constexpr double kMostYears = 1.0;

// Values as they are printed: the truth is computed from what a reader of the file can know.
struct Policy {
  double age;
  double power;
  double vehicle_age;
  double density;
  double years;
  size_t region;
  bool diesel;
};

double RoundedTo(double value, double unit) { return std::round(value / unit) * unit; }

Policy DrawPolicy(Rng* rng) {
  Policy policy;
  policy.age = std::round(18 + 62 * std::pow(rng->Uniform(), 0.8));
  policy.power = 4 + std::floor(std::min(rng->Exponential(2.5), 11.0));
  policy.vehicle_age = std::floor(std::min(rng->Exponential(7.0), 30.0));
  policy.density = std::max(1.0, std::round(std::exp(5.5 + 1.6 * rng->Normal())));
  policy.years = std::max(0.01, RoundedTo(rng->Chance(0.4) ? kMostYears : rng->Uniform(), 0.01));
  policy.region = static_cast<size_t>(rng->Below(kRegions.size()));
  policy.diesel = rng->Chance(0.5);
  return policy;
}

// What a policy adds to the logarithm of claims a year.
double FrequencyEffects(const Policy& policy) {
  double sum = kRegions[policy.region].frequency;
  sum += 0.9 * std::max(0.0, (32 - policy.age) / 14) + 0.5 * std::max(0.0, (policy.age - 62) / 18);
  sum += 0.12 * (std::log(policy.density) - 5.5);
  sum += policy.diesel ? 0.12 : 0.0;
  sum -= policy.vehicle_age > 15 ? 0.3 : 0.0;
  if (policy.age < 27 && policy.power >= 7) sum += 0.8;
  return sum;
}

double MeanCost(const Policy& policy) {
  double log_cost = 7.2 + kRegions[policy.region].cost;
  log_cost += 0.12 * (policy.power - 6) - 0.025 * policy.vehicle_age;
  if (policy.age < 25) log_cost += 0.4;
  if (policy.diesel && policy.density > 1000) log_cost -= 0.35;
  return std::exp(log_cost);
}

// Gamma of shape 2: the sum of two exponentials.
double DrawCost(double mean, Rng* rng) {
  return rng->Exponential(mean / 2) + rng->Exponential(mean / 2);
}

// Claims of a year with which policies like these claim `rate` on average, over policies of no
// book.
double BaseFor(double rate) {
  constexpr size_t kPolicies = 20'000;
  Rng rng(MixBits(0x706f6c696379u));
  double sum = 0.0;
  for (size_t i = 0; i < kPolicies; ++i) sum += std::exp(FrequencyEffects(DrawPolicy(&rng)));
  return std::log((rate > 0.0 ? rate : kOwnRate) * static_cast<double>(kPolicies) / sum);
}

// The number of arrivals of a Poisson process of this mean: waits are exponential.
int DrawClaims(double mean, Rng* rng) {
  int claims = 0;
  for (double waited = rng->Exponential(1.0); waited < mean; waited += rng->Exponential(1.0)) {
    ++claims;
  }
  return claims;
}

// As they are written.
struct Drawn {
  std::string label;
  std::vector<double> truth;
};

Drawn NumberDrawn(double label, double truth) { return {absl::StrFormat("%.10g", label), {truth}}; }

Drawn DrawCount(const Policy& policy, double base, Rng* rng) {
  const double mean = policy.years * std::exp(base + FrequencyEffects(policy));
  return NumberDrawn(DrawClaims(mean, rng), mean);
}

Drawn DrawAmount(const Policy& policy, double, Rng* rng) {
  const double mean = MeanCost(policy);
  return NumberDrawn(std::max(0.01, RoundedTo(DrawCost(mean, rng), 0.01)), mean);
}

Drawn DrawPaid(const Policy& policy, double base, Rng* rng) {
  const double rate = std::exp(base + FrequencyEffects(policy));
  const double cost = MeanCost(policy);
  double paid = 0.0;
  for (int claims = DrawClaims(rate * policy.years, rng); claims > 0; --claims) {
    paid += DrawCost(cost, rng);
  }
  return NumberDrawn(RoundedTo(paid, 0.01), rate * cost);
}

Drawn DrawValue(const Policy& policy, double, Rng* rng) {
  constexpr double kNoise = 300.0;
  const double mean = 5000 + 900 * FrequencyEffects(policy);
  return NumberDrawn(RoundedTo(mean + kNoise * rng->Normal(), 0.01), mean);
}

// By their bytes, as classes are numbered.
constexpr std::array kCauses = {"collision", "glass", "theft", "weather"};

// Logits of the causes: the young and strong collide, stones fly on fast roads, new cars are stolen
// in towns, and what stands in the open country is hailed upon.
std::array<double, kCauses.size()> CauseLogits(const Policy& policy) {
  const double density = std::log(policy.density) - 5.5;
  const bool strong_and_young = policy.age < 27 && policy.power >= 7;
  return {0.5 + 0.9 * std::max(0.0, (32 - policy.age) / 14) + (strong_and_young ? 1.0 : 0.0),
          0.8 - 0.3 * density + (policy.diesel ? 0.4 : 0.0),
          -1.0 + 0.6 * density - 0.12 * policy.vehicle_age,
          -0.5 - 0.4 * density + 2.0 * kRegions[policy.region].cost};
}

Drawn DrawCause(const Policy& policy, double, Rng* rng) {
  Drawn drawn;
  double sum = 0.0;
  for (const double logit : CauseLogits(policy)) {
    sum += std::exp(logit);
    drawn.truth.push_back(std::exp(logit));
  }
  for (double& probability : drawn.truth) probability /= sum;
  double left = rng->Uniform();
  size_t cause = 0;
  while (cause + 1 < kCauses.size() && left >= drawn.truth[cause]) left -= drawn.truth[cause++];
  drawn.label = kCauses[cause];
  return drawn;
}

struct Book {
  const char* kind;
  const char* label;
  Drawn (*draw)(const Policy&, double base, Rng*);
};
constexpr Book kBooks[] = {{"count", "claims", DrawCount},
                           {"amount", "cost", DrawAmount},
                           {"tweedie", "paid", DrawPaid},
                           {"real", "value", DrawValue},
                           {"classes", "cause", DrawCause}};

const Book* FindBook(const std::string& kind) {
  const auto* const found = std::find_if(std::begin(kBooks), std::end(kBooks),
                                         [&kind](const Book& book) { return kind == book.kind; });
  return found == std::end(kBooks) ? nullptr : found;
}

void AppendPolicy(const Policy& policy, std::string* line) {
  absl::StrAppendFormat(line, "%.0f,%.0f,%.0f,%.0f,%.2f,%s,%s,", policy.age, policy.power,
                        policy.vehicle_age, policy.density, policy.years,
                        kRegions[policy.region].name, policy.diesel ? "diesel" : "petrol");
}

}  // namespace

std::vector<std::string> PolicyKinds() {
  std::vector<std::string> kinds;
  for (const Book& book : kBooks) kinds.emplace_back(book.kind);
  return kinds;
}

const char* PolicyLabel(const std::string& target_kind) {
  const Book* const book = FindBook(target_kind);
  return book == nullptr ? nullptr : book->label;
}

std::vector<std::string> PolicyOracle(const std::string& target_kind) {
  if (target_kind != "classes") return {"true_mean"};
  std::vector<std::string> columns;
  for (const char* cause : kCauses) columns.push_back(absl::StrCat("true_", cause));
  return columns;
}

absl::Status GeneratePolicies(const std::string& target_kind, const BookSpec& spec,
                              const std::string& path) {
  const Book* const book = FindBook(target_kind);
  CHECK(book != nullptr, "a kind with a label has a book");
  if (spec.rows == 0) return absl::InvalidArgumentError("a book needs at least 1 policy, not 0");
  ASSIGN_OR_RETURN(const auto file, StagedFile::Create(path));
  RETURN_IF_ERROR(file->Write(absl::StrCat("age,power,vehicle_age,density,", kPolicyYears,
                                           ",region,fuel,", book->label, ",",
                                           absl::StrJoin(PolicyOracle(target_kind), ","), "\n")));
  const double base = BaseFor(spec.rate);
  std::string line;
  for (uint64_t row = 0; row < spec.rows; ++row) {
    Rng rng(MixBits(MixBits(spec.seed) ^ row));
    const Policy policy = DrawPolicy(&rng);
    const Drawn drawn = book->draw(policy, base, &rng);
    line.clear();
    AppendPolicy(policy, &line);
    line += drawn.label;
    for (const double truth : drawn.truth) absl::StrAppendFormat(&line, ",%.9g", truth);
    line += "\n";
    RETURN_IF_ERROR(file->Write(line));
  }
  return file->Publish();
}

}  // namespace rubato
