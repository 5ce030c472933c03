// Message <-> frames: what a message looks like between processes.
//
//   message = header, then for each TableRows of a Pull, PullReply or Push: [keys] [values]
//   header  = FlatBuffers (schemas/wire.fbs): sender's nonce, one of seventeen kinds, and for each
//             TableRows its table, row count, codec and which of its two frames follow
//   keys    = u64[rows]; values = [rows, dim] in the codec; little-endian, never empty
//
// A Pull carries keys, a PullReply values, a Push both. Payload frames are shared with the message,
// never copied; a received one may start at any address, so it is read through common/wire/codec.h
// only. Decode trusts nothing: number and sizes of frames, an aligned copy of the header, file
// identifier, verifier with bounded depth and tables, then meaning (enumerations, counts, clocks
// that cannot overflow when added, row counts against frame sizes, printable text). What is left to
// the receiver is what only it knows: lives, tables and their dim, order of clocks.
// Only Encode of an ErrorReply changes anything: it cuts the sentence to what Decode takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/base/limits.h"
#include "common/keys/allow_list.h"
#include "common/memory/buffer.h"
#include "common/wire/message.h"

namespace rubato {

// What a message may hold at most, beside common/base/limits.h. All are far above what a fleet of
// this product sends.
inline constexpr size_t kMaxAddressBytes = 256;  // an ipc path holds 107
inline constexpr size_t kMaxSentenceBytes = 1024;
inline constexpr size_t kMaxTablesPerMessage = 64;  // rows of more of them travel in parts
inline constexpr uint32_t kMaxParts = 1u << 16;     // of a push: 64 GiB in parts of 1 MiB
inline constexpr uint32_t kMaxRows = 1u << 23;      // of one TableRows: 64 MiB of keys
inline constexpr size_t kMaxKeptSnapshots = 1u << 14;
// The largest view: places * (shard 16 + address 256 + key 48 + table 32 + image 24) + lives *
// (member 32 + reader 16 + sealed 32) + kept snapshots * 8 = 385 KB + 328 KB + 131 KB, so 1 MiB
// with room to grow.
inline constexpr size_t kMaxHeaderBytes = 1u << 20;
inline constexpr size_t kMaxFrames = 1 + 2 * kMaxTablesPerMessage;
inline constexpr size_t kMaxFrameBytes = 64u << 20;     // kMaxRows keys, or 1M rows of 16 floats
inline constexpr size_t kMaxMessageBytes = 256u << 20;  // all frames together

using Frames = std::vector<Buffer>;

struct Decoded {
  Nonce from;
  Message message;
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

Frames Encode(Nonce from, const Message& message);

// InvalidArgument with a sentence for anything that Encode could not have made.
absl::StatusOr<Decoded> Decode(std::span<const Buffer> frames);

// The checks of meaning alone: what Decode guarantees of a message it returns.
absl::Status CheckMeaning(const Message& message);

}  // namespace rubato
