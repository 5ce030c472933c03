#include "worker/compute/cuda/device/blas_lt.h"

#include <array>
#include <span>

#include "common/base/status.h"
#include "worker/compute/cuda/device/cublas_status.h"

namespace rubato {
namespace {

// A row-major matrix is the column-major one of its transpose, and d^T = op(b)^T op(a)^T: our b is
// cublasLt's A, our a its B, both keep their op, and what is a bias of columns for us is one of
// rows for cublasLt, the only kind its epilogues know.

constexpr uint32_t kAlignment = 16;
constexpr int kMostAlgorithms = 8;  // that are tried
// Bits; cublasLt asks for a multiple (CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD).
constexpr uint32_t kMaskStrideStep = 128;

uint32_t MaskStride(uint32_t cols) {
  return (cols + kMaskStrideStep - 1) / kMaskStrideStep * kMaskStrideStep;
}

cudaDataType_t InputType(Precision precision) {
  return precision == Precision::kBf16 ? CUDA_R_16BF : CUDA_R_32F;
}

cudaDataType_t OutputType(Element element) {
  return element == Element::kBf16 ? CUDA_R_16BF : CUDA_R_32F;
}

cublasComputeType_t ComputeType(Precision precision) {
  return precision == Precision::kTf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

cublasOperation_t OperationOf(Transpose transpose) {
  return transpose == Transpose::kYes ? CUBLAS_OP_T : CUBLAS_OP_N;
}

cublasLtEpilogue_t CublasEpilogue(Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::kNone:
      return CUBLASLT_EPILOGUE_DEFAULT;
    case Epilogue::kBias:
      return CUBLASLT_EPILOGUE_BIAS;
    case Epilogue::kBiasRelu:
      return CUBLASLT_EPILOGUE_RELU_BIAS;
    case Epilogue::kBiasReluMask:
      return CUBLASLT_EPILOGUE_RELU_AUX_BIAS;
    case Epilogue::kReluMaskBiasSums:
      return CUBLASLT_EPILOGUE_DRELU_BGRAD;
  }
  CHECK(false);
}

bool HasMask(Epilogue epilogue) {
  return epilogue == Epilogue::kBiasReluMask || epilogue == Epilogue::kReluMaskBiasSums;
}

bool IsAligned(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer) % kAlignment == 0;
}

template <class T>
absl::Status Set(cublasLtMatmulDesc_t product, cublasLtMatmulDescAttributes_t attribute, T value) {
  RETURN_IF_CUBLAS_ERROR(cublasLtMatmulDescSetAttribute(product, attribute, &value, sizeof value));
  return absl::OkStatus();
}

template <class T>
absl::Status Set(cublasLtMatmulPreference_t preference,
                 cublasLtMatmulPreferenceAttributes_t attribute, T value) {
  RETURN_IF_CUBLAS_ERROR(
      cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value));
  return absl::OkStatus();
}

// `rows` and `cols` as the row-major matrix has them.
absl::StatusOr<cublasLtMatrixLayout_t> MakeLayout(cudaDataType_t type, uint32_t rows, uint32_t cols,
                                                  uint32_t stride) {
  CHECK(rows > 0 && cols > 0 && stride >= cols);
  cublasLtMatrixLayout_t layout = nullptr;
  RETURN_IF_CUBLAS_ERROR(cublasLtMatrixLayoutCreate(&layout, type, cols, rows, int64_t{stride}));
  return layout;
}

// Of an input whose op() is [rows, cols].
absl::StatusOr<cublasLtMatrixLayout_t> MakeInputLayout(cudaDataType_t type, uint32_t rows,
                                                       uint32_t cols, const MatmulInput& input) {
  if (input.transpose == Transpose::kYes) return MakeLayout(type, cols, rows, input.stride);
  return MakeLayout(type, rows, cols, input.stride);
}

using Preference = CublasOwned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

