// Matrix products on a GPU: the one door to cublasLt.
//
// A MatmulPlan is made once for a shape, a precision and an epilogue: of the algorithms that
// cublasLt's heuristic offers it takes the first that runs, on memory of its own. A step only runs
// it again, which can be captured: kernels are loaded by then. Not the fastest by the clock, which
// would be another one, with other bits, from run to run. Matrices are row-major with a stride;
// every pointer is a multiple of 16 bytes.
//
// Sums are kept in single precision to the end, also where an algorithm cuts the inner dimension in
// parts, and an algorithm gives the same bits every time (cuBLAS, "Results Reproducibility").
//
// A BlasLt holds the workspace of the plans made with it: they run one after the other (one
// stream). Branches that run side by side need one each. It must outlive its plans.
#pragma once

#include <cublasLt.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

#include "absl/status/statusor.h"
#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/stream.h"
#include "worker/compute/matrix.h"
#include "worker/compute/precision.h"

namespace rubato {

template <auto kDestroy>
struct CublasDelete {
  template <class T>
  void operator()(T* object) const {
    static_cast<void>(kDestroy(object));
  }
};
template <class Handle, auto kDestroy>
using CublasOwned = std::unique_ptr<std::remove_pointer_t<Handle>, CublasDelete<kDestroy>>;

// What NVIDIA recommends for Hopper (cublasSetWorkspace); elsewhere 4 MiB would do.
inline constexpr size_t kWorkspaceBytes = size_t{32} << 20;

class BlasLt {
 public:
  static absl::StatusOr<BlasLt> Make();
  cublasLtHandle_t handle() const { return handle_.get(); }
  std::span<std::byte> workspace() { return {workspace_.data(), workspace_.size()}; }

 private:
  BlasLt() = default;
  CublasOwned<cublasLtHandle_t, cublasLtDestroy> handle_;
  DeviceArray<std::byte> workspace_;
};

// What is done to the product on its way to memory.
enum class Epilogue {
  kNone,              //
  kBias,              // d = d + bias
  kBiasRelu,          // d = max(d + bias, 0)
  kBiasReluMask,      // the same; the mask keeps where d > 0
  kReluMaskBiasSums,  // d = 0 where the mask says so; then bias = column sums of d
};

enum class Element { kF32, kBf16 };

// Elements from row to row of a matrix as it lies in memory, before any transpose.
struct MatmulInput {
  uint32_t stride = 0;
  Transpose transpose = Transpose::kNo;
};

// d [rows, cols] = op(a) [rows, inner] op(b) [inner, cols], or += that; all three sizes at least 1.
struct MatmulSpec {
  Precision precision = Precision::kF32;  // kBf16: a and b are
  uint32_t rows = 0;
  uint32_t cols = 0;
  uint32_t inner = 0;
  MatmulInput a;
  MatmulInput b;
  uint32_t d_stride = 0;
  Element d_element = Element::kF32;  // also the bias's (cublasLtMatmul, table of data types)
  Epilogue epilogue = Epilogue::kNone;
  bool adds = false;  // to what d holds
};

struct MatmulPointers {
  const void* a = nullptr;
  const void* b = nullptr;
  void* d = nullptr;
  void* bias = nullptr;  // [cols] read or written, as the epilogue has it
  void* mask = nullptr;  // MaskBytes()
};

// Of a mask for a matrix [rows, cols]: a bit an element, in cublasLt's own order.
size_t MaskBytes(uint32_t rows, uint32_t cols);

class MatmulPlan {
 public:
  // With an epilogue, any error may be for want of it: cublasLt says in more than one way that it
  // has no algorithm, and may say so when one runs. Not inside a capture: it allocates and waits.
  static absl::StatusOr<MatmulPlan> Make(BlasLt* blas, const MatmulSpec& spec);
  absl::Status Run(StreamView stream, const MatmulPointers& pointers);

 private:
  using Layout = CublasOwned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
  using Product = CublasOwned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;

  explicit MatmulPlan(const MatmulSpec& spec) : spec_(spec) {}
  absl::Status Describe();
  absl::Status DescribeEpilogue();
  absl::Status PointEpilogue(const MatmulPointers& pointers);
  absl::Status Choose();
  absl::Status Try(const Stream& stream, const MatmulPointers& pointers);

  MatmulSpec spec_;
  cublasLtHandle_t handle_ = nullptr;  // the BlasLt's
  std::span<std::byte> workspace_;     // the BlasLt's
  Product product_;
  Layout a_;
  Layout b_;
  Layout d_;
  cublasLtMatmulAlgo_t algorithm_{};
};

}  // namespace rubato
