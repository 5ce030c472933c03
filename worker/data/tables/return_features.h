// What the daily returns of one price say on the evening of a day: nothing in it comes from a later
// day. Returns are logarithmic and in percent: r(t) = 100 ln(P(t) / P(t-1)).
//
//   return_L        r(t + 1 - L): the L-th last one, for each of kLags
//   abs_return_L    its size
//   volatility_D    the root of v(t) = D v(t-1) + (1 - D) r(t)^2, v = r^2 on the first day; for
//   each
//                   of kDecays
//   quantile_Q_W    of the last W returns, that of the share Q (linear between the two nearest,
//   type
//                   7 of Hyndman and Fan), for kShares and kWindows
//
// Scaled, all but volatility_0.94 are divided by it (RiskMetrics 1996), the return that is to be
// predicted too: what is learnt is the next day's part of a volatility that is known on the evening
// of the day. Where it is 0, no return was another number, and they are 0 too.
//
// These numbers are part of the format of a run (encoding.json): a run that was trained with others
// cannot be read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rubato {

inline constexpr std::array<size_t, 5> kLags = {1, 2, 3, 5, 10};
inline constexpr std::array<double, 4> kDecays = {0.85, 0.94, 0.97, 0.99};
inline constexpr size_t kScaleDecay = 1;  // index
inline constexpr std::array<double, 2> kShares = {0.01, 0.05};
inline constexpr std::array<size_t, 2> kWindows = {250, 500};
// Returns that must have been seen before there are features.
inline constexpr size_t kWarmUpReturns = kWindows.back();

// The last returns, in order of size.
class SortedWindow {
 public:
  explicit SortedWindow(size_t size) : size_(size) {}
  // Of all returns so far, the newest last.
  void Add(const std::vector<double>& returns);
  // Requires a full window and a share from 0 to 1.
  double Quantile(double share) const;

 private:
  const size_t size_;
  std::vector<double> sorted_;
};

class ReturnFeatures {
 public:
  enum class Unit : uint8_t { kPercent, kVolatility };
  explicit ReturnFeatures(Unit unit);
  // Of the price that is called so, in the order of Append.
  static std::vector<std::string> Names(const std::string& price);
  // Of the volatility that the others are divided by.
  static std::string ScaleName(const std::string& price);
  // The return of the next day.
  void Add(double percent);
  bool warm() const { return returns_.size() >= kWarmUpReturns; }
  // Of the day of the last return; requires warm().
  void Append(std::vector<double>* values) const;

 private:
  const Unit unit_;
  std::vector<double> returns_;  // all so far
  std::array<double, kDecays.size()> variances_ = {};
  std::vector<SortedWindow> windows_;
};

}  // namespace rubato
