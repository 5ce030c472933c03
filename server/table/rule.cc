#include "server/table/rule.h"

#include <cmath>

// This file is compiled once for every vector width, by including itself.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/table/rule.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rubato {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Against plain loops at -O2 (bench/optimizer_bench.cc, AVX-512 machine, rows in cache): AdaGrad at
// dim 16 199 instead of 28 M rows/s, Adam 70 instead of 13, FTRL 125 instead of 11, SGD 349 instead
// of 113; one block of 65,536 weights 4 to 13 times faster, at 0.6 to 1.0 of memcpy. At dim 1 plain
// loops are as good.
//
// The step of a rule, one for each of kUpdateRules. It is made for one row and steps Lanes(d) of
// its weights: w, g and slots point at the first of them, and slot k lies at slots + k * dim.
// gradient + l2 * weight is `regularized` throughout.

template <OptimizerKind kind>
struct Step;

template <>
struct Step<OptimizerKind::kSgd> {
  Step(const Rule& rule, const float*, size_t) : rate(rule.spec.learning_rate), l2(rule.spec.l2) {}

  template <class D>
  HWY_INLINE void operator()(D d, float* w, float*, const float* g) const {
    const auto old = hn::LoadU(d, w);
    const auto regularized = hn::Add(hn::LoadU(d, g), hn::Mul(hn::Set(d, l2), old));
    hn::StoreU(hn::Sub(old, hn::Mul(hn::Set(d, rate), regularized)), d, w);
  }

  float rate, l2;
};

template <>
struct Step<OptimizerKind::kMomentum> {
  Step(const Rule& rule, const float*, size_t)
      : rate(rule.spec.learning_rate), l2(rule.spec.l2), momentum(rule.spec.momentum) {}

  template <class D>
  HWY_INLINE void operator()(D d, float* w, float* slots, const float* g) const {
    const auto old = hn::LoadU(d, w);
    const auto regularized = hn::Add(hn::LoadU(d, g), hn::Mul(hn::Set(d, l2), old));
    const auto v = hn::Add(hn::Mul(hn::Set(d, momentum), hn::LoadU(d, slots)), regularized);
    hn::StoreU(v, d, slots);
    hn::StoreU(hn::Sub(old, hn::Mul(hn::Set(d, rate), v)), d, w);
  }

  float rate, l2, momentum;
};

template <>
struct Step<OptimizerKind::kAdagrad> {
  Step(const Rule& rule, const float*, size_t)
      : rate(rule.spec.learning_rate), l2(rule.spec.l2), epsilon(rule.spec.epsilon) {}

  template <class D>
  HWY_INLINE void operator()(D d, float* w, float* slots, const float* g) const {
    const auto old = hn::LoadU(d, w);
    const auto regularized = hn::Add(hn::LoadU(d, g), hn::Mul(hn::Set(d, l2), old));
    const auto sum = hn::Add(hn::LoadU(d, slots), hn::Mul(regularized, regularized));
    hn::StoreU(sum, d, slots);
    const auto scale = hn::Add(hn::Sqrt(sum), hn::Set(d, epsilon));
    hn::StoreU(hn::Sub(old, hn::Div(hn::Mul(hn::Set(d, rate), regularized), scale)), d, w);
  }

  float rate, l2, epsilon;
};

// The step count of the row is its last slot; making the step counts one more. A float counts
// exactly to 2^24 and stays there: by then both corrections are 1 unless a beta is above 0.999999.
template <>
struct Step<OptimizerKind::kAdam> {
  Step(const Rule& rule, float* slots, size_t dim_of_row)
      : spec(rule.spec), dim(dim_of_row), keep(1.0F - spec.learning_rate * spec.l2) {
    float& steps = slots[2 * dim];
    steps += 1.0F;
    const auto n = static_cast<uint32_t>(steps);
    rate = static_cast<float>(double{spec.learning_rate} / (1.0 - rule.beta1.Power(n)));
    scale = static_cast<float>(1.0 / std::sqrt(1.0 - rule.beta2.Power(n)));
  }

  template <class D>
  HWY_INLINE void operator()(D d, float* w, float* slots, const float* g) const {
    const auto gradient = hn::LoadU(d, g);
    const auto square = hn::Mul(gradient, gradient);
    const auto m = Blend(d, spec.beta1, slots, gradient);
    const auto v = Blend(d, spec.beta2, slots + dim, square);
    const auto root = hn::Add(hn::Mul(hn::Sqrt(v), hn::Set(d, scale)), hn::Set(d, spec.epsilon));
    const auto step = hn::Div(hn::Mul(hn::Set(d, rate), m), root);
    hn::StoreU(hn::Sub(hn::Mul(hn::Set(d, keep), hn::LoadU(d, w)), step), d, w);
  }

