#include "worker/spec/target.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "common/base/status.h"

namespace rubato {
namespace {

template <size_t... kIndices>
std::vector<Target> AllTargets(std::index_sequence<kIndices...>) {
  return {Target(std::in_place_index<kIndices>)...};
}

absl::StatusOr<Target> FindTarget(absl::string_view kind) {
  std::vector<std::string> kinds;
  for (const Target& target : AllTargets(std::make_index_sequence<std::variant_size_v<Target>>())) {
    if (DescriptionOf(target).kind == kind) return target;
    kinds.push_back(absl::StrFormat("\"%s\"", DescriptionOf(target).kind));
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("target.kind is not one of %s: \"%s\"", absl::StrJoin(kinds, ", "), kind));
}

absl::Status CheckKeys(const TargetConfig& config, const TargetDescription& target) {
  const TargetConfig unset;
  const TargetKeys& reads = target.keys;
  const bool exposure = reads.exposure != ExposureUse::kNone;
  const struct {
    const char* key;
    bool given;
    bool read;
  } keys[] = {{"target.offset", !config.offset.empty(), reads.offset},
              {"target.exposure", !config.exposure.empty(), exposure},
              {"target.cap_exposure", config.cap_exposure != unset.cap_exposure, exposure},
              {"target.cap", config.cap != unset.cap, reads.cap},
              {"target.power", config.power != unset.power, reads.power},
              {"target.huber", config.huber != unset.huber, reads.huber},
              {"target.scale", !config.scale.empty(), reads.scale},
              {"target.quantiles", !config.quantiles.empty(), reads.quantiles},
              {"target.expected_shortfall", config.expected_shortfall, reads.quantiles}};
  for (const auto& [key, given, read] : keys) {
    if (!given || read) continue;
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s means nothing where target.kind = \"%s\"; leave it out", key, target.kind));
  }
  if (!reads.quantiles || !config.quantiles.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "target.kind = \"%s\" needs target.quantiles, the levels to learn, as in [0.01, 0.05]",
      target.kind));
}

// Labels by their size, each with the weight of all rows up to it, and their mean.
class SortedLabels {
 public:
  explicit SortedLabels(std::vector<LabelRow> rows) : rows_(std::move(rows)) {
    const auto below = [](const LabelRow& a, const LabelRow& b) { return a.label < b.label; };
    std::sort(rows_.begin(), rows_.end(), below);
    for (const LabelRow& row : rows_) {
      weight_ += static_cast<double>(row.weight);
      weights_.push_back(weight_);
    }
  }
  double Quantile(double level) const { return static_cast<double>(rows_[At(level)].label); }
  // Of the labels up to there.
  double MeanBelow(double level) const {
    double sum = 0.0;
    const size_t end = At(level);
    for (size_t i = 0; i <= end; ++i) {
      sum += static_cast<double>(rows_[i].weight) * static_cast<double>(rows_[i].label);
    }
    return weights_[end] > 0.0 ? sum / weights_[end] : Quantile(level);
  }

 private:
  size_t At(double level) const {
    const auto found = std::lower_bound(weights_.begin(), weights_.end(), level * weight_);
    return std::min(static_cast<size_t>(found - weights_.begin()), rows_.size() - 1);
  }

  std::vector<LabelRow> rows_;
  std::vector<double> weights_;  // [rows] summed up
  double weight_ = 0.0;
};

// Of a distance that no label spans, in deviations: something that a margin can make larger.
constexpr double kLeastDistance = 0.01;

}  // namespace

absl::StatusOr<LabelDomain> LabelOfTarget(const std::string& kind) {
  ASSIGN_OR_RETURN(const Target target, FindTarget(kind));
  return DescriptionOf(target).label;
}

absl::StatusOr<Target> MakeTarget(const TargetConfig& config) {
  ASSIGN_OR_RETURN(Target target, FindTarget(config.kind));
  RETURN_IF_ERROR(CheckKeys(config, DescriptionOf(target)));
  std::visit(
      [&config](auto& of) {
        if constexpr (requires { of.Configure(config); }) of.Configure(config);
      },
      target);
  return target;
}

