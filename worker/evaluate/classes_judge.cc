// How often the likeliest of several classes is the right one, and how true the probabilities are.
#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "common/base/status.h"
#include "worker/evaluate/judge.h"
#include "worker/evaluate/paired_means.h"
#include "worker/evaluate/ranking.h"

namespace rubato {
namespace {

// Probabilities are kept so far from 0, as scikit-learn does.
constexpr double kLeastProbability = 1e-15;

// Rows that were predicted worst, for a report.
constexpr size_t kWorstRows = 24;

double LossOf(double probability) { return -std::log(std::max(probability, kLeastProbability)); }

template <class Number>
size_t Likeliest(std::span<const Number> probabilities) {
  const auto most = std::max_element(probabilities.begin(), probabilities.end());
  return static_cast<size_t>(most - probabilities.begin());
}

struct Judgement {
  PairedMeans hits;
  PairedMeans losses;
  std::map<std::pair<size_t, size_t>, double> confusion;  // rows by (label, prediction)
};

class ClassRows {
 public:
  ClassRows(const ScoredRows& rows, size_t classes) : rows_(rows), classes_(classes) {}
  size_t LabelOf(size_t row) const { return static_cast<size_t>(rows_.labels[row]); }
  std::span<const float> Of(size_t row) const {
    return rows_.predictions.subspan(row * classes_, classes_);
  }

  absl::StatusOr<Judgement> Judge() const;
  // The mean over the classes that these rows have, and not alone, of the area under the curve of
  // each against the rest (Provost and Domingos 2001, without their weights); 0.5 without one.
  absl::StatusOr<double> MacroAuc() const;
  // By rising probability of their label.
  FigureTable Worst() const;

 private:
  const ScoredRows& rows_;
  const size_t classes_;
};

absl::StatusOr<Judgement> ClassRows::Judge() const {
  Judgement judged;
  const size_t most = Likeliest(rows_.constant);
  for (size_t i = 0; i < rows_.labels.size(); ++i) {
    const std::span<const float> of_row = Of(i);
    for (const float probability : of_row) {
      if (std::isfinite(probability)) continue;
      return absl::OutOfRangeError(
          absl::StrFormat("cannot evaluate: a prediction of row %d is not a number", i));
    }
    const size_t label = LabelOf(i);
    const size_t predicted = Likeliest(of_row);
    const double weight = rows_.weights.empty() ? 1.0 : static_cast<double>(rows_.weights[i]);
    judged.hits.Add(weight, predicted == label ? 1.0 : 0.0, most == label ? 1.0 : 0.0);
    judged.losses.Add(weight, LossOf(static_cast<double>(of_row[label])),
                      LossOf(rows_.constant[label]));
    judged.confusion[{label, predicted}] += 1.0;
  }
  if (judged.hits.weight() > 0.0) return judged;
  return absl::FailedPreconditionError("cannot evaluate without a row that counts");
}

absl::StatusOr<double> ClassRows::MacroAuc() const {
  double sum = 0.0;
  int ranked = 0;
  std::vector<float> is_it(rows_.labels.size());
  std::vector<float> probability(rows_.labels.size());
  for (size_t c = 0; c < classes_; ++c) {
    size_t have = 0;
    for (size_t i = 0; i < is_it.size(); ++i) {
      is_it[i] = LabelOf(i) == c ? 1.0F : 0.0F;
      have += LabelOf(i) == c ? 1U : 0U;
      probability[i] = Of(i)[c];
    }
    if (have == 0 || have == is_it.size()) continue;
    ASSIGN_OR_RETURN(const Ranking ranking, RankScores(is_it, probability));
    sum += Auc(ranking);
    ++ranked;
  }
  return ranked == 0 ? 0.5 : sum / ranked;
}

FigureTable ClassRows::Worst() const {
  FigureTable table = {"worst", {"row", "actual", "predicted", "probability"}, {}};
  for (size_t i = 0; i < rows_.labels.size(); ++i) {
    table.rows.push_back({static_cast<double>(i), static_cast<double>(LabelOf(i)),
                          static_cast<double>(Likeliest(Of(i))),
                          static_cast<double>(Of(i)[LabelOf(i)])});
  }
  const auto less_likely = [](const auto& a, const auto& b) { return a[3] < b[3]; };
  std::stable_sort(table.rows.begin(), table.rows.end(), less_likely);
  if (table.rows.size() > kWorstRows) table.rows.resize(kWorstRows);
  return table;
}

FigureTable ConfusionOf(const Judgement& judged) {
  FigureTable table = {"confusion", {"actual", "predicted", "rows"}, {}};
  for (const auto& [cell, rows] : judged.confusion) {
    table.rows.push_back({static_cast<double>(cell.first), static_cast<double>(cell.second), rows});
  }
  return table;
}

}  // namespace

absl::StatusOr<Figures> Judge(const ClassesTarget& target, const ScoredRows& rows) {
  const ClassRows of_classes(rows, target.outputs());
  ASSIGN_OR_RETURN(const Judgement judged, of_classes.Judge());
  Figures figures = {.numbers = {{"rows", static_cast<double>(rows.labels.size())},
                                 {"accuracy", judged.hits.mean()},
                                 {"constant_accuracy", judged.hits.of_constant()},
                                 {"accuracy_error", judged.hits.error()},
                                 {"logloss", judged.losses.mean()},
                                 {"constant_logloss", judged.losses.of_constant()},
                                 {"logloss_error", judged.losses.error()}},
                     .levels = {},
                     .tables = {}};
  if (rows.use == MetricUse::kProgress) return figures;
  ASSIGN_OR_RETURN(const double macro_auc, of_classes.MacroAuc());
  figures.numbers.emplace_back("macro_auc", macro_auc);
  figures.tables = {ConfusionOf(judged), of_classes.Worst()};
  return figures;
}

}  // namespace rubato
