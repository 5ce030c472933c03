// Views of contiguous row-major floats, for products on any device.
#pragma once

#include <cstddef>

namespace rubato {

struct ConstMatrix {
  const float* data = nullptr;  // [rows, cols] row-major
  size_t rows = 0;
  size_t cols = 0;
};

struct Matrix {
  float* data = nullptr;  // [rows, cols] row-major
  size_t rows = 0;
  size_t cols = 0;
  operator ConstMatrix() const { return {data, rows, cols}; }
};

enum class Transpose { kNo, kYes };

struct Operand {
  ConstMatrix matrix;
  Transpose transpose = Transpose::kNo;
};

}  // namespace rubato