absl::StatusOr<Preference> MakePreference(uint64_t workspace_bytes) {
  cublasLtMatmulPreference_t made = nullptr;
  RETURN_IF_CUBLAS_ERROR(cublasLtMatmulPreferenceCreate(&made));
  Preference preference(made);
  RETURN_IF_ERROR(Set(made, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes));
  // Not INPLACE or OUTPUT_TYPE, which would add up parts in bfloat16.
  RETURN_IF_ERROR(Set(made, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                      uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE}));
  for (const auto attribute :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    RETURN_IF_ERROR(Set(made, attribute, kAlignment));
  }
  return preference;
}

size_t BytesOf(Element element) { return element == Element::kBf16 ? 2 : 4; }

// Of an input whose op() is [rows, cols].
size_t InputBytes(Precision precision, uint32_t rows, uint32_t cols, const MatmulInput& input) {
  const size_t stored_rows = input.transpose == Transpose::kYes ? cols : rows;
  return stored_rows * input.stride *
         BytesOf(precision == Precision::kBf16 ? Element::kBf16 : Element::kF32);
}

// Memory that a product can run on, zeros all of it.
class TrialMemory {
 public:
  static absl::StatusOr<TrialMemory> Make(StreamView stream, const MatmulSpec& spec) {
    const std::array<size_t, 5> bytes = {
        InputBytes(spec.precision, spec.rows, spec.inner, spec.a),
        InputBytes(spec.precision, spec.inner, spec.cols, spec.b),
        size_t{spec.rows} * spec.d_stride * BytesOf(spec.d_element),
        spec.epilogue == Epilogue::kNone ? 0 : spec.cols * BytesOf(spec.d_element),
        HasMask(spec.epilogue) ? MaskBytes(spec.rows, spec.cols) : 0};
    TrialMemory memory;
    for (size_t i = 0; i < bytes.size(); ++i) {
      ASSIGN_OR_RETURN(memory.parts_[i], DeviceArray<std::byte>::Make(bytes[i]));
      RETURN_IF_ERROR(ZeroAsync(stream, memory.parts_[i].data(), bytes[i]));
    }
    return memory;
  }
  MatmulPointers pointers() {
    return {.a = parts_[0].data(),
            .b = parts_[1].data(),
            .d = parts_[2].data(),
            .bias = parts_[3].data(),
            .mask = parts_[4].data()};
  }

 private:
  std::array<DeviceArray<std::byte>, 5> parts_;  // a, b, d, bias, mask
};

}  // namespace

absl::StatusOr<BlasLt> BlasLt::Make() {
  BlasLt blas;
  cublasLtHandle_t handle = nullptr;
  RETURN_IF_CUBLAS_ERROR(cublasLtCreate(&handle));
  blas.handle_.reset(handle);
  ASSIGN_OR_RETURN(blas.workspace_, DeviceArray<std::byte>::Make(kWorkspaceBytes));
  return blas;
}

size_t MaskBytes(uint32_t rows, uint32_t cols) { return size_t{rows} * (MaskStride(cols) / 8); }

absl::StatusOr<MatmulPlan> MatmulPlan::Make(BlasLt* blas, const MatmulSpec& spec) {
  MatmulPlan plan(spec);
  plan.handle_ = blas->handle();
  plan.workspace_ = blas->workspace();
  RETURN_IF_ERROR(plan.Describe());
  RETURN_IF_ERROR(plan.DescribeEpilogue());
  RETURN_IF_ERROR(plan.Choose());
  return plan;
}

absl::Status MatmulPlan::Describe() {
  cublasLtMatmulDesc_t product = nullptr;
  RETURN_IF_CUBLAS_ERROR(
      cublasLtMatmulDescCreate(&product, ComputeType(spec_.precision), CUDA_R_32F));
  product_.reset(product);
  RETURN_IF_ERROR(Set(product, CUBLASLT_MATMUL_DESC_TRANSA, OperationOf(spec_.b.transpose)));
  RETURN_IF_ERROR(Set(product, CUBLASLT_MATMUL_DESC_TRANSB, OperationOf(spec_.a.transpose)));
  const cudaDataType_t type = InputType(spec_.precision);
  ASSIGN_OR_RETURN(const cublasLtMatrixLayout_t b,
                   MakeInputLayout(type, spec_.inner, spec_.cols, spec_.b));
  b_.reset(b);
  ASSIGN_OR_RETURN(const cublasLtMatrixLayout_t a,
                   MakeInputLayout(type, spec_.rows, spec_.inner, spec_.a));
  a_.reset(a);
  ASSIGN_OR_RETURN(const cublasLtMatrixLayout_t d,
                   MakeLayout(OutputType(spec_.d_element), spec_.rows, spec_.cols, spec_.d_stride));
  d_.reset(d);
  return absl::OkStatus();
}

