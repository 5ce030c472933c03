#include "worker/evaluate/evaluation.h"

#include <nlohmann/json.hpp>

#include "common/base/status.h"

namespace rubato {
namespace {

constexpr size_t kTableBins = 10;
constexpr size_t kRocPoints = 200;

using Json = nlohmann::ordered_json;

Json CalibrationJson(const std::vector<ScoreBin>& bins) {
  Json table = Json::array();
  for (const ScoreBin& bin : bins) {
    table.push_back({{"rows", bin.rows},
                     {"positives", bin.positives},
                     {"low", bin.low},
                     {"high", bin.high},
                     {"mean_predicted", bin.mean_score},
                     {"observed", bin.Rate()}});
  }
  return table;
}

Json LiftJson(const std::vector<LiftRow>& rows) {
  Json table = Json::array();
  for (const LiftRow& row : rows) {
    table.push_back({{"rows", row.rows},
                     {"positives", row.positives},
                     {"cut", row.cut},
                     {"lift", row.lift},
                     {"cumulative_lift", row.cumulative_lift},
                     {"captured", row.captured}});
  }
  return table;
}

Json RocJson(const std::vector<RocPoint>& points) {
  Json table = Json::array();
  for (const RocPoint& point : points) {
    table.push_back({{"fpr", point.false_positive_rate}, {"tpr", point.true_positive_rate}});
  }
  return table;
}

}  // namespace

absl::StatusOr<Evaluation> Evaluate(std::span<const float> labels,
                                    std::span<const float> probabilities, double training_rate) {
  ASSIGN_OR_RETURN(const Ranking ranking, RankScores(labels, probabilities));
  const Interval interval = AucInterval(ranking);
  const Ks ks = KolmogorovSmirnov(ranking);
  const double auc = Auc(ranking);
  const AgainstConstant constant = CompareWithConstant(ranking, training_rate);
  return Evaluation{.rows = ranking.rows(),
                    .positives = ranking.positives,
                    .auc = auc,
                    .auc_low = interval.low,
                    .auc_high = interval.high,
                    .gini = 2 * auc - 1,
                    .ks = ks.distance,
                    .ks_cut = ks.cut,
                    .logloss = LogLoss(ranking),
                    .constant_logloss = constant.logloss,
                    .logloss_error = constant.error,
                    .mean_predicted = MeanPredicted(ranking),
                    .brier = Brier(ranking),
                    .pr_auc = AveragePrecision(ranking),
                    .calibration = CalibrationTable(ranking, kTableBins),
                    .lift = LiftTable(ranking, kTableBins),
                    .roc = RocCurve(ranking, kRocPoints)};
}

std::string FormatEvaluationJson(const Evaluation& evaluation) {
  const Json json = {{"rows", evaluation.rows},
                     {"positives", evaluation.positives},
                     {"auc", evaluation.auc},
                     {"auc_low", evaluation.auc_low},
                     {"auc_high", evaluation.auc_high},
                     {"gini", evaluation.gini},
                     {"ks", evaluation.ks},
                     {"ks_cut", evaluation.ks_cut},
                     {"logloss", evaluation.logloss},
                     {"constant_logloss", evaluation.constant_logloss},
                     {"logloss_error", evaluation.logloss_error},
                     {"mean_predicted", evaluation.mean_predicted},
                     {"brier", evaluation.brier},
                     {"pr_auc", evaluation.pr_auc},
                     {"calibration", CalibrationJson(evaluation.calibration)},
                     {"lift", LiftJson(evaluation.lift)},
                     {"roc", RocJson(evaluation.roc)}};
  return json.dump();
}

}  // namespace rubato
