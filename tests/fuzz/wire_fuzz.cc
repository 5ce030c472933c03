// Decode must survive any bytes, and what it accepts must survive a round trip.
// Input: one byte of mode, then either
//   0: frames, each preceded by its length as two little-endian bytes; the last takes the rest;
//   other: a seed (two bytes) of a legal message, and three-byte edits (place, place, byte) of its
//   header, so that no corpus is needed to get past the file identifier.
//
// Decoders: common/wire/wire.cc common/wire/wire_meaning.cc
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/memory/buffer.h"
#include "common/wire/wire.h"
#include "tests/common/wire/random_message.h"

namespace {

size_t Short(std::span<const uint8_t> bytes) { return bytes[0] + size_t{256} * bytes[1]; }

rubato::Frames Cut(std::span<const uint8_t> bytes) {
  rubato::Frames frames;
  while (bytes.size() >= 2 && frames.size() <= rubato::kMaxFrames) {
    const size_t wanted = Short(bytes);
    bytes = bytes.subspan(2);
    const size_t size = wanted < bytes.size() ? wanted : bytes.size();
    frames.push_back(rubato::Buffer::Copy(bytes.first(size)));
    bytes = bytes.subspan(size);
  }
  return frames;
}

rubato::Frames Damage(std::span<const uint8_t> edits) {
  if (edits.size() < 2) return {};
  rubato::RandomMessages messages(Short(edits));
  rubato::Frames frames = rubato::Encode(rubato::Nonce(1), messages.Next());
  std::vector<std::byte> header(frames[0].bytes().begin(), frames[0].bytes().end());
  for (edits = edits.subspan(2); edits.size() >= 3; edits = edits.subspan(3)) {
    header[Short(edits) % header.size()] = std::byte{edits[2]};
  }
  frames[0] = rubato::Buffer::Own(std::move(header));
  return frames;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span rest(data + 1, size - 1);
  const auto decoded = rubato::Decode(data[0] == 0 ? Cut(rest) : Damage(rest));
  if (!decoded.ok()) return 0;
  const auto again = rubato::Decode(rubato::Encode(decoded->from, decoded->message));
  CHECK(again.ok(), again.status().ToString());
  CHECK(*again == *decoded);
  return 0;
}
