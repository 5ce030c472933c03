#include "worker/compute/cpu/row_product.h"

#include "common/base/status.h"

// This file is compiled once for every vector width, by including itself.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/compute/cpu/row_product.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rubato {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Two vectors of columns of one row, or of four at once: so many sums hide the latency of an
// addition.
template <class D>
HWY_INLINE void AddOneRow(D d, const float* x, ConstMatrix w, const float* panel, float* y) {
  const size_t lanes = hn::Lanes(d);
  auto a = hn::LoadU(d, y);
  auto b = hn::LoadU(d, y + lanes);
  for (size_t k = 0; k < w.rows; ++k, panel += w.cols) {
    const auto value = hn::Set(d, x[k]);
    a = hn::Add(a, hn::Mul(value, hn::LoadU(d, panel)));
    b = hn::Add(b, hn::Mul(value, hn::LoadU(d, panel + lanes)));
  }
  hn::StoreU(a, d, y);
  hn::StoreU(b, d, y + lanes);
}

template <class D>
HWY_INLINE void AddFourRows(D d, const float* x, ConstMatrix w, const float* panel, float* y) {
  const size_t lanes = hn::Lanes(d);
  const size_t in = w.rows;
  const size_t out = w.cols;
  auto a0 = hn::LoadU(d, y), b0 = hn::LoadU(d, y + lanes);
  auto a1 = hn::LoadU(d, y + out), b1 = hn::LoadU(d, y + out + lanes);
  auto a2 = hn::LoadU(d, y + 2 * out), b2 = hn::LoadU(d, y + 2 * out + lanes);
  auto a3 = hn::LoadU(d, y + 3 * out), b3 = hn::LoadU(d, y + 3 * out + lanes);
  for (size_t k = 0; k < in; ++k, panel += out) {
    const auto u = hn::LoadU(d, panel);
    const auto v = hn::LoadU(d, panel + lanes);
    const auto x0 = hn::Set(d, x[k]);
    const auto x1 = hn::Set(d, x[in + k]);
    const auto x2 = hn::Set(d, x[2 * in + k]);
    const auto x3 = hn::Set(d, x[3 * in + k]);
    a0 = hn::Add(a0, hn::Mul(x0, u)), b0 = hn::Add(b0, hn::Mul(x0, v));
    a1 = hn::Add(a1, hn::Mul(x1, u)), b1 = hn::Add(b1, hn::Mul(x1, v));
    a2 = hn::Add(a2, hn::Mul(x2, u)), b2 = hn::Add(b2, hn::Mul(x2, v));
    a3 = hn::Add(a3, hn::Mul(x3, u)), b3 = hn::Add(b3, hn::Mul(x3, v));
  }
  hn::StoreU(a0, d, y), hn::StoreU(b0, d, y + lanes);
  hn::StoreU(a1, d, y + out), hn::StoreU(b1, d, y + out + lanes);
  hn::StoreU(a2, d, y + 2 * out), hn::StoreU(b2, d, y + 2 * out + lanes);
  hn::StoreU(a3, d, y + 3 * out), hn::StoreU(b3, d, y + 3 * out + lanes);
}

// The columns from `column` on, as many as fill pairs of vectors; returns the first one left.
template <class D>
HWY_INLINE size_t AddPanels(D d, ConstMatrix x, ConstMatrix w, size_t column, Matrix y) {
  const size_t width = 2 * hn::Lanes(d);
  for (; column + width <= w.cols; column += width) {
    const float* const panel = w.data + column;
    size_t r = 0;
    for (; r + 4 <= x.rows; r += 4) {
      AddFourRows(d, x.data + r * x.cols, w, panel, y.data + r * y.cols + column);
    }
    for (; r < x.rows; ++r) {
      AddOneRow(d, x.data + r * x.cols, w, panel, y.data + r * y.cols + column);
    }
  }
  return column;
}

// One column, eight rows at a time.
HWY_INLINE void AddColumn(ConstMatrix x, ConstMatrix w, size_t column, Matrix y) {
  constexpr size_t kRows = 8;
  for (size_t begin = 0; begin < x.rows; begin += kRows) {
    const size_t rows = HWY_MIN(kRows, x.rows - begin);
    float sum[kRows] = {};
    for (size_t r = 0; r < rows; ++r) sum[r] = y.data[(begin + r) * y.cols + column];
    const float* const at = x.data + begin * x.cols;
    for (size_t k = 0; k < x.cols; ++k) {
      const float weight = w.data[k * w.cols + column];
      for (size_t r = 0; r < rows; ++r) sum[r] += at[r * x.cols + k] * weight;
    }
    for (size_t r = 0; r < rows; ++r) y.data[(begin + r) * y.cols + column] = sum[r];
  }
}

void AddProducts(ConstMatrix x, ConstMatrix w, Matrix y) {
  size_t column = AddPanels(hn::ScalableTag<float>(), x, w, 0, y);
  column = AddPanels(hn::CappedTag<float, 4>(), x, w, column, y);
  for (; column < w.cols; ++column) AddColumn(x, w, column, y);
}

}  // namespace HWY_NAMESPACE
}  // namespace rubato
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rubato {

HWY_EXPORT(AddProducts);

void AddRowProducts(ConstMatrix x, ConstMatrix w, Matrix y) {
  CHECK(x.rows == y.rows && x.cols == w.rows && w.cols == y.cols);
  HWY_DYNAMIC_DISPATCH(AddProducts)(x, w, y);
}

}  // namespace rubato
#endif
