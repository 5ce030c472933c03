#include "worker/compute/blas.h"

#include <cblas.h>
#include <sys/mman.h>

#include <limits>
#include <vector>

#include "common/status.h"

namespace rubato {
namespace {

// OpenBLAS maps 128 MiB, once, whatever the sizes; something more, as others map meanwhile.
constexpr size_t kWorkSpaceBytes = size_t{136} << 20;

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

absl::Status StartBlas() {
  openblas_set_num_threads(1);
  void* room =
      mmap(nullptr, kWorkSpaceBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "not enough memory for the work space of matrix products, %d MiB of addresses; raise the "
        "limit (ulimit -v)",
        kWorkSpaceBytes >> 20));
  }
  munmap(room, kWorkSpaceBytes);
  constexpr size_t kSize = 128;  // no small product, which may do without work space
  const std::vector<float> ones(kSize * kSize, 1.0F);
  std::vector<float> product(kSize * kSize);
  Multiply({.matrix = {ones.data(), kSize, kSize}}, {.matrix = {ones.data(), kSize, kSize}}, 0.0F,
           {product.data(), kSize, kSize});
  return absl::OkStatus();
}

}  // namespace rubato
