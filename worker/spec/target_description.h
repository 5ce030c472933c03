// What is known of a target without its formulas: what its label may be, what its predictions are
// called and judged by, and which keys of the run file it reads.
#pragma once

#include <limits>
#include <span>

#include "absl/strings/string_view.h"
#include "worker/spec/metric.h"

namespace rubato {

enum class LabelKind : uint8_t {
  kNumber,
  kTwoClasses,  // values are named as one of two (data.positive)
  kClasses,     // each value is one
};

// What a label may be.
struct LabelDomain {
  LabelKind kind = LabelKind::kNumber;
  // Of a number.
  double least = -std::numeric_limits<double>::infinity();
  bool whole = false;
  const char* words = "a number";  // "a whole number from 0 on", in errors
  constexpr bool is_number() const { return kind == LabelKind::kNumber; }
  constexpr bool two_classes() const { return kind == LabelKind::kTwoClasses; }
};

// What target.exposure, how long or how much of a thing a row is about, is to a target.
enum class ExposureUse : uint8_t {
  kNone,
  kOffset,  // its logarithm is the row's offset: the label is of all of it
  kUnit,    // the label is divided by it, and the row counts for so much
};

// Of section [target]; target.weight is read by all.
struct TargetKeys {
  bool offset = false;
  bool cap = false;
  bool power = false;
  bool huber = false;
  bool scale = false;
  bool quantiles = false;  // and target.expected_shortfall
  ExposureUse exposure = ExposureUse::kNone;
};

struct TargetDescription {
  const char* kind;        // target.kind
  const char* prediction;  // column that predict writes, or the first of them
  // The same by unit of exposure, a column before it; "": none.
  const char* rate = "";
  LabelDomain label = {};
  bool fits_each = false;  // FitConstant reads LabelSums::each
  TargetKeys keys = {};
  std::span<const MetricSpec> metrics = {};  // as they are shown; a report leads with the first
  const char* chosen_by = "";                // metric that the best epoch is best by
  const char* loss = "";                     // metric that the loss of training is; "": none
};

// What those who show and compare figures rely on: the first metric, the one that the best epoch is
// chosen by and that of the loss, if there is one, are told while training goes on, and are better
// at one end.
constexpr bool IsWhole(const TargetDescription& target) {
  const auto leads = [](const MetricSpec& metric) {
    return metric.use == MetricUse::kProgress && metric.better != Better::kNeither;
  };
  bool chosen = false;
  bool loss = absl::string_view(target.loss).empty();
  for (const MetricSpec& metric : target.metrics) {
    chosen = chosen || (absl::string_view(metric.name) == target.chosen_by && leads(metric));
    loss = loss || (absl::string_view(metric.name) == target.loss && leads(metric));
  }
  return chosen && loss && leads(target.metrics.front());
}
}  // namespace rubato
