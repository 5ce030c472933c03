#include "worker/compute/cuda/device/cuda_status.h"

#include "common/base/status.h"

namespace rubato {
namespace {

absl::StatusCode CodeOf(cudaError_t code) {
  switch (code) {
    case cudaSuccess:
      return absl::StatusCode::kOk;
    case cudaErrorMemoryAllocation:
      return absl::StatusCode::kResourceExhausted;
    case cudaErrorInsufficientDriver:
    case cudaErrorNoDevice:
    case cudaErrorDevicesUnavailable:
    case cudaErrorSystemNotReady:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

absl::Status CudaStatus(cudaError_t code, const CallSite& site) {
  if (code == cudaSuccess) return absl::OkStatus();
  static_cast<void>(cudaGetLastError());
  return absl::Status(CodeOf(code),
                      absl::StrFormat("CUDA: %s (%s) at %s:%d: %s", cudaGetErrorString(code),
                                      cudaGetErrorName(code), site.file, site.line, site.call));
}

}  // namespace rubato
