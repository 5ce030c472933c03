// Payload frames: floats and row keys to bytes and back. The one place where a received frame,
// which may start at any address, is read.
//
//   values: f32 as they are, or bf16 = the upper half of an f32, rounded to nearest, ties to even;
//           infinities stay, values above the largest bf16 become infinite, NaN stays NaN
//   keys:   u64
//
// All little-endian. The loops work on blocks of a fixed size, copied in and out by memcpy: that is
// what makes them safe at any alignment and what lets -O2 turn them into vector code.
// Sizes come from peers: they are checked, never assumed.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "common/buffer.h"
#include "common/ids.h"
#include "common/message.h"

namespace rubato {

// Bytes of one value.
size_t ValueBytes(ValueCodec codec);

Buffer EncodeValues(ValueCodec codec, std::span<const float> values);
// The same without a copy where the codec allows: f32 takes the vector's memory.
Buffer EncodeOwnedValues(ValueCodec codec, std::vector<float> values);

// InvalidArgument unless `bytes` holds exactly out.size() values.
absl::Status DecodeValues(ValueCodec codec, const Buffer& bytes, std::span<float> out);
// The same, as many values as there are.
absl::Status DecodeValues(ValueCodec codec, const Buffer& bytes, std::vector<float>* out);

// False if there is a NaN or an infinity.
bool AllFinite(std::span<const float> values);

Buffer EncodeKeys(std::span<const RowKey> keys);
absl::Status DecodeKeys(const Buffer& bytes, std::vector<RowKey>* out);

}  // namespace rubato