  // moment := beta moment + (1 - beta) sample
  template <class D, class V>
  static HWY_INLINE V Blend(D d, float beta, float* moment, V sample) {
    const V kept = hn::Mul(hn::Set(d, beta), hn::LoadU(d, moment));
    const V blend = hn::Add(kept, hn::Mul(hn::Set(d, 1.0F - beta), sample));
    hn::StoreU(blend, d, moment);
    return blend;
  }

  const OptimizerSpec& spec;
  size_t dim;
  float keep;   // what decay leaves of a weight
  float rate;   // learning rate, corrected for the first moment
  float scale;  // of sqrt(v), corrected for the second
};

// Slots are z, then n.
template <>
struct Step<OptimizerKind::kFtrl> {
  Step(const Rule& rule, const float*, size_t dim_of_row)
      : dim(dim_of_row), inverse_rate(rule.inverse_rate), l1(rule.spec.l1), l2(rule.spec.l2) {}

  template <class D>
  HWY_INLINE void operator()(D d, float* w, float* slots, const float* g) const {
    const auto gradient = hn::LoadU(d, g);
    const auto inverse = hn::Set(d, inverse_rate);
    const auto before = hn::LoadU(d, slots + dim);
    const auto after = hn::Add(before, hn::Mul(gradient, gradient));
    const auto root = hn::Sqrt(after);
    const auto sigma = hn::Mul(hn::Sub(root, hn::Sqrt(before)), inverse);
    const auto drift = hn::Sub(gradient, hn::Mul(sigma, hn::LoadU(d, w)));
    const auto z = hn::Add(hn::LoadU(d, slots), drift);
    hn::StoreU(after, d, slots + dim);
    hn::StoreU(z, d, slots);
    const auto excess = hn::Max(hn::Sub(hn::Abs(z), hn::Set(d, l1)), hn::Zero(d));
    const auto one_plus = hn::Mul(hn::Add(hn::Set(d, 1.0F), root), inverse);
    const auto size = hn::Div(excess, hn::Add(one_plus, hn::Set(d, l2)));
    hn::StoreU(hn::CopySign(size, hn::Neg(z)), d, w);
  }

  size_t dim;
  float inverse_rate, l1, l2;
};

// Whole vectors, then fours, then ones: the same operations on each weight whichever it meets.
template <class RowStep>
HWY_INLINE void StepRowAs(const Rule& rule, float* w, float* slots, const float* g, size_t dim) {
  const RowStep step(rule, slots, dim);
  const hn::ScalableTag<float> all;
  const hn::CappedTag<float, 4> four;
  const hn::CappedTag<float, 1> one;
  size_t i = 0;
  for (; i + hn::Lanes(all) <= dim; i += hn::Lanes(all)) step(all, w + i, slots + i, g + i);
  for (; i + hn::Lanes(four) <= dim; i += hn::Lanes(four)) step(four, w + i, slots + i, g + i);
  for (; i < dim; ++i) step(one, w + i, slots + i, g + i);
}

template <class RowStep>
void StepRowsAs(const Rule& rule, std::span<float* const> rows, size_t dim, const float* g) {
  if (dim == 1) {
    const hn::CappedTag<float, 1> one;
    for (float* row : rows) RowStep(rule, row + 1, 1)(one, row, row + 1, g++);
    return;
  }
  for (float* row : rows) {
    StepRowAs<RowStep>(rule, row, row + dim, g, dim);
    g += dim;
  }
}

void StepRows(const Rule& rule, std::span<float* const> rows, size_t dim, const float* g) {
  WithKind(rule.spec.kind, [&](auto kind) { StepRowsAs<Step<kind()>>(rule, rows, dim, g); });
}

}  // namespace HWY_NAMESPACE
}  // namespace rubato
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rubato {

HWY_EXPORT(StepRows);

void StepRows(const Rule& rule, std::span<float* const> rows, size_t dim, const float* gradients) {
  HWY_DYNAMIC_DISPATCH(StepRows)(rule, rows, dim, gradients);
}

}  // namespace rubato
#endif
