// What is said of predictions, whatever their target: its judge is asked, and what others need of
// its figures is told by the target's description.
#pragma once

#include <map>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "worker/data/dataset/dataset.h"
#include "worker/evaluate/judge.h"
#include "worker/spec/target.h"

namespace rubato {

// The judge's figures and errors.
absl::StatusOr<Figures> Evaluate(const Target& target, const ScoredRows& rows);
// The same of all rows of `data`; `constant`: Prior::predictions.
absl::StatusOr<Figures> EvaluateRows(const Target& target, const Dataset& data,
                                     std::span<const float> prediction,
                                     std::span<const double> constant);

// Those of them that are told while training goes on, by name.
absl::StatusOr<std::map<std::string, double>> JudgeProgress(const Target& target,
                                                            const Dataset& data,
                                                            std::span<const float> prediction,
                                                            std::span<const double> constant);

// The metric that a report leads with, as a number that is the larger the better.
double SkillOf(const Target& target, const Figures& figures);

// A JSON object: the numbers by their names, "levels" with an object for each level, and each table
// as an array of objects.
std::string FormatFigures(const Figures& figures);

}  // namespace rubato
