// How right predicted probabilities are, as numbers and not only in their order (that is
// ranking.h): log loss, Brier score, calibration and lift.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "worker/evaluate/ranking.h"

namespace rubato {

// Mean of -ln(probability given to the label), natural logarithm (Good 1952). Probabilities are
// kept 1e-15 away from 0 and 1, as scikit-learn does.
double LogLoss(const Ranking& ranking);

// What predicting `rate` for every row would have lost, and how sure the difference of the two is.
struct AgainstConstant {
  double logloss = 0;  // of the constant
  double error = 0;    // standard error of the mean difference row by row; 0 for one row
};
// Requires 0 < rate < 1.
AgainstConstant CompareWithConstant(const Ranking& ranking, double rate);

// Mean of the probabilities.
double MeanPredicted(const Ranking& ranking);

// Mean squared difference of probability and label (Brier 1950).
double Brier(const Ranking& ranking);

// A slice of the rows by score.
struct ScoreBin {
  uint64_t rows = 0;
  uint64_t positives = 0;
  double low = 0;  // smallest and largest score
  double high = 0;
  double mean_score = 0;
  double Rate() const { return static_cast<double>(positives) / static_cast<double>(rows); }
};

// Cuts the ranking into at most `bins` slices of about equal numbers of rows, by increasing score.
// Equal scores stay together, in the bin of their middle row, so bins can be uneven, or fewer; none
// is empty. Mean score against Rate() is the calibration table (reliability diagram, Murphy and
// Winkler 1977).
std::vector<ScoreBin> CalibrationTable(const Ranking& ranking, size_t bins);

// The same bins from the riskiest down, with what one gets by taking all rows down to there.
struct LiftRow {
  uint64_t rows = 0;
  uint64_t positives = 0;
  double cut = 0;   // smallest score of the bin
  double lift = 0;  // rate of positives over the rate of all rows
  double cumulative_lift = 0;
  double captured = 0;  // share of all positives found down to here
};
std::vector<LiftRow> LiftTable(const Ranking& ranking, size_t bins);

}  // namespace rubato
