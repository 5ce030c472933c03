#include "worker/compute/precision.h"

#include "common/base/status.h"

namespace rubato {

absl::StatusOr<Precision> ParsePrecision(absl::string_view word) {
  for (const Precision precision : {Precision::kF32, Precision::kTf32, Precision::kBf16}) {
    if (word == PrecisionWord(precision)) return precision;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("a precision is \"f32\", \"tf32\" or \"bf16\", not \"", word, "\""));
}

absl::string_view PrecisionWord(Precision precision) {
  switch (precision) {
    case Precision::kF32:
      return "f32";
    case Precision::kTf32:
      return "tf32";
    case Precision::kBf16:
      return "bf16";
  }
  CHECK(false);
}

}  // namespace rubato
