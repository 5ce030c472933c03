// What the emulator's calls share, CUB's and cuBLASLt's among them.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "tests/cuda_emulator/cuda_runtime_api.h"

namespace rubato::emulator {

// Remembers `code` for cudaGetLastError, unless it is no error; returns it.
cudaError_t NoteError(cudaError_t code);

// Ends the process with a sentence.
[[noreturn]] void Fail(const std::string& what);

// Puts the work of a library on the stream, as if it were a kernel.
cudaError_t PutLibraryWork(cudaStream_t stream, std::function<void()> work);

// Ends the process unless [memory, memory + bytes) lies in one allocation of device or pinned
// memory. `what` names it.
void CheckAccess(const char* what, const void* memory, size_t bytes);

// kPoison, as often as it fits.
void Poison(void* memory, size_t bytes);

}  // namespace rubato::emulator
