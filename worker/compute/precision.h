// In which arithmetic a GPU computes the dense layers: what a run file's word means.
//
//   f32   single precision throughout: what the CPU computes, but for the order of sums
//   tf32  the same numbers in memory; products on tensor cores, from factors of 10 bits of mantissa
//         (relative error below 2^-10 each), summed in single precision
//   bf16  activations and copies of the weights are bfloat16 (7 bits of mantissa, relative error
//         2^-8 each), products summed in single precision
// Weights themselves, their gradients and the optimizer's state are single precision in all three,
// and so are embeddings, margins and losses.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rubato {

enum class Precision { kF32, kTf32, kBf16 };

absl::StatusOr<Precision> ParsePrecision(absl::string_view word);
absl::string_view PrecisionWord(Precision precision);

}  // namespace rubato
