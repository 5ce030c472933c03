// How large the label is before anything is known of a row: what is counted of it, where a model's
// margin begins, and how predictions come back to that level when training weighted the classes.
//
// A loss that weights rows of class k by w_k is smallest where the odds are w_1 / w_0 times the
// true ones (Elkan 2001, theorem 2; King and Zeng 2001, "prior correction"). So log(w_0 / w_1),
// added to the margin of such a model, gives probabilities again; their order stays as it was.
#pragma once

#include <array>
#include <cstdint>

namespace rubato {

// What a row with label 0, and one with label 1, counts for in training.
using ClassWeights = std::array<double, 2>;

// Of the labels of some rows, and of what the rows add to their margin.
struct LabelSums {
  uint64_t rows = 0;
  double labels = 0.0;  // of labels 0 and 1: rows with label 1
  double offsets = 0.0;
  void Add(float label, float offset) {
    ++rows;
    labels += static_cast<double>(label);
    offsets += static_cast<double>(offset);
  }
  // Both need rows.
  double mean() const { return labels / static_cast<double>(rows); }
  double mean_offset() const { return offsets / static_cast<double>(rows); }
  friend bool operator==(const LabelSums&, const LabelSums&) = default;
};

// A model that tells no row from another, as it is fitted to the training rows.
struct Constant {
  double prediction = 0.5;  // without an offset
  double margin = 0.0;      // of the weighted rows
  // Root mean square of a row's gradient by the margin there, as far as it is one-sided: times
  // |a - b| / (a + b), a and b what the rows of either side have; of skewness g: |g| / sqrt(g^2 +
  // 4).
  double one_sided_gradient = 0.0;
};

struct Prior {
  double prediction = 0.5;   // Constant's
  double base_margin = 0.0;  // where training begins
  double shift = 0.0;        // what predictions add to their margin
  friend bool operator==(const Prior&, const Prior&) = default;
};

}  // namespace rubato
