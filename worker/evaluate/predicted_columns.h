// What predict writes of a row, by its target: one column with the prediction, or a rate before it,
// or a class with the probabilities of all, or quantiles.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "worker/data/encode/encoding.h"
#include "worker/spec/target.h"

namespace rubato {

class PredictedColumns {
 public:
  // Of a model over data of `encoding`, which outlives it.
  PredictedColumns(const Target& target, const Encoding& encoding);

  const std::vector<std::string>& names() const { return names_; }
  // Appends the values of a row with these predictions [outputs] and this offset, as RFC 4180
  // writes them, with `separator` between them.
  void Append(std::span<const float> prediction, float offset, char separator,
              std::string* out) const;

 private:
  const std::vector<std::string>& classes_;
  const bool has_rate_;
  std::vector<std::string> names_;
};

}  // namespace rubato
