#include "worker/compute/cpu/blas.h"

#include <cblas.h>
#include <dlfcn.h>
#include <sys/mman.h>

#include <cstdlib>
#include <limits>
#include <vector>

#include "common/base/status.h"

namespace rubato {
namespace {

// OpenBLAS maps 128 MiB as work space for the first product, whatever its size, and about 40 MiB of
// itself; newer ones (0.3.29) map 128 MiB more as they are loaded. Something more, as others map
// meanwhile.
constexpr size_t kProductBytes = size_t{136} << 20;
constexpr size_t kLoadBytes = size_t{176} << 20;

struct Blas {
  decltype(&cblas_sgemm) sgemm;
  decltype(&cblas_sgemv) sgemv;
};

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

// It would ask for ever.
absl::Status CheckRoom(size_t bytes) {
  void* room = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "not enough memory for matrix products, %d MiB of addresses; raise the limit (ulimit -v)",
        bytes >> 20));
  }
  munmap(room, bytes);
  return absl::OkStatus();
}

// Loaded here and not linked: as a library of the program it would start threads and ask for memory
// before main, with no time to settle either.
absl::StatusOr<Blas> Load() {
  RETURN_IF_ERROR(CheckRoom(kLoadBytes));
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  void* const library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "matrix products need OpenBLAS (%s); install libopenblas0-pthread", dlerror()));
  }
  const Blas blas{reinterpret_cast<decltype(Blas::sgemm)>(dlsym(library, "cblas_sgemm")),
                  reinterpret_cast<decltype(Blas::sgemv)>(dlsym(library, "cblas_sgemv"))};
  CHECK(blas.sgemm != nullptr && blas.sgemv != nullptr);
  RETURN_IF_ERROR(CheckRoom(kProductBytes));
  return blas;
}

const absl::StatusOr<Blas>& Loaded() {
  static const absl::StatusOr<Blas> loaded = Load();
  return loaded;
}

}  // namespace

void Multiply(Operand a, Operand b, float beta, Matrix c) {
  CHECK(Rows(a) == c.rows && Cols(a) == Rows(b) && Cols(b) == c.cols);
  if (c.rows == 0 || c.cols == 0) return;
  CHECK(Loaded().ok());
  if (c.cols == 1 && Cols(a) > 0) {  // one column: GEMV is several times GEMM's rate
    Loaded()->sgemv(CblasRowMajor, Code(a.transpose), ToInt(a.matrix.rows), ToInt(a.matrix.cols),
                    1.0F, a.matrix.data, LeadingDimension(a.matrix), b.matrix.data, 1, beta, c.data,
                    1);
    return;
  }
  Loaded()->sgemm(CblasRowMajor, Code(a.transpose), Code(b.transpose), ToInt(c.rows), ToInt(c.cols),
                  ToInt(Cols(a)), 1.0F, a.matrix.data, LeadingDimension(a.matrix), b.matrix.data,
                  LeadingDimension(b.matrix), beta, c.data, LeadingDimension(c));
}

absl::Status StartBlas() {
  constexpr size_t kSize = 128;  // no small product, which may do without work space
  const std::vector<float> ones(kSize * kSize, 1.0F);
  std::vector<float> product(kSize * kSize);
  // After these: a heap that grows for them, by 64 MiB at a time where messages are kept
  // (common/wire/freed_memory.cc), may take the room that was looked for.
  RETURN_IF_ERROR(Loaded().status());
  Multiply({.matrix = {ones.data(), kSize, kSize}}, {.matrix = {ones.data(), kSize, kSize}}, 0.0F,
           {product.data(), kSize, kSize});
  return absl::OkStatus();
}

}  // namespace rubato
