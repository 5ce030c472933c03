// Matrices for tests of dense layers: random ones that a device's elements can hold exactly, their
// products in double precision, and how far a device's may lie from those.
#pragma once

#include <cuda_bf16.h>

#include <cmath>
#include <limits>
#include <vector>

#include "common/base/env.h"
#include "tests/worker/compute/cuda/cuda_fixture.h"
#include "worker/compute/cpu/blas.h"
#include "worker/compute/cuda/kernels/features.h"
#include "worker/compute/precision.h"

namespace rubato {

inline float WidenedElement(float v) { return v; }
inline float WidenedElement(__nv_bfloat16 v) { return __bfloat162float(v); }
template <class T>
T NarrowedElement(float v) {
  if constexpr (std::is_same_v<T, float>)
    return v;
  else
    return __float2bfloat16(v);
}

// [rows, cols] row-major, without padding.
struct Doubles {
  size_t rows = 0;
  size_t cols = 0;
  std::vector<double> values;
  Doubles(size_t r, size_t c) : rows(r), cols(c), values(r * c) {}
  double& operator()(size_t r, size_t c) { return values[r * cols + c]; }
  double operator()(size_t r, size_t c) const { return values[r * cols + c]; }
};

inline Doubles Transposed(const Doubles& m) {
  Doubles out(m.cols, m.rows);
  for (size_t r = 0; r < m.rows; ++r) {
    for (size_t c = 0; c < m.cols; ++c) out(c, r) = m(r, c);
  }
  return out;
}

inline Doubles Product(const Doubles& a, const Doubles& b) {
  Doubles out(a.rows, b.cols);
  for (size_t r = 0; r < a.rows; ++r) {
    for (size_t k = 0; k < a.cols; ++k) {
      for (size_t c = 0; c < b.cols; ++c) out(r, c) += a(r, k) * b(k, c);
    }
  }
  return out;
}

inline Doubles Magnitudes(Doubles m) {
  for (double& v : m.values) v = std::abs(v);
  return m;
}

inline Doubles ColumnSumsOf(const Doubles& m) {
  Doubles out(1, m.cols);
  for (size_t r = 0; r < m.rows; ++r) {
    for (size_t c = 0; c < m.cols; ++c) out(0, c) += m(r, c);
  }
  return out;
}

// What the device has to come to, and the sum of the magnitudes of all that was added up there:
// rounding errors are a share of that, however much cancels.
struct Expected {
  Doubles value;
  Doubles magnitude;
};

inline Expected ExpectedProduct(const Doubles& a, const Doubles& b) {
  return {Product(a, b), Product(Magnitudes(a), Magnitudes(b))};
}

// Share of the magnitude by which a sum of a few hundred products may be off.
inline double ProductTolerance(Precision precision) {
  // Additions in single precision, 2^-24 each, of either sign.
  if (precision != Precision::kTf32) return 1e-5;
  // And both factors are cut to 11 significant bits, 2^-10 each at most.
  return 2e-3;
}

// The same of a result that is stored as an element of T: a bfloat16 is off by 2^-8 at most, and
// without a fused epilogue a value is stored twice.
template <class T>
double StoredTolerance(Precision precision) {
  return std::is_same_v<T, float> ? ProductTolerance(precision) : 1e-2;
}

inline void ExpectClose(const Doubles& got, const Expected& want, double tolerance) {
  ASSERT_EQ(got.rows, want.value.rows);
  ASSERT_EQ(got.cols, want.value.cols);
  for (size_t r = 0; r < got.rows; ++r) {
    for (size_t c = 0; c < got.cols; ++c) {
      ASSERT_NEAR(got(r, c), want.value(r, c), tolerance * want.magnitude(r, c))
          << "row " << r << ", column " << c;
    }
  }
}

class DenseTest : public CudaTest {
 public:
  // A matrix in device memory; its padding is NaN.
  template <class T>
  struct Held {
    DeviceArray<T> memory;
    uint32_t rows = 0;
    uint32_t cols = 0;
    uint32_t stride() const { return (cols + 7) / 8 * 8; }
    DeviceMatrix<T> view() { return {memory.data(), rows, cols, stride()}; }
  };

 protected:
  static constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

  template <class T>
  Held<T> Hold(const Doubles& m) {
    Held<T> held{{}, static_cast<uint32_t>(m.rows), static_cast<uint32_t>(m.cols)};
    held.memory = Upload(Elements<T>(m, held.stride()));
    return held;
  }
  // Every element NaN, to be written.
  template <class T>
  Held<T> HoldNothing(size_t rows, size_t cols) {
    Doubles nothing(rows, cols);
    std::fill(nothing.values.begin(), nothing.values.end(), kNan);
    return Hold<T>(nothing);
  }
  template <class T>
  void Replace(Held<T>& held, const Doubles& m) {
    Overwrite(held.memory, Elements<T>(m, held.stride()));
  }
  template <class T>
  Doubles Read(const Held<T>& held) {
    return Read(held.memory, held.rows, held.cols, held.stride());
  }
  template <class T>
  Doubles Read(const DeviceArray<T>& memory, size_t rows, size_t cols, size_t stride) {
    const std::vector<T> values = Download(memory);
    Doubles m(rows, cols);
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < cols; ++c) m(r, c) = double{WidenedElement(values[r * stride + c])};
    }
    return m;
  }

  // Without padding, as weights and their slopes lie.
  template <class T>
  DeviceArray<T> HoldDense(const Doubles& m) {
    return Upload(Elements<T>(m, m.cols));
  }
  DeviceArray<float> HoldNaNs(size_t size) { return Upload(std::vector<float>(size, kNan)); }

  // Normal, and elements of T.
  template <class T>
  Doubles Random(size_t rows, size_t cols, Rng* rng) {
    Doubles m(rows, cols);
    for (double& v : m.values) {
      v = double{WidenedElement(NarrowedElement<T>(static_cast<float>(rng->Normal())))};
    }
    return m;
  }

  template <class T>
  static std::vector<T> Elements(const Doubles& m, size_t stride) {
    std::vector<T> values(m.rows * stride, NarrowedElement<T>(kNan));
    for (size_t r = 0; r < m.rows; ++r) {
      for (size_t c = 0; c < m.cols; ++c) {
        values[r * stride + c] = NarrowedElement<T>(static_cast<float>(m(r, c)));
      }
    }
    return values;
  }
};

}  // namespace rubato
