// How well probabilities rank the rows, and how true they are.
#include "common/base/status.h"
#include "worker/evaluate/judge.h"
#include "worker/evaluate/metrics.h"
#include "worker/evaluate/ranking.h"

namespace rubato {
namespace {

constexpr size_t kTableBins = 10;
constexpr size_t kRocPoints = 200;

// By increasing score.
FigureTable CalibrationOf(const Ranking& ranking) {
  FigureTable table = {
      "calibration", {"rows", "positives", "low", "high", "mean_predicted", "observed"}, {}};
  for (const ScoreBin& bin : CalibrationTable(ranking, kTableBins)) {
    table.rows.push_back({static_cast<double>(bin.rows), static_cast<double>(bin.positives),
                          bin.low, bin.high, bin.mean_score, bin.Rate()});
  }
  return table;
}

// By decreasing score.
FigureTable LiftOf(const Ranking& ranking) {
  FigureTable table = {
      "lift", {"rows", "positives", "cut", "lift", "cumulative_lift", "captured"}, {}};
  for (const LiftRow& row : LiftTable(ranking, kTableBins)) {
    table.rows.push_back({static_cast<double>(row.rows), static_cast<double>(row.positives),
                          row.cut, row.lift, row.cumulative_lift, row.captured});
  }
  return table;
}

FigureTable RocOf(const Ranking& ranking) {
  FigureTable table = {"roc", {"fpr", "tpr"}, {}};
  for (const RocPoint& point : RocCurve(ranking, kRocPoints)) {
    table.rows.push_back({point.false_positive_rate, point.true_positive_rate});
  }
  return table;
}

}  // namespace

absl::StatusOr<Figures> Judge(const BinaryTarget&, const ScoredRows& rows) {
  ASSIGN_OR_RETURN(const Ranking ranking, RankScores(rows.labels, rows.predictions));
  const double auc = Auc(ranking);
  const Interval interval = AucInterval(ranking);
  const Ks ks = KolmogorovSmirnov(ranking);
  const AgainstConstant constant = CompareWithConstant(ranking, rows.constant[0]);
  return Figures{.numbers = {{"rows", static_cast<double>(ranking.rows())},
                             {"positives", static_cast<double>(ranking.positives)},
                             {"auc", auc},
                             {"auc_low", interval.low},
                             {"auc_high", interval.high},
                             {"gini", 2 * auc - 1},
                             {"ks", ks.distance},
                             {"ks_cut", ks.cut},
                             {"logloss", LogLoss(ranking)},
                             {"constant_logloss", constant.logloss},
                             {"logloss_error", constant.error},
                             {"mean_predicted", MeanPredicted(ranking)},
                             {"brier", Brier(ranking)},
                             {"pr_auc", AveragePrecision(ranking)}},
                 .levels = {},
                 .tables = {CalibrationOf(ranking), LiftOf(ranking), RocOf(ranking)}};
}

}  // namespace rubato
