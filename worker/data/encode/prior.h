// How often the label is 1, before anything else is known of a row: where a model's margin begins,
// and how its predictions come back to that level when training weighted the classes.
//
// A loss that weights rows of class k by w_k is smallest where the odds are w_1 / w_0 times the
// true ones (Elkan 2001, theorem 2; King and Zeng 2001, "prior correction"). So log(w_0 / w_1),
// added to the margin of such a model, gives probabilities again; their order stays as it was.
#pragma once

#include <array>

namespace rubato {

struct Prior {
  double positive_rate = 0.5;                  // of the training rows, between 0 and 1
  std::array<double, 2> weights = {1.0, 1.0};  // of a row with label 0, with label 1, in training
  bool corrected = true;                       // whether predictions are taken back to the rate

  float WeightOf(bool positive) const { return static_cast<float>(weights[positive ? 1 : 0]); }
  // Log odds of label 1 in the weighted training rows.
  double BaseMargin() const;
  // What predictions add to their margin.
  double Shift() const;
  // Root mean square of a row's gradient by the margin where all rows are at the base margin, as
  // far as it is one-sided: times |a - b| / (a + b), a and b what a row of either class has.
  double OneSidedGradient() const;
  // Mean log loss on the training rows, weights as in training, of predicting the rate always.
  double ConstantLoss() const;
  friend bool operator==(const Prior&, const Prior&) = default;
};

}  // namespace rubato
