#include "worker/data/tables/return_features.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace rubato {

void SortedWindow::Add(const std::vector<double>& returns) {
  if (sorted_.size() == size_) {
    const double oldest = returns[returns.size() - 1 - size_];
    sorted_.erase(std::lower_bound(sorted_.begin(), sorted_.end(), oldest));
  }
  sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), returns.back()), returns.back());
}

double SortedWindow::Quantile(double share) const {
  const double at = share * static_cast<double>(size_ - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, size_ - 1);
  return std::lerp(sorted_[below], sorted_[above], at - std::floor(at));
}

ReturnFeatures::ReturnFeatures(Unit unit) : unit_(unit) {
  for (const size_t size : kWindows) windows_.emplace_back(size);
}

std::string ReturnFeatures::ScaleName(const std::string& price) {
  return absl::StrCat("volatility_", kDecays[kScaleDecay], "_", price);
}

std::vector<std::string> ReturnFeatures::Names(const std::string& price) {
  std::vector<std::string> names;
  for (const char* kind : {"return_", "abs_return_"}) {
    for (const size_t lag : kLags) names.push_back(absl::StrCat(kind, lag, "_", price));
  }
  for (const double decay : kDecays) {
    names.push_back(absl::StrCat("volatility_", decay, "_", price));
  }
  for (const size_t window : kWindows) {
    for (const double share : kShares) {
      names.push_back(absl::StrCat("quantile_", share, "_", window, "_", price));
    }
  }
  return names;
}

void ReturnFeatures::Add(double percent) {
  const double square = percent * percent;
  for (size_t i = 0; i < kDecays.size(); ++i) {
    variances_[i] =
        returns_.empty() ? square : kDecays[i] * variances_[i] + (1.0 - kDecays[i]) * square;
  }
  returns_.push_back(percent);
  for (SortedWindow& window : windows_) window.Add(returns_);
}

void ReturnFeatures::Append(std::vector<double>* values) const {
  const double volatility = std::sqrt(variances_[kScaleDecay]);
  const double unit = unit_ == Unit::kVolatility && volatility > 0.0 ? volatility : 1.0;
  const auto lagged = [&](size_t lag) { return returns_[returns_.size() - lag] / unit; };
  for (const size_t lag : kLags) values->push_back(lagged(lag));
  for (const size_t lag : kLags) values->push_back(std::abs(lagged(lag)));
  for (size_t i = 0; i < kDecays.size(); ++i) {
    values->push_back(i == kScaleDecay ? volatility : std::sqrt(variances_[i]) / unit);
  }
  for (const SortedWindow& window : windows_) {
    for (const double share : kShares) values->push_back(window.Quantile(share) / unit);
  }
}

}  // namespace rubato
