#include "worker/data/prepare/code_like.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "worker/data/encode/encoding.h"
#include "worker/data/text/name_words.h"

namespace rubato {
namespace {

constexpr std::array<absl::string_view, 53> kCodeWords = {
    "codes",      "type",    "class",       "category", "cat",       "segment", "kind",
    "group",      "zip",     "plz",         "postal",   "region",    "sector",  "state",
    "status",     "stat",    "sex",         "gender",   "education", "marital", "marriage",
    "occupation", "job",     "industry",    "naics",    "nace",      "sic",     "mcc",
    "isic",       "anzsic",  "isco",        "soc",      "fips",      "msa",     "ethnicity",
    "race",       "country", "nationality", "currency", "religion",  "branch",  "product",
    "channel",    "purpose", "id",          "district", "province",  "county",  "city",
    "department", "reason",  "brand",       "model"};
// Beside them the name is of a count or an amount: "number of product types".
constexpr std::array<absl::string_view, 14> kAmountWords = {
    "count",   "num",  "number", "total", "sum",     "amount", "amt",
    "balance", "rate", "ratio",  "share", "percent", "months", "days"};

template <size_t size>
bool Holds(const std::array<absl::string_view, size>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool NamedAsCode(const std::string& name) {
  const std::vector<std::string> words = WordsOf(name);
  // zipcode, postcode, recode
  const auto is_code = [](const std::string& word) {
    return absl::EndsWith(word, "code") || Holds(kCodeWords, word);
  };
  const auto is_amount = [](const std::string& word) { return Holds(kAmountWords, word); };
  return std::any_of(words.begin(), words.end(), is_code) &&
         std::none_of(words.begin(), words.end(), is_amount);
}

// The log likelihood of rows at their own common rate.
double LogLikelihood(const ClassCounts& counts) {
  const auto n = static_cast<double>(counts.negatives);
  const auto p = static_cast<double>(counts.positives);
  double sum = 0.0;
  if (n > 0.0) sum += n * std::log(n / (n + p));
  if (p > 0.0) sum += p * std::log(p / (n + p));
  return sum;
}

double OwnRates(std::span<const ValueCounts> values) {
  double sum = 0.0;
  for (const ValueCounts& value : values) sum += LogLikelihood(value.counts);
  return sum;
}

ClassCounts Sum(const ClassCounts& a, const ClassCounts& b) {
  return {a.negatives + b.negatives, a.positives + b.positives};
}

// The best rates that never fall along [first, last): neighbours that do are pooled.
template <class Iterator>
double Isotonic(Iterator first, Iterator last) {
  std::vector<ClassCounts> pools;
  for (; first != last; ++first) {
    ClassCounts pool = first->counts;
    while (!pools.empty() && pools.back().PositiveRate() > pool.PositiveRate()) {
      pool = Sum(pools.back(), pool);
      pools.pop_back();
    }
    pools.push_back(pool);
  }
  double sum = 0.0;
  for (const ClassCounts& pool : pools) sum += LogLikelihood(pool);
  return sum;
}

// The best rates that rise and then fall.
double OneTurn(std::span<const ValueCounts> values) {
  double best = Isotonic(values.begin(), values.end());
  for (size_t turn = 0; turn < values.size(); ++turn) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(turn);
    const auto back = std::make_reverse_iterator(values.end());
    const double rates =
        Isotonic(values.begin(), middle) + Isotonic(back, std::make_reverse_iterator(middle));
    best = std::max(best, rates);
  }
  return best;
}

// A value that chi-square with so many degrees of freedom exceeds with p = 1e-6, by Wilson and
// Hilferty's cube root.
double ChanceBound(size_t degrees) {
  constexpr double kQuantile = 4.7534;  // of the normal distribution
  const auto k = static_cast<double>(degrees);
  return k * std::pow(1.0 - 2.0 / (9.0 * k) + kQuantile * std::sqrt(2.0 / (9.0 * k)), 3.0);
}

// The log likelihood at log odds a + b x, and its step by Newton's method.
struct LinePoint {
  double likelihood = 0.0;
  double step_a = 0.0;
  double step_b = 0.0;
};
LinePoint LineAt(std::span<const ValueCounts> values, std::span<const double> x, double a,
                 double b) {
  LinePoint point;
  double g[2] = {0.0, 0.0};
  double h[3] = {1e-9, 0.0, 1e-9};
  for (size_t i = 0; i < values.size(); ++i) {
    const double odds = std::clamp(a + b * x[i], -30.0, 30.0);
    const double q = 1.0 / (1.0 + std::exp(-odds));
    const auto rows = static_cast<double>(values[i].counts.rows());
    const auto positives = static_cast<double>(values[i].counts.positives);
    point.likelihood += positives * std::log(q) + (rows - positives) * std::log1p(-q);
    const double residual = positives - rows * q;
    const double weight = rows * q * (1.0 - q);
    g[0] += residual;
    g[1] += residual * x[i];
    h[0] += weight;
    h[1] += weight * x[i];
    h[2] += weight * x[i] * x[i];
  }
  const double determinant = std::max(h[0] * h[2] - h[1] * h[1], 1e-12);
  point.step_a = (h[2] * g[0] - h[1] * g[1]) / determinant;
  point.step_b = (h[0] * g[1] - h[1] * g[0]) / determinant;
  return point;
}

// Zero mean, unit deviation over the rows.
std::vector<double> Standardise(std::span<const ValueCounts> values, bool logs) {
  std::vector<double> x;
  double rows = 0.0;
  double mean = 0.0;
  for (const ValueCounts& value : values) {
    x.push_back(logs ? SignedLog(value.value) : value.value);
    rows += static_cast<double>(value.counts.rows());
    mean += static_cast<double>(value.counts.rows()) * x.back();
  }
  mean /= rows;
  double square = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] -= mean;
    square += static_cast<double>(values[i].counts.rows()) * x[i] * x[i];
  }
  for (double& value : x) value /= std::sqrt(std::max(square / rows, 1e-300));
  return x;
}

