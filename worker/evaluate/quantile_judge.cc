// How true predicted quantiles and shortfalls are: the pinball loss, and whether as many labels lie
// below them as should, row by row in the order of the file.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "worker/evaluate/backtest.h"
#include "worker/evaluate/judge.h"
#include "worker/evaluate/paired_means.h"

namespace rubato {
namespace {

// Enough points for a picture as wide as a page.
constexpr size_t kBandPoints = 400;
constexpr size_t kMostShownBreaches = 2000;

// The rows of one level.
struct Level {
  std::string name;
  double level = 0.0;
  std::vector<double> constants;
  std::vector<double> labels;
  std::vector<double> quantiles;
  std::vector<double> shortfalls;  // or empty
  PairedMeans pinball = {};
  bool Breaks(size_t row) const { return labels[row] < quantiles[row]; }
  uint64_t breaches() const {
    uint64_t count = 0;
    for (size_t row = 0; row < labels.size(); ++row) count += Breaks(row) ? 1U : 0U;
    return count;
  }
};

double Pinball(double level, double label, double quantile) {
  const double above = label - quantile;
  return above > 0.0 ? level * above : (level - 1.0) * above;
}

double WeightOf(const ScoredRows& rows, size_t row) {
  return rows.weights.empty() ? 1.0 : static_cast<double>(rows.weights[row]);
}

Level LevelOf(const QuantileTarget& target, const ScoredRows& rows, size_t k) {
  const size_t outputs = target.outputs();
  Level of;
  of.name = target.LevelName(k);
  of.level = static_cast<double>(target.loss.level[k]);
  for (size_t i = 0; i < rows.labels.size(); ++i) {
    const auto label = static_cast<double>(rows.labels[i]);
    const auto quantile = static_cast<double>(rows.predictions[i * outputs + k]);
    of.labels.push_back(label);
    of.quantiles.push_back(quantile);
    of.constants.push_back(rows.ConstantOf(i, k));
    of.pinball.Add(WeightOf(rows, i), Pinball(of.level, label, quantile),
                   Pinball(of.level, label, of.constants.back()));
    if (!target.loss.shortfall) continue;
    const size_t behind = i * outputs + target.loss.levels + k;
    of.shortfalls.push_back(static_cast<double>(rows.predictions[behind]));
  }
  return of;
}

// Of a row's mean over the levels.
PairedMeans MeanPinball(const std::vector<Level>& levels, const ScoredRows& rows) {
  PairedMeans means;
  for (size_t i = 0; i < rows.labels.size(); ++i) {
    double pinball = 0.0;
    double of_constant = 0.0;
    for (const Level& level : levels) {
      pinball += Pinball(level.level, level.labels[i], level.quantiles[i]);
      of_constant += Pinball(level.level, level.labels[i], level.constants[i]);
    }
    const auto count = static_cast<double>(levels.size());
    means.Add(WeightOf(rows, i), pinball / count, of_constant / count);
  }
  return means;
}

Transitions TransitionsOf(const Level& level) {
  Transitions t;
  for (size_t row = 1; row < level.labels.size(); ++row) {
    const bool before = level.Breaks(row - 1);
    const bool now = level.Breaks(row);
    ++(before ? now ? t.stays : t.ends : now ? t.begins : t.none);
  }
  return t;
}

std::map<std::string, double> FiguresOf(const Level& level) {
  const uint64_t rows = level.labels.size();
  const uint64_t breaches = level.breaches();
  const LikelihoodRatio share = KupiecTest(breaches, rows, level.level);
  const LikelihoodRatio independence = IndependenceTest(TransitionsOf(level));
  std::map<std::string, double> figures = {
      {"pinball", level.pinball.mean()},
      {"pinball_error", level.pinball.error()},
      {"constant_pinball", level.pinball.of_constant()},
      {"breaches", static_cast<double>(breaches)},
      {"breach_rate", static_cast<double>(breaches) / static_cast<double>(rows)},
      {"kupiec_p", share.p},
      {"independence_p", independence.p},
      {"christoffersen_p", JointTest(share, independence).p},
      {"basel_zone", BaselZone(breaches, rows, level.level)}};
  const auto is_loss = [](double shortfall) { return shortfall < 0.0; };
  if (level.shortfalls.empty() ||
      !std::all_of(level.shortfalls.begin(), level.shortfalls.end(), is_loss)) {
    return figures;
  }
  const TailRows tail = {level.labels, level.quantiles, level.shortfalls, level.level};
  figures["es_z2"] = AcerbiSzekelyZ2(tail);
  figures["es_z2_p"] = AcerbiSzekelyP(tail, figures["es_z2"]);
  return figures;
}

// Of as many spans of rows as a picture shows: their labels' range, and the means of the quantiles.
FigureTable BandOf(const QuantileTarget& target, const std::vector<Level>& levels) {
  FigureTable table = {"band", {"first", "last", "low", "high"}, {}};
  for (size_t k = 0; k < levels.size(); ++k) table.columns.push_back(target.Columns()[k]);
  const std::vector<double>& labels = levels.front().labels;
  const size_t spans = std::min(kBandPoints, labels.size());
  for (size_t span = 0; span < spans; ++span) {
    const size_t begin = span * labels.size() / spans;
    const size_t end = (span + 1) * labels.size() / spans;
    const auto [low, high] = std::minmax_element(labels.begin() + static_cast<ptrdiff_t>(begin),
                                                 labels.begin() + static_cast<ptrdiff_t>(end));
    std::vector<double>& row = table.rows.emplace_back();
    row = {static_cast<double>(begin), static_cast<double>(end - 1), *low, *high};
    for (const Level& level : levels) {
      double sum = 0.0;
      for (size_t i = begin; i < end; ++i) sum += level.quantiles[i];
      row.push_back(sum / static_cast<double>(end - begin));
    }
  }
  return table;
}

// Rows below the lowest quantile, the deepest if they are many.
FigureTable BreachesOf(const Level& lowest) {
  FigureTable table = {"breaches", {"row", "label", "quantile"}, {}};
  for (size_t row = 0; row < lowest.labels.size(); ++row) {
    if (!lowest.Breaks(row)) continue;
    table.rows.push_back({static_cast<double>(row), lowest.labels[row], lowest.quantiles[row]});
  }
  const auto deeper = [](const auto& a, const auto& b) { return a[1] - a[2] < b[1] - b[2]; };
  if (table.rows.size() <= kMostShownBreaches) return table;
  std::sort(table.rows.begin(), table.rows.end(), deeper);
  table.rows.resize(kMostShownBreaches);
  return table;
}

absl::Status CheckPredictions(std::span<const float> predictions, size_t outputs) {
  const auto broken = std::find_if(predictions.begin(), predictions.end(),
                                   [](float prediction) { return !std::isfinite(prediction); });
  if (broken == predictions.end()) return absl::OkStatus();
  return absl::OutOfRangeError(
      absl::StrFormat("cannot evaluate: a prediction of row %d is not a number",
                      (broken - predictions.begin()) / static_cast<ptrdiff_t>(outputs)));
}

}  // namespace

absl::StatusOr<Figures> Judge(const QuantileTarget& target, const ScoredRows& rows) {
  RETURN_IF_ERROR(CheckPredictions(rows.predictions, target.outputs()));
  std::vector<Level> levels;
  for (size_t k = 0; k < target.loss.levels; ++k) levels.push_back(LevelOf(target, rows, k));
  const PairedMeans pinball = MeanPinball(levels, rows);
  if (!(pinball.weight() > 0.0)) {
    return absl::FailedPreconditionError("cannot evaluate without a row that counts");
  }
  Figures figures = {.numbers = {{"rows", static_cast<double>(rows.labels.size())},
                                 {"pinball", pinball.mean()},
                                 {"constant_pinball", pinball.of_constant()},
                                 {"pinball_error", pinball.error()}},
                     .levels = {},
                     .tables = {}};
  if (rows.use == MetricUse::kProgress) return figures;
  figures.tables = {BandOf(target, levels), BreachesOf(levels.front())};
  for (const Level& level : levels) figures.levels[level.name] = FiguresOf(level);
  return figures;
}

}  // namespace rubato
