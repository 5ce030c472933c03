// A model's weights as a file for other programs. The same weights are the same bytes, so two
// models are equal if their SHA-256 is.
//
// kSafetensors (https://github.com/huggingface/safetensors, "Format"): u64 length of the header,
// little-endian; the header, a JSON object {"NAME": {"dtype", "shape", "data_offsets": [begin,
// end]}, ...}; then the bytes of all tensors, in the order of the header and without gaps, offsets
// counted from their beginning. Blanks at the end of the header make the tensors begin at a
// multiple of 8. A dense table NAME is F32 [size]. A sparse one is NAME.keys, U64 [rows],
// ascending, and NAME.rows, F32 [rows, dim]. All U64 come first, so that everything is aligned.
//
// kCsv (RFC 4180): table,key,weight_0,weight_1,... A sparse table has a line a row, a dense one a
// line a weight, whose key is its index. Tables of shorter rows leave fields empty at the end.
// Weights have the fewest digits that read back as the same float.
//
// There is no reader: nothing here takes weights from outside.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/snapshot/model_weights.h"

namespace rubato {

enum class WeightsFormat { kSafetensors, kCsv };

// As others read it; more is InvalidArgument.
inline constexpr uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;

struct WrittenFile {
  uint64_t bytes = 0;
  std::string sha256;  // 64 hexadecimal digits
};

// `path` gets its new content whole or not at all (common/base/staged_file.h).
absl::StatusOr<WrittenFile> WriteWeightsFile(WeightsFormat format,
                                             const std::vector<TableWeights>& tables,
                                             const std::string& path);

}  // namespace rubato
