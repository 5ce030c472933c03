// Dense single-precision products: the one door to OpenBLAS.
//
// A matrix is a view of contiguous row-major floats. OpenBLAS's own threads are left unused: a
// worker is one compute thread, and a host runs several workers.
#pragma once

#include <cstddef>

#include "absl/status/status.h"

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

// c = op(a) op(b) + beta c. c must not overlap a or b. An empty inner dimension gives beta c.
void Multiply(Operand a, Operand b, float beta, Matrix c);

// Loads OpenBLAS, keeps it to the calling thread, and gives it its work space now:
// ResourceExhausted when there is no room for it, FailedPrecondition where it is not installed. To
// be called before the first product, which would end the process instead.
absl::Status StartBlas();

}  // namespace rubato
