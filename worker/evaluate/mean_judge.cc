// How true predicted means above 0 are, and how well they order the rows.
//
// Deviances of a row with label y and prediction m (McCullagh and Nelder 1989, chapters 6 and 8;
// Jorgensen 1987), which are 0 where the two are the same:
//   Poisson  2 (y log(y / m) - y + m)
//   Gamma    2 (y / m - 1 - log(y / m))
//   Tweedie  2 (y^(2-p) / ((1-p) (2-p)) - y m^(1-p) / (1-p) + m^(2-p) / (2-p)), 1 < p < 2
#include <cmath>
#include <utility>

#include "common/base/status.h"
#include "worker/evaluate/judge.h"
#include "worker/evaluate/lorenz.h"
#include "worker/evaluate/paired_means.h"

namespace rubato {
namespace {

constexpr size_t kLorenzPoints = 101;

double Deviance(const CountTarget&, double y, double m) {
  return 2.0 * ((y > 0.0 ? y * std::log(y / m) : 0.0) - y + m);
}

double Deviance(const AmountTarget&, double y, double m) {
  return 2.0 * (y / m - 1.0 - std::log(y / m));
}

double Deviance(const TweedieTarget& target, double y, double m) {
  const auto p = static_cast<double>(target.loss.power);
  return 2.0 * (std::pow(y, 2.0 - p) / ((1.0 - p) * (2.0 - p)) -
                y * std::pow(m, 1.0 - p) / (1.0 - p) + std::pow(m, 2.0 - p) / (2.0 - p));
}

// What the figures of all three are made of.
struct MeanFigures {
  LorenzRows rows{{}};
  PairedMeans deviance;
  PairedMeans squares;
};

template <class AnyTarget>
absl::StatusOr<MeanFigures> Compare(const AnyTarget& target, const ScoredRows& rows) {
  MeanFigures figures;
  std::vector<MeanRow> by_rate;
  for (size_t i = 0; i < rows.labels.size(); ++i) {
    const auto predicted = static_cast<double>(rows.predictions[i]);
    if (!(std::isfinite(predicted) && predicted > 0.0)) {
      return absl::OutOfRangeError(
          absl::StrFormat("cannot evaluate: the prediction of row %d is not a number above 0", i));
    }
    const auto label = static_cast<double>(rows.labels[i]);
    const double weight = rows.weights.empty() ? 1.0 : static_cast<double>(rows.weights[i]);
    const float offset = rows.offsets.empty() ? 0.0F : rows.offsets[i];
    const double constant = PredictConstant(target, rows.constant[0], offset);
    // What a constant's prediction is larger by than its rate.
    const double units = constant / rows.constant[0];
    figures.deviance.Add(weight, Deviance(target, label, predicted),
                         Deviance(target, label, constant));
    figures.squares.Add(weight, (label - predicted) * (label - predicted),
                        (label - constant) * (label - constant));
    by_rate.push_back({.rate = predicted / units,
                       .size = weight * units,
                       .actual = weight * label,
                       .expected = weight * predicted});
  }
  figures.rows = LorenzRows(std::move(by_rate));
  if (figures.deviance.weight() > 0.0) return figures;
  return absl::FailedPreconditionError("cannot evaluate without a row that counts");
}

Figures Told(const MeanFigures& of, size_t rows, absl::string_view deviance, double times) {
  const MeanRow& total = of.rows.total();
  return {.numbers = {{"rows", static_cast<double>(rows)},
                      {"size", total.size},
                      {"actual", total.actual},
                      {"expected", total.expected},
                      {"actual_expected", total.actual / total.expected},
                      {std::string(deviance), times * of.deviance.mean()},
                      {absl::StrCat(deviance, "_error"), times * of.deviance.error()},
                      {"rmse", std::sqrt(of.squares.mean())},
                      {"gini", of.rows.Gini()}},
          .levels = {},
          .tables = {of.rows.Calibration(), of.rows.Curve(kLorenzPoints)}};
}

}  // namespace

absl::StatusOr<Figures> Judge(const CountTarget& target, const ScoredRows& rows) {
  ASSIGN_OR_RETURN(const MeanFigures of, Compare(target, rows));
  Figures figures = Told(of, rows.labels.size(), "poisson_deviance_x100", 100.0);
  double events = 0.0;
  for (const float label : rows.labels) events += static_cast<double>(label);
  figures.numbers.emplace_back("events", events);
  return figures;
}

absl::StatusOr<Figures> Judge(const AmountTarget& target, const ScoredRows& rows) {
  ASSIGN_OR_RETURN(const MeanFigures of, Compare(target, rows));
  return Told(of, rows.labels.size(), "gamma_deviance", 1.0);
}

absl::StatusOr<Figures> Judge(const TweedieTarget& target, const ScoredRows& rows) {
  ASSIGN_OR_RETURN(const MeanFigures of, Compare(target, rows));
  return Told(of, rows.labels.size(), "tweedie_deviance", 1.0);
}

}  // namespace rubato
