#include "worker/compute/cuda/device/cublas_status.h"

#include "common/base/status.h"

namespace rubato {
namespace {

absl::StatusCode CodeOf(cublasStatus_t code) {
  switch (code) {
    case CUBLAS_STATUS_SUCCESS:
      return absl::StatusCode::kOk;
    case CUBLAS_STATUS_NOT_SUPPORTED:
    case CUBLAS_STATUS_ARCH_MISMATCH:
      return absl::StatusCode::kUnimplemented;
    case CUBLAS_STATUS_ALLOC_FAILED:
      return absl::StatusCode::kResourceExhausted;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

absl::Status CublasStatus(cublasStatus_t code, const CallSite& site) {
  if (code == CUBLAS_STATUS_SUCCESS) return absl::OkStatus();
  return absl::Status(CodeOf(code),
                      absl::StrFormat("cuBLAS: %s at %s:%d: %s", cublasLtGetStatusName(code),
                                      site.file, site.line, site.call));
}

}  // namespace rubato
