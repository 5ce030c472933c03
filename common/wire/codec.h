// Payload frames: floats and row keys to bytes and back. The one place where a received frame,
// which may start at any address, is read: in place if that address happens to suit the type, as
// that of every large frame does, else through a copy.
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
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/memory/buffer.h"
#include "common/memory/floats.h"
#include "common/wire/message.h"

namespace rubato {

// Bytes of one value.
size_t ValueBytes(ValueCodec codec);

Buffer EncodeValues(ValueCodec codec, std::span<const float> values);
// The same of floats that change no more, without a copy where the codec allows: f32 is they.
// Requires floats.data() to be aligned.
Buffer EncodeKept(ValueCodec codec, Buffer floats);

// False if there is a NaN or an infinity among encoded values.
bool AreFinite(ValueCodec codec, const Buffer& frame);

// InvalidArgument unless `bytes` holds exactly out.size() values.
absl::Status DecodeValues(ValueCodec codec, std::span<const std::byte> bytes, std::span<float> out);

// The elements of a frame, with the memory they lie in: the frame itself or a copy.
template <class T>
class Elements {
 public:
  Elements() = default;
  // Requires frame.data() to be aligned for T.
  explicit Elements(Buffer frame) : frame_(std::move(frame)) {}
  explicit Elements(std::vector<T, UninitializedAllocator<T>> copy) : copy_(std::move(copy)) {}

  size_t size() const { return span().size(); }
  std::span<const T> span() const {
    if (frame_.empty()) return copy_;
    return {reinterpret_cast<const T*>(frame_.data()), frame_.size() / sizeof(T)};
  }

 private:
  Buffer frame_;
  std::vector<T, UninitializedAllocator<T>> copy_;
};

// InvalidArgument unless the frame holds a whole number of elements.
absl::StatusOr<Elements<float>> TakeValues(ValueCodec codec, const Buffer& frame);
absl::StatusOr<Elements<RowKey>> TakeKeys(const Buffer& frame);

Buffer EncodeKeys(std::span<const RowKey> keys);

}  // namespace rubato
