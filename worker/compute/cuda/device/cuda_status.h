// Every return code of the CUDA runtime becomes a Status that names the call, its file and line.
//
// A call that fails leaves its code behind as "the last error"; it is taken away here, so that the
// next check does not report it a second time. Codes of a broken device context ("sticky") stay:
// every later call fails too, and the process must end.
#pragma once

#include <cuda_runtime_api.h>

#include "absl/status/status.h"

namespace rubato {

// Where a call stands in our source.
struct CallSite {
  const char* call;
  const char* file;
  int line;
};

// OK for cudaSuccess. ResourceExhausted when memory is short; Unavailable without a driver or a
// device; Internal for all others.
absl::Status CudaStatus(cudaError_t code, const CallSite& site);

}  // namespace rubato

#define RETURN_IF_CUDA_ERROR(expression)                                                         \
  do {                                                                                           \
    if (const cudaError_t rubato_code = (expression); rubato_code != cudaSuccess) [[unlikely]] { \
      return ::rubato::CudaStatus(rubato_code,                                                   \
                                  {.call = #expression, .file = __FILE__, .line = __LINE__});    \
    }                                                                                            \
  } while (false)
