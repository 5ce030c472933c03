// How large the label is before anything is known of a row: what is counted of it, where a model's
// margin begins, and how predictions come back to that level when training weighted the classes.
//
// A loss that weights rows of class k by w_k is smallest where the odds are w_1 / w_0 times the
// true ones (Elkan 2001, theorem 2; King and Zeng 2001, "prior correction"). So log(w_0 / w_1),
// added to the margin of such a model, gives probabilities again; their order stays as it was.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace rubato {

// What a row with label 0, and one with label 1, counts for in training.
using ClassWeights = std::array<double, 2>;

// What a row says beside its features.
struct LabelRow {
  float label = 0.0F;
  float weight = 1.0F;  // how much it counts for (target.weight), >= 0
  float offset = 0.0F;  // added to its margin
  float scale = 1.0F;   // unit of its label (target.scale), above 0
  // As it is taught: in that unit.
  LabelRow InItsUnit() const {
    return {.label = label / scale, .weight = weight, .offset = offset};
  }
  friend bool operator==(const LabelRow&, const LabelRow&) = default;
};

// Of some rows.
struct LabelSums {
  uint64_t rows = 0;
  double labels = 0.0;  // each row once; of labels 0 and 1: rows with label 1
  double weight = 0.0;
  // Weighted.
  double weighted_labels = 0.0;
  double offsets = 0.0;
  double exposures = 0.0;  // exp(offset)
  double center = 0.0;     // running mean of the labels
  double squares = 0.0;    // of their distances from the mean, as West 1979 adds them up
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();
  bool keeps_each = false;
  std::vector<LabelRow> each = {};  // in the order of Add, where they are kept

  void Add(const LabelRow& row) {
    const auto label = static_cast<double>(row.label);
    const auto w = static_cast<double>(row.weight);
    ++rows;
    labels += label;
    weight += w;
    weighted_labels += w * label;
    offsets += w * static_cast<double>(row.offset);
    exposures += w * std::exp(static_cast<double>(row.offset));
    const double before = label - center;
    if (w > 0.0) center += w / weight * before;
    squares += w * before * (label - center);
    if (keeps_each) each.push_back(row);
    least = std::min(least, label);
    most = std::max(most, label);
  }
  // These need weight.
  double mean() const { return weighted_labels / weight; }
  double mean_offset() const { return offsets / weight; }
  double deviation() const { return std::sqrt(squares / weight); }
  // Of the labels, by unit of exposure.
  double rate() const { return weighted_labels / exposures; }
  friend bool operator==(const LabelSums&, const LabelSums&) = default;
};

// A model that tells no row from another, as it is fitted to the training rows.
struct Constant {
  std::vector<double> predictions;  // [outputs] without an offset
  double margin = 0.0;              // of the weighted rows, in all outputs
  double scale = 1.0;               // of the label, where a margin is measured in it
  // Root mean square of a row's gradient by the margin there, as far as it is one-sided: times
  // |a - b| / (a + b), a and b what the rows of either side have; of skewness g: |g| / sqrt(g^2 +
  // 4).
  double one_sided_gradient = 0.0;
};

struct Prior {
  std::vector<double> predictions = {0.5};  // Constant's
  double base_margin = 0.0;                 // where training begins
  double scale = 1.0;                       // Constant's
  double shift = 0.0;                       // what predictions add to their margin
  friend bool operator==(const Prior&, const Prior&) = default;
};

}  // namespace rubato
