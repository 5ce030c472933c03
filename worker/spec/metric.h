// What a figure about predictions is, for those who show and compare it: evaluation.json and
// metrics.json have its value by its name, target.json this description.
//
// Figures named after it, where a judge gives them: NAME_low and NAME_high, its 95 % interval;
// constant_NAME, what predicting the mean of the training rows always has; NAME_error, the standard
// error of the difference of the two.
#pragma once

#include <cstdint>

namespace rubato {

enum class Better : uint8_t { kNeither, kLarger, kSmaller };
// Where it is shown; each place shows what those before it show, too.
enum class MetricUse : uint8_t { kProgress, kSummary, kReport };
enum class MetricFormat : uint8_t {
  kMetric,   // a few digits after the point
  kCount,    // a whole number of things
  kPercent,  // a share
  kNumber,   // in the label's unit
};

struct MetricSpec {
  const char* name;   // "logloss"
  const char* words;  // "log loss"
  Better better = Better::kNeither;
  MetricUse use = MetricUse::kReport;
  MetricFormat format = MetricFormat::kMetric;
};

}  // namespace rubato
