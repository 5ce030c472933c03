// What cuBLASLt refuses: by the shapes, types and epilogues it is asked for, and by the pointers,
// which only the product itself sees.
#pragma once

#include <cublasLt.h>

#include <cstdint>

#include "tests/cuda_emulator/cublas_lt_product.h"
#include "tests/cuda_emulator/emulator.h"

namespace rubato::emulator {

// What the caller promised when the algorithm was chosen.
struct Algorithm {
  uint64_t workspace_bytes = 0;
  uint32_t epilogue = 0;
  uint32_t number = 0;          // among those that were offered
  uint32_t alignments[4] = {};  // of A, B, C and D, in bytes
};

cublasStatus_t Judge(const Product& product, FusedEpilogues offered);
// Whether an algorithm that was offered does run.
bool Runs(const Algorithm& algorithm, FusedEpilogues offered);
bool PointersFit(const Product& product, const Algorithm& algorithm);
// Ends the process if the product would touch what is in no allocation.
void CheckMemory(const Product& product);

}  // namespace rubato::emulator
