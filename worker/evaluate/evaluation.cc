#include "worker/evaluate/evaluation.h"

#include <algorithm>
#include <variant>
#include <vector>

#include "common/base/json_text.h"
#include "common/base/status.h"

namespace rubato {
namespace {

// A row of a table as an object.
struct NamedRow {
  const std::vector<std::string>& columns;
  const std::vector<double>& values;
  void Fields(auto&& field) const {
    for (size_t i = 0; i < columns.size(); ++i) field(columns[i].c_str(), values[i]);
  }
};

ScoredRows RowsOf(const Dataset& data, std::span<const float> prediction,
                  std::span<const double> constant) {
  return {.labels = data.labels(),
          .predictions = prediction,
          .offsets = data.offsets(),
          .weights = data.weights(),
          .constant = constant,
          .scales = data.scales()};
}

}  // namespace

bool Figures::Has(absl::string_view name) const {
  return std::any_of(numbers.begin(), numbers.end(),
                     [name](const auto& number) { return number.first == name; });
}

double Figures::at(absl::string_view name) const {
  const auto named = [name](const auto& number) { return number.first == name; };
  const auto found = std::find_if(numbers.begin(), numbers.end(), named);
  CHECK(found != numbers.end(), "a judge without a figure of its target");
  return found->second;
}

absl::StatusOr<Figures> Evaluate(const Target& target, const ScoredRows& rows) {
  return std::visit([&](const auto& of) { return Judge(of, rows); }, target);
}

absl::StatusOr<Figures> EvaluateRows(const Target& target, const Dataset& data,
                                     std::span<const float> prediction,
                                     std::span<const double> constant) {
  return Evaluate(target, RowsOf(data, prediction, constant));
}

absl::StatusOr<std::map<std::string, double>> JudgeProgress(const Target& target,
                                                            const Dataset& data,
                                                            std::span<const float> prediction,
                                                            std::span<const double> constant) {
  ScoredRows rows = RowsOf(data, prediction, constant);
  rows.use = MetricUse::kProgress;
  ASSIGN_OR_RETURN(const Figures figures, Evaluate(target, rows));
  std::map<std::string, double> told;
  for (const MetricSpec& metric : DescriptionOf(target).metrics) {
    if (metric.use == MetricUse::kProgress) told.emplace(metric.name, figures.at(metric.name));
  }
  return told;
}

double SkillOf(const Target& target, const Figures& figures) {
  const MetricSpec& metric = DescriptionOf(target).metrics.front();
  const auto value = figures.at(metric.name);
  return metric.better == Better::kSmaller ? -value : value;
}

std::string FormatFigures(const Figures& figures) {
  std::string json;
  for (const auto& [name, value] : figures.numbers) AppendField(name, value, &json);
  if (!figures.levels.empty()) AppendField("levels", figures.levels, &json);
  for (const FigureTable& table : figures.tables) {
    std::vector<NamedRow> rows;
    for (const std::vector<double>& row : table.rows) rows.push_back({table.columns, row});
    AppendField(table.name, rows, &json);
  }
  return absl::StrCat("{", json, "}");
}

}  // namespace rubato
