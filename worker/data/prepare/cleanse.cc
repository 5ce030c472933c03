#include "worker/data/prepare/cleanse.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/json_text.h"
#include "common/base/status.h"
#include "worker/data/encode/drift.h"
#include "worker/data/prepare/sort_numbers.h"
#include "worker/data/text/level.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

void Count(ClassCounts* counts, Cleanser::Class label) {
  ++(label == Cleanser::Class::kPositive ? counts->positives : counts->negatives);
}

// Mean, population standard deviation and skewness (m3 / m2^1.5) of values.
struct Moments {
  double mean = 0.0;
  double deviation = 0.0;
  double skew = 0.0;
};

// `values` once, and `fill` standing in `fills` times.
struct FilledValues {
  const std::vector<double>& negatives;
  const std::vector<double>& positives;
  double fill = 0.0;
  uint64_t fills = 0;

  // Calls f(value, times) for all.
  template <class F>
  void Visit(F f) const {
    for (const double value : negatives) f(value, 1.0);
    for (const double value : positives) f(value, 1.0);
    if (fills > 0) f(fill, static_cast<double>(fills));
  }
  double size() const { return static_cast<double>(negatives.size() + positives.size() + fills); }
  bool Constant() const {
    bool constant = true;
    const double first = negatives.empty() ? positives.empty() ? fill : positives[0] : negatives[0];
    Visit([&](double value, double) { constant = constant && value == first; });
    return constant;
  }
};

// Two passes: the centre first, so that large offsets cancel before they are squared.
template <class Transform>
Moments MomentsOf(const FilledValues& values, Transform transform) {
  Moments moments;
  values.Visit([&](double x, double times) { moments.mean += times * transform(x); });
  moments.mean /= values.size();
  double second = 0.0;
  double third = 0.0;
  values.Visit([&](double x, double times) {
    const double d = transform(x) - moments.mean;
    second += times * d * d;
    third += times * d * d * d;
  });
  moments.deviation = std::sqrt(second / values.size());
  const double cube = moments.deviation * moments.deviation * moments.deviation;
  moments.skew = cube > 0.0 ? third / values.size() / cube : 0.0;
  return moments;
}

// Walks two sorted lists as one; calls f(group of equal values, counts).
template <class F>
void VisitGroups(const std::vector<double>& negatives, const std::vector<double>& positives, F f) {
  size_t n = 0;
  size_t p = 0;
  while (n < negatives.size() || p < positives.size()) {
    const bool from_negatives =
        p == positives.size() || (n < negatives.size() && negatives[n] < positives[p]);
    const double value = from_negatives ? negatives[n] : positives[p];
    ClassCounts counts;
    for (; n < negatives.size() && negatives[n] == value; ++n) ++counts.negatives;
    for (; p < positives.size() && positives[p] == value; ++p) ++counts.positives;
    f(value, counts);
  }
}

struct Order {
  double median = 0.0;  // the mean of the middle two when their number is even; 0 without values
  double p99 = 0.0;     // 0 without values
  std::vector<ClassCounts> groups;  // of equal values, ascending
  std::vector<ValueCounts> values;  // the same, when they are few
};

Order OrderOf(const std::vector<double>& negatives, const std::vector<double>& positives) {
  Order order;
  const uint64_t size = negatives.size() + positives.size();
  uint64_t before = 0;
  double low = 0.0;
  VisitGroups(negatives, positives, [&](double value, const ClassCounts& counts) {
    order.groups.push_back(counts);
    if (order.values.size() <= kFewValues) order.values.push_back({value, counts});
    const uint64_t after = before + counts.rows();
    if (before <= (size - 1) / 2 && (size - 1) / 2 < after) low = value;
    if (before <= size / 2 && size / 2 < after) order.median = low / 2.0 + value / 2.0;
    if (before * 100 < size * 99) order.p99 = value;
    before = after;
  });
  if (order.values.size() > kFewValues) order.values.clear();
  return order;
}

// A number may order the classes either way.
double EitherWay(double auc) { return std::max(auc, 1.0 - auc); }

}  // namespace

void ScaleTogether(Encoding* encoding) {
  double variance = 0.0;
  size_t columns = 0;
  for (const NumericEncoding& column : encoding->numeric) {
    variance += column.deviation * column.deviation;
    if (column.deviation > 0.0) ++columns;
  }
  if (columns == 0) return;
  const double deviation = std::sqrt(variance / static_cast<double>(columns));
  for (NumericEncoding& column : encoding->numeric) {
    if (column.deviation > 0.0) column.deviation = deviation;
  }
}

double GroupedAuc(std::span<const ClassCounts> groups) {
  double negatives_below = 0.0;
  double positives = 0.0;
  double pairs = 0.0;
  for (const ClassCounts& group : groups) {
    const auto n = static_cast<double>(group.negatives);
    const auto p = static_cast<double>(group.positives);
    pairs += p * (negatives_below + n / 2.0);
    negatives_below += n;
    positives += p;
  }
  if (negatives_below == 0.0 || positives == 0.0) return 0.5;
  return pairs / (negatives_below * positives);
}

