// How far predictions are from the labels, in the label's unit.
#include <cmath>

#include "common/base/status.h"
#include "worker/evaluate/judge.h"
#include "worker/evaluate/paired_means.h"

namespace rubato {

absl::StatusOr<Figures> Judge(const RealTarget&, const ScoredRows& rows) {
  PairedMeans squares;
  PairedMeans distances;
  // Of the labels about the constant, whose own losses say it only where all rows have one unit.
  double above_constant = 0.0;
  double squares_about_constant = 0.0;
  for (size_t i = 0; i < rows.labels.size(); ++i) {
    const auto label = static_cast<double>(rows.labels[i]);
    const double miss = label - static_cast<double>(rows.predictions[i]);
    if (!std::isfinite(miss)) {
      return absl::OutOfRangeError(
          absl::StrFormat("cannot evaluate: the prediction of row %d is not a number", i));
    }
    const double weight = rows.weights.empty() ? 1.0 : static_cast<double>(rows.weights[i]);
    const double of_constant = label - rows.ConstantOf(i, 0);
    const double about_constant = label - rows.constant[0];
    squares.Add(weight, miss * miss, of_constant * of_constant);
    distances.Add(weight, std::abs(miss), std::abs(of_constant));
    above_constant += weight * about_constant;
    squares_about_constant += weight * (about_constant * about_constant);
  }
  const double weight = squares.weight();
  if (!(weight > 0.0)) {
    return absl::FailedPreconditionError("cannot evaluate without a row that counts");
  }
  const double mean = above_constant / weight;
  const double variance = squares_about_constant / weight - mean * mean;
  const double rmse = std::sqrt(squares.mean());
  const double both = rmse + std::sqrt(squares.of_constant());
  // Of the difference of two roots: that of what is under them, by their sum.
  const double error = both > 0.0 ? squares.error() / both : 0.0;
  return Figures{.numbers = {{"rows", static_cast<double>(rows.labels.size())},
                             {"rmse", rmse},
                             {"rmse_error", error},
                             {"mae", distances.mean()},
                             // Of the variance of these labels (0 where they are all the same).
                             {"r2", variance > 0.0 ? 1.0 - squares.mean() / variance : 0.0}},
                 .levels = {},
                 .tables = {}};
}

}  // namespace rubato
