// What the emulator's calls share: the error that a thread made last.
#pragma once

#include "tests/cuda_emulator/cuda_runtime_api.h"

namespace rubato::emulator {

// Remembers `code` for cudaGetLastError, unless it is no error; returns it.
cudaError_t NoteError(cudaError_t code);

}  // namespace rubato::emulator