Cleanser::Cleanser(const std::vector<Feature>& features, const CleanseConfig& config,
                   DecimalComma comma)
    : features_(features), config_(config), comma_(comma) {
  for (const Feature& feature : features_) {
    if (feature.kind == FeatureKind::kNumeric) {
      numeric_.push_back({NumberReader(feature.form, feature.missing, comma), {}, {}, {}});
    } else {
      categories_.push_back({MissingValues(feature.missing, NumberForm{}, comma), {}, {}});
    }
  }
}

absl::Status Cleanser::Add(std::span<const absl::string_view> fields, Class label) {
  Count(&rows_, label);
  size_t n = 0;
  size_t k = 0;
  for (const Feature& feature : features_) {
    const absl::string_view field = TrimField(fields[feature.field]);
    if (feature.kind == FeatureKind::kCategory) {
      RETURN_IF_ERROR(AddLevel(feature, field, label, &categories_[k++]));
      continue;
    }
    NumericFit& fit = numeric_[n++];
    double value = 0.0;
    if (fit.reader.Read(field, &value) == Reading::kNumber) {
      (label == Class::kPositive ? fit.positives : fit.negatives).push_back(value);
    } else {
      Count(&fit.missing, label);
    }
  }
  return absl::OkStatus();
}

absl::Status Cleanser::AddLevel(const Feature& feature, absl::string_view field, Class label,
                                CategoryFit* fit) {
  if (IsMissing(field) || (!fit->named_missing.empty() && fit->named_missing.Hold(field))) {
    CountLevel(label, &fit->missing);
    return absl::OkStatus();
  }
  const absl::string_view level = LevelOf(field, comma_, &level_);
  auto found = fit->levels.find(level);
  if (found == fit->levels.end()) {
    if (fit->levels.size() == kMaxLevels) {
      return absl::ResourceExhaustedError(
          absl::StrFormat("column '%s' has more than %d distinct values; leave it out with "
                          "data.drop",
                          ShowText(feature.name), kMaxLevels));
    }
    found = fit->levels.emplace(std::string(level), LevelCounts{}).first;
  }
  CountLevel(label, &found->second);
  return absl::OkStatus();
}

void Cleanser::CountLevel(Class label, LevelCounts* level) const {
  Count(&level->all, label);
  const uint64_t turn = label == Class::kPositive ? rows_.positives : rows_.negatives;
  if (turn % 2 == 1) Count(&level->guessed, label);
}

double Cleanser::HeldOutAuc(const CategoryFit& fit) const {
  const double base = rows_.PositiveRate();
  std::map<double, ClassCounts> held_out;  // by the guessed rate; `base` where nothing tells it
  const auto add = [&](const LevelCounts& level) {
    const double rate = level.guessed.rows() == 0 ? base : level.guessed.PositiveRate();
    ClassCounts& counts = held_out[rate];
    counts.negatives += level.all.negatives - level.guessed.negatives;
    counts.positives += level.all.positives - level.guessed.positives;
  };
  for (const auto& [name, level] : fit.levels) add(level);
  add(fit.missing);
  std::vector<ClassCounts> groups;
  for (const auto& [rate, counts] : held_out) groups.push_back(counts);
  return GroupedAuc(groups);
}

FitResult Cleanser::Finish() {
  FitResult result;
  result.encoding.clip_sigma = config_.clip_sigma;
  size_t n = 0;
  size_t k = 0;
  for (const Feature& feature : features_) {
    if (feature.kind == FeatureKind::kNumeric) {
      result.encoding.numeric.push_back(FitNumeric(feature, &numeric_[n++]));
    } else {
      result.encoding.categories.push_back(FitCategory(feature, categories_[k++]));
    }
  }
  result.facts = std::move(facts_);
  result.warnings = std::move(warnings_);
  return result;
}

std::pair<double, double> Cleanser::RangeOf(const NumericFit& fit) {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  std::pair<double, double> range(kNone, -kNone);
  for (const std::vector<double>* sorted : {&fit.negatives, &fit.positives}) {
    if (sorted->empty()) continue;
    range.first = std::min(range.first, sorted->front());
    range.second = std::max(range.second, sorted->back());
  }
  return range;
}

// A value that is many tenths of the rows is one bin.
void Cleanser::FitBins(const NumericFit& fit, NumericEncoding* encoding) {
  const uint64_t size = fit.negatives.size() + fit.positives.size();
  uint64_t before = 0;
  uint64_t in_bin = 0;
  uint64_t tenth = 1;
  VisitGroups(fit.negatives, fit.positives, [&](double value, const ClassCounts& counts) {
    before += counts.rows();
    in_bin += counts.rows();
    if (before == size || before * kDriftBins < size * tenth) return;
    encoding->edges.push_back(value);
    encoding->rows.push_back(std::exchange(in_bin, 0));
    tenth = before * kDriftBins / size + 1;
  });
  encoding->rows.push_back(in_bin);
  encoding->rows.push_back(fit.missing.rows());
}

