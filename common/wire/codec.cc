#include "common/wire/codec.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#include "common/base/status.h"
#include "common/memory/finite.h"

namespace rubato {
namespace {

static_assert(std::endian::native == std::endian::little);
static_assert(sizeof(RowKey) == sizeof(uint64_t) && sizeof(float) == sizeof(uint32_t));

constexpr uint32_t kExponent = 0x7f800000;  // all ones: infinity or NaN
constexpr uint32_t kQuiet = 0x00400000;     // set: a NaN stays one when its lower half is cut off

// Values of one block: two vectors of AVX-512, eight of SSE2.
constexpr size_t kBlock = 32;

// Half of an ulp, less one bit if the kept part is even, carries into the kept part exactly when
// rounding to nearest even goes up. Signed arithmetic: SSE2 compares no other.
uint32_t ToBf16(uint32_t bits) {
  const uint32_t rounded = bits + 0x7fff + ((bits >> 16) & 1);
  const bool nan = static_cast<int32_t>(bits & 0x7fffffff) > static_cast<int32_t>(kExponent);
  return (nan ? bits | kQuiet : rounded) >> 16;
}

// Runs block(in, out) over `count` values; the last, partial one is padded with zeros.
template <class In, class Out, class Block>
void ForBlocks(const std::byte* in, std::byte* out, size_t count, Block block) {
  size_t at = 0;
  for (; at + kBlock <= count; at += kBlock) {
    In x[kBlock];
    Out y[kBlock];
    std::memcpy(x, in + at * sizeof(In), sizeof(x));
    block(x, y);
    std::memcpy(out + at * sizeof(Out), y, sizeof(y));
  }
  if (at == count) return;
  In x[kBlock] = {};
  Out y[kBlock];
  std::memcpy(x, in + at * sizeof(In), (count - at) * sizeof(In));
  block(x, y);
  std::memcpy(out + at * sizeof(Out), y, (count - at) * sizeof(Out));
}

void BlockToBf16(uint32_t* x, uint16_t* y) {
  for (size_t i = 0; i < kBlock; ++i) x[i] = ToBf16(x[i]);
  for (size_t i = 0; i < kBlock; ++i) y[i] = static_cast<uint16_t>(x[i]);
}

void BlockFromBf16(const uint16_t* x, uint32_t* y) {
  for (size_t i = 0; i < kBlock; ++i) y[i] = uint32_t{x[i]} << 16;
}

absl::Status WrongSize(size_t bytes, size_t wanted) {
  return absl::InvalidArgumentError(
      absl::StrFormat("payload refused: %d bytes where %d were expected", bytes, wanted));
}

template <class T>
absl::StatusOr<Elements<T>> Take(const Buffer& frame) {
  const size_t count = frame.size() / sizeof(T);
  if (frame.size() != count * sizeof(T)) return WrongSize(frame.size(), count * sizeof(T));
  const bool aligned = reinterpret_cast<uintptr_t>(frame.data()) % alignof(T) == 0;
  if (aligned || frame.empty()) return Elements<T>(frame);
  std::vector<T, UninitializedAllocator<T>> copy(count);
  std::memcpy(copy.data(), frame.data(), frame.size());
  return Elements<T>(std::move(copy));
}

}  // namespace

size_t ValueBytes(ValueCodec codec) { return codec == ValueCodec::kF32 ? 4 : 2; }

Buffer EncodeValues(ValueCodec codec, std::span<const float> values) {
  if (codec == ValueCodec::kF32) return Buffer::Copy(values);
  std::vector<uint16_t> out(values.size());
  ForBlocks<uint32_t, uint16_t>(std::as_bytes(values).data(),
                                std::as_writable_bytes(std::span(out)).data(), values.size(),
                                BlockToBf16);
  return Buffer::Own(std::move(out));
}

Buffer EncodeKept(ValueCodec codec, Buffer floats) {
  if (codec == ValueCodec::kF32) return floats;
  return EncodeValues(codec, Elements<float>(std::move(floats)).span());
}

bool AreFinite(ValueCodec codec, const Buffer& frame) {
  if (codec == ValueCodec::kBf16) return AllFiniteBf16(frame.bytes());
  const auto values = Take<float>(frame);
  return values.ok() && AllFinite(values->span());
}

absl::Status DecodeValues(ValueCodec codec, std::span<const std::byte> bytes,
                          std::span<float> out) {
  const size_t wanted = out.size() * ValueBytes(codec);
  if (bytes.size() != wanted) return WrongSize(bytes.size(), wanted);
  if (out.empty()) return absl::OkStatus();
  std::byte* to = std::as_writable_bytes(out).data();
  if (codec == ValueCodec::kF32) {
    std::memcpy(to, bytes.data(), wanted);
    return absl::OkStatus();
  }
  ForBlocks<uint16_t, uint32_t>(bytes.data(), to, out.size(), BlockFromBf16);
  return absl::OkStatus();
}

absl::StatusOr<Elements<float>> TakeValues(ValueCodec codec, const Buffer& frame) {
  if (codec == ValueCodec::kF32) return Take<float>(frame);
  const size_t count = frame.size() / ValueBytes(codec);
  Floats values(count);
  RETURN_IF_ERROR(DecodeValues(codec, frame.bytes(), values));
  return Elements<float>(std::move(values));
}

absl::StatusOr<Elements<RowKey>> TakeKeys(const Buffer& frame) { return Take<RowKey>(frame); }

Buffer EncodeKeys(std::span<const RowKey> keys) { return Buffer::Copy(keys); }

}  // namespace rubato
