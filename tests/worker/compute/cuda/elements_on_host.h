// Activations of tests: floats as the elements that a kernel computes with, and back.
#pragma once

#include <cuda_bf16.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace rubato {

template <class T>
std::vector<T> ToElements(const std::vector<float>& values) {
  std::vector<T> elements;
  elements.reserve(values.size());
  for (const float v : values) elements.push_back(static_cast<T>(v));
  return elements;
}

template <class T>
std::vector<float> ToFloats(const std::vector<T>& elements) {
  std::vector<float> values;
  values.reserve(elements.size());
  for (const T& e : elements) values.push_back(static_cast<float>(e));
  return values;
}

// Rows that begin where wide reads are allowed.
inline uint32_t AlignedStride(uint32_t width) { return (width + 7) / 8 * 8; }

inline std::vector<float> NotWritten(size_t n) {
  return std::vector<float>(n, std::numeric_limits<float>::quiet_NaN());
}

// Largest relative error of one rounding to T.
template <class T>
inline constexpr double kRounding = 0x1p-24;
template <>
inline constexpr double kRounding<__nv_bfloat16> = 0x1p-8;

// A sum as a test computes it, and how far from it float arithmetic can get in any order of
// additions: each of n terms is rounded once as a product and n - 1 times in sums at most (Higham
// 2002, "Accuracy and Stability of Numerical Algorithms", section 4.2).
struct ExactSum {
  double value = 0;
  double magnitude = 0;  // sum of the terms' absolute values
  double terms = 0;

  void Add(double term) {
    value += term;
    magnitude += std::abs(term);
    terms += 1;
  }
  double tolerance() const { return 1.01 * (terms + 1) * 0x1p-24 * magnitude; }
};

}  // namespace rubato