NumericEncoding Cleanser::FitNumeric(const Feature& feature, NumericFit* fit) {
  const std::string& name = feature.name;
  SortNumbers(&fit->negatives);
  SortNumbers(&fit->positives);
  const Order order = OrderOf(fit->negatives, fit->positives);
  NumericEncoding encoding;
  encoding.name = name;
  encoding.median = order.median;
  encoding.indicator = fit->missing.rows() > 0;
  encoding.form = feature.form;
  encoding.missing = feature.missing;
  if (!order.groups.empty()) std::tie(encoding.low, encoding.high) = RangeOf(*fit);
  FitBins(*fit, &encoding);
  const FilledValues values = {fit->negatives, fit->positives, order.median, fit->missing.rows()};
  if (values.Constant()) {
    if (order.groups.empty()) {
      WarnConstant(name, "is missing");
    } else if (!encoding.indicator) {
      WarnConstant(name, "has the same value");
    }
  } else {
    Moments moments = MomentsOf(values, [](double x) { return x; });
    encoding.signed_log = std::abs(moments.skew) > config_.signed_log_skew;
    if (encoding.signed_log) moments = MomentsOf(values, SignedLog);
    encoding.mean = moments.mean;
    encoding.deviation = moments.deviation;
  }
  facts_.push_back({order.values, FindSentinels(fit->negatives, fit->positives), order.p99});
  WarnSentinels(name, facts_.back().sentinels);
  WarnLeak(name, EitherWay(GroupedAuc(order.groups)), "its values");
  const ClassCounts present = {rows_.negatives - fit->missing.negatives,
                               rows_.positives - fit->missing.positives};
  const ClassCounts groups[] = {present, fit->missing};
  WarnLeak(name, EitherWay(GroupedAuc(groups)), "whether it is missing");
  fit->negatives = {};  // gives the memory back before the next column needs its copy
  fit->positives = {};
  return encoding;
}

CategoryEncoding Cleanser::FitCategory(const Feature& feature, const CategoryFit& fit) {
  const std::string& name = feature.name;
  if (fit.levels.empty()) {
    WarnConstant(name, "is missing");
  } else if (fit.levels.size() == 1 && fit.missing.all.rows() == 0) {
    WarnConstant(name, "has the same value");
  }
  WarnLeak(name, HeldOutAuc(fit), "its levels");
  std::vector<std::pair<uint64_t, std::string>> levels;
  for (const auto& [level, counts] : fit.levels) levels.emplace_back(counts.all.rows(), level);
  // The most frequent first, and by name where that does not decide: the same ids on every run.
  std::sort(levels.begin(), levels.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  CategoryEncoding encoding;
  encoding.name = name;
  encoding.missing = feature.missing;
  encoding.rows = {0, fit.missing.all.rows()};
  for (auto& [rows, level] : levels) {
    if (rows >= static_cast<uint64_t>(config_.min_level_count)) {
      encoding.levels.push_back(std::move(level));
      encoding.rows.push_back(rows);
    } else {
      encoding.rows[kOtherLevel] += rows;
      if (encoding.rare.size() < kMaxRareLevels) encoding.rare.push_back(LevelHash(level));
    }
  }
  std::sort(encoding.rare.begin(), encoding.rare.end());
  return encoding;
}

void Cleanser::WarnConstant(const std::string& name, absl::string_view what) {
  warnings_.push_back(
      {name, "constant",
       absl::StrFormat("column '%s' %s in all training rows; it tells the model nothing",
                       ShowText(name), what)});
}

void Cleanser::WarnSentinels(const std::string& name, const std::vector<Sentinel>& sentinels) {
  if (sentinels.empty()) return;
  std::vector<std::string> rows;
  std::vector<std::string> keys;
  for (const Sentinel& sentinel : sentinels) {
    rows.push_back(absl::StrFormat("%s (%s)", sentinel.spelling, ShowRows(sentinel.rows)));
    keys.push_back(QuotedText(absl::StrCat(ShowText(name), "=", sentinel.spelling)));
  }
  warnings_.push_back(
      {name, "sentinel",
       absl::StrFormat("column '%s': far from all other values: %s; for missing values say "
                       "data.missing = [%s]",
                       ShowText(name), absl::StrJoin(rows, ", "), absl::StrJoin(keys, ", "))});
}

void Cleanser::WarnLeak(const std::string& name, double auc, absl::string_view what) {
  if (auc <= kLeakAuc || std::min(rows_.negatives, rows_.positives) < kLeakRows) return;
  warnings_.push_back(
      {name, "leak",
       absl::StrFormat("column '%s' alone predicts the label (AUC %.4f by %s); leave it out with "
                       "data.drop if it is known only afterwards",
                       ShowText(name), auc, what)});
}

}  // namespace rubato