Target Fitted(Target target, const Prior& prior) {
  std::visit(
      [&prior](auto& of) {
        if constexpr (requires { of.Fit(prior); }) of.Fit(prior);
      },
      target);
  return target;
}

double PredictConstant(const Target& target, double prediction, float offset) {
  return std::visit(
      [&](const auto& of) {
        if constexpr (requires { of.AtConstant(prediction, offset); }) {
          return of.AtConstant(prediction, offset);
        } else {
          return prediction;
        }
      },
      target);
}

Constant ClassesTarget::FitConstant(const LabelSums& train, const ClassWeights&) {
  Constant constant;
  constant.predictions.resize(static_cast<size_t>(train.most) + 1);
  for (const LabelRow& row : train.each) {
    constant.predictions[static_cast<size_t>(row.label)] +=
        static_cast<double>(row.weight) / train.weight;
  }
  return constant;
}

void QuantileTarget::Configure(const TargetConfig& config) {
  CHECK(!config.quantiles.empty() && config.quantiles.size() <= kMaxQuantiles);
  loss.levels = static_cast<uint32_t>(config.quantiles.size());
  loss.shortfall = config.expected_shortfall;
  for (uint32_t k = 0; k < loss.levels; ++k) {
    loss.level[k] = static_cast<float>(config.quantiles[k]);
    const auto from_middle = [&](uint32_t i) { return std::abs(config.quantiles[i] - 0.5); };
    if (from_middle(k) < from_middle(loss.anchor)) loss.anchor = k;
  }
}

void QuantileTarget::Fit(const Prior& prior) {
  CHECK(prior.predictions.size() == loss.outputs());
  const auto distance = [&](uint32_t from, uint32_t to) {
    const double apart = (prior.predictions[to] - prior.predictions[from]) / prior.scale;
    return static_cast<float>(std::max(apart, kLeastDistance));
  };
  loss.center = static_cast<float>(prior.predictions[loss.anchor]);
  loss.scale = static_cast<float>(prior.scale);
  for (uint32_t k = 0; k < loss.levels; ++k) {
    if (k > loss.anchor) loss.gap[k] = distance(k - 1, k);
    if (k < loss.anchor) loss.gap[k] = distance(k, k + 1);
    if (loss.shortfall) loss.depth[k] = distance(loss.levels + k, k);
  }
}

Constant QuantileTarget::FitConstant(const LabelSums& train, const ClassWeights&) const {
  const SortedLabels labels(train.each);
  Constant constant = {.predictions = {}, .margin = 0.0, .scale = train.deviation()};
  for (uint32_t k = 0; k < loss.levels; ++k) {
    constant.predictions.push_back(labels.Quantile(static_cast<double>(loss.level[k])));
  }
  for (uint32_t k = 0; k < loss.outputs() - loss.levels; ++k) {
    constant.predictions.push_back(labels.MeanBelow(static_cast<double>(loss.level[k])));
  }
  // A row's slope at the anchor is 1 - tau in tau of the rows, and -tau in the others.
  const auto tau = static_cast<double>(loss.level[loss.anchor]);
  constant.one_sided_gradient = std::sqrt(tau * (1.0 - tau)) * std::abs(1.0 - 2.0 * tau);
  return constant;
}

std::string QuantileTarget::LevelName(size_t k) const {
  return absl::StrFormat("%g", static_cast<double>(loss.level[k]));
}

std::vector<std::string> QuantileTarget::Columns() const {
  std::vector<std::string> columns;
  for (uint32_t k = 0; k < loss.outputs(); ++k) {
    columns.push_back(absl::StrCat(k < loss.levels ? "q_" : "es_", LevelName(k % loss.levels)));
  }
  return columns;
}

}  // namespace rubato