absl::Status MatmulPlan::DescribeEpilogue() {
  RETURN_IF_ERROR(
      Set(product_.get(), CUBLASLT_MATMUL_DESC_EPILOGUE, CublasEpilogue(spec_.epilogue)));
  if (HasMask(spec_.epilogue)) {
    RETURN_IF_ERROR(
        Set(product_.get(), CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, int64_t{MaskStride(spec_.cols)}));
  }
  // Nobody reads there yet: the heuristic looks at the alignment of the addresses.
  void* const aligned = reinterpret_cast<void*>(uintptr_t{kAlignment});
  return PointEpilogue({.bias = aligned, .mask = aligned});
}

absl::Status MatmulPlan::PointEpilogue(const MatmulPointers& pointers) {
  if (spec_.epilogue == Epilogue::kNone) return absl::OkStatus();
  RETURN_IF_ERROR(Set(product_.get(), CUBLASLT_MATMUL_DESC_BIAS_POINTER, pointers.bias));
  if (!HasMask(spec_.epilogue)) return absl::OkStatus();
  return Set(product_.get(), CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, pointers.mask);
}

absl::Status MatmulPlan::Choose() {
  ASSIGN_OR_RETURN(const Preference preference, MakePreference(workspace_.size()));
  std::array<cublasLtMatmulHeuristicResult_t, kMostAlgorithms> offered{};
  int found = 0;
  RETURN_IF_CUBLAS_ERROR(cublasLtMatmulAlgoGetHeuristic(handle_, product_.get(), b_.get(), a_.get(),
                                                        d_.get(), d_.get(), preference.get(),
                                                        kMostAlgorithms, offered.data(), &found));
  ASSIGN_OR_RETURN(const Stream stream, Stream::Make());
  ASSIGN_OR_RETURN(TrialMemory memory, TrialMemory::Make(stream.view(), spec_));
  absl::Status status = absl::UnimplementedError("it offers none");
  for (const auto& offer : std::span(offered).first(static_cast<size_t>(found))) {
    if (offer.state != CUBLAS_STATUS_SUCCESS) continue;
    algorithm_ = offer.algo;
    status = Try(stream, memory.pointers());
    if (status.ok()) return status;
  }
  return absl::Status(
      status.code(),
      absl::StrFormat("cuBLAS has no algorithm for a product [%d, %d] x [%d, %d] with epilogue "
                      "%d: %s",
                      spec_.rows, spec_.inner, spec_.inner, spec_.cols,
                      static_cast<int>(CublasEpilogue(spec_.epilogue)), status.message()));
}

absl::Status MatmulPlan::Try(const Stream& stream, const MatmulPointers& pointers) {
  const absl::Status put = Run(stream.view(), pointers);
  const absl::Status ran = stream.Wait();
  static_cast<void>(cudaGetLastError());  // what cublasLt may have left there is told by `put`
  return put.ok() ? ran : put;
}

absl::Status MatmulPlan::Run(StreamView stream, const MatmulPointers& pointers) {
  CHECK(IsAligned(pointers.a) && IsAligned(pointers.b) && IsAligned(pointers.d));
  CHECK(IsAligned(pointers.bias) && IsAligned(pointers.mask));
  RETURN_IF_ERROR(PointEpilogue(pointers));
  const float one = 1.0F;
  const float of_d = spec_.adds ? 1.0F : 0.0F;
  RETURN_IF_CUBLAS_ERROR(cublasLtMatmul(handle_, product_.get(), &one, pointers.b, b_.get(),
                                        pointers.a, a_.get(), &of_d, pointers.d, d_.get(),
                                        pointers.d, d_.get(), &algorithm_, workspace_.data(),
                                        workspace_.size(), stream.get()));
  return absl::OkStatus();
}

}  // namespace rubato
