#include "worker/compute/blas.h"

#include <cblas.h>

#include <limits>

#include "common/status.h"

namespace rubato {
namespace {

blasint ToInt(size_t n) {
  CHECK(n <= static_cast<size_t>(std::numeric_limits<blasint>::max()));
  return static_cast<blasint>(n);
}

// OpenBLAS wants a leading dimension of at least 1, also of an empty matrix.
blasint LeadingDimension(const ConstMatrix& m) { return ToInt(m.cols == 0 ? 1 : m.cols); }

CBLAS_TRANSPOSE Code(Transpose t) { return t == Transpose::kYes ? CblasTrans : CblasNoTrans; }

size_t Rows(const Operand& x) {
  return x.transpose == Transpose::kYes ? x.matrix.cols : x.matrix.rows;
}
size_t Cols(const Operand& x) {
  return x.transpose == Transpose::kYes ? x.matrix.rows : x.matrix.cols;
}

}  // namespace

void Multiply(Operand a, Operand b, float beta, Matrix c) {
  CHECK(Rows(a) == c.rows && Cols(a) == Rows(b) && Cols(b) == c.cols);
  if (c.rows == 0 || c.cols == 0) return;
  if (c.cols == 1 && Cols(a) > 0) {  // one column: GEMV is several times GEMM's rate
    cblas_sgemv(CblasRowMajor, Code(a.transpose), ToInt(a.matrix.rows), ToInt(a.matrix.cols), 1.0F,
                a.matrix.data, LeadingDimension(a.matrix), b.matrix.data, 1, beta, c.data, 1);
    return;
  }
  cblas_sgemm(CblasRowMajor, Code(a.transpose), Code(b.transpose), ToInt(c.rows), ToInt(c.cols),
              ToInt(Cols(a)), 1.0F, a.matrix.data, LeadingDimension(a.matrix), b.matrix.data,
              LeadingDimension(b.matrix), beta, c.data, LeadingDimension(c));
}

void UseOneBlasThread() { openblas_set_num_threads(1); }

}  // namespace rubato
