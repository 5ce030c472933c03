// What predictions lose and what a constant loses, on the same rows: both weighted means, and how
// sure their difference is.
#pragma once

#include <algorithm>
#include <cmath>

namespace rubato {

class PairedMeans {
 public:
  void Add(double weight, double loss, double of_constant) {
    const double difference = loss - of_constant;
    rows_ += 1.0;
    weight_ += weight;
    loss_ += weight * loss;
    constant_ += weight * of_constant;
    differences_ += weight * difference;
    weighted_twice_ += weight * weight * difference;
    squares_ += weight * weight * difference * difference;
    weight_squares_ += weight * weight;
  }
  double weight() const { return weight_; }
  // The rest needs weight.
  double mean() const { return loss_ / weight_; }
  double of_constant() const { return constant_ / weight_; }
  // Standard error of the difference of the two means, rows being drawn as they come; 0 for one
  // row.
  double error() const {
    if (rows_ < 2.0) return 0.0;
    const double mean = differences_ / weight_;
    const double variance = squares_ - 2.0 * mean * weighted_twice_ + mean * mean * weight_squares_;
    return std::sqrt(std::max(0.0, variance) * rows_ / (rows_ - 1.0)) / weight_;
  }

 private:
  double rows_ = 0.0;
  double weight_ = 0.0;
  double loss_ = 0.0;
  double constant_ = 0.0;
  double differences_ = 0.0;
  double weighted_twice_ = 0.0;
  double squares_ = 0.0;
  double weight_squares_ = 0.0;
};

}  // namespace rubato