double Line(std::span<const ValueCounts> values, bool logs) {
  constexpr int kSteps = 50;
  constexpr double kLongestStep = 1.0;
  const std::vector<double> x = Standardise(values, logs);
  double a = 0.0;
  double b = 0.0;
  double best = -std::numeric_limits<double>::infinity();
  for (int step = 0; step < kSteps; ++step) {
    const LinePoint point = LineAt(values, x, a, b);
    best = std::max(best, point.likelihood);
    a += std::clamp(point.step_a, -kLongestStep, kLongestStep);
    b += std::clamp(point.step_b, -kLongestStep, kLongestStep);
  }
  return best;
}

}  // namespace

double TurnsDeviance(std::span<const ValueCounts> values) {
  std::vector<ValueCounts> swapped(values.begin(), values.end());
  for (ValueCounts& value : swapped) std::swap(value.counts.negatives, value.counts.positives);
  return 2.0 * (OwnRates(values) - std::max(OneTurn(values), OneTurn(swapped)));
}

LineFit FitLine(std::span<const ValueCounts> values) {
  ClassCounts all;
  for (const ValueCounts& value : values) all = Sum(all, value.counts);
  const double own = OwnRates(values);
  const double common = LogLikelihood(all);
  const double line = std::max(Line(values, false), Line(values, true));
  return {2.0 * (own - line), own > common ? (line - common) / (own - common) : 1.0};
}

std::string CodeReason(const ColumnScan& column, std::span<const ValueCounts> values) {
  if (column.fractions > 0) return "";
  const bool many = column.distinct > 2 && column.distinct * kRowsPerCode > column.counted;
  if (!many && NamedAsCode(column.name)) return "whole numbers, codes by their name";
  if (values.size() < 3) return "";
  if (TurnsDeviance(values) > ChanceBound(values.size() - 1)) {
    return "codes: the label's rate rises and falls along them";
  }
  if (values.size() > kFewCodes) return "";
  const LineFit line = FitLine(values);
  return line.share < kLineShare && line.deviance > ChanceBound(values.size() - 2)
             ? "codes: the label's rate does not rise or fall evenly"
             : "";
}

}  // namespace rubato
