// Every return code of cuBLAS becomes a Status that names the call, its file and line.
#pragma once

#include <cublasLt.h>

#include "absl/status/status.h"
#include "worker/compute/cuda/device/cuda_status.h"

namespace rubato {

// OK for CUBLAS_STATUS_SUCCESS. Unimplemented where the library has no way to do what was asked;
// ResourceExhausted when memory is short; Internal for all others.
absl::Status CublasStatus(cublasStatus_t code, const CallSite& site);

}  // namespace rubato

#define RETURN_IF_CUBLAS_ERROR(expression)                                                      \
  do {                                                                                          \
    if (const cublasStatus_t rubato_code = (expression); rubato_code != CUBLAS_STATUS_SUCCESS)  \
        [[unlikely]] {                                                                          \
      return ::rubato::CublasStatus(rubato_code,                                                \
                                    {.call = #expression, .file = __FILE__, .line = __LINE__}); \
    }                                                                                           \
  } while (false)
