// The manifest of an image must survive any bytes, and what is accepted must survive a round trip
// and have no more pieces, and no longer ones, than its files have room for.
// Input: one byte of mode, then
//   0: a file as it is;
//   1: a payload, which gets its header so that it gets past the checksum;
//   other: three-byte edits (offset, offset, byte) of the payload of a legal manifest, odd: of one
//   that rests on another.
//
// Decoders: server/snapshot/image_manifest.cc
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "common/base/checksummed_bytes.h"
#include "common/base/status.h"
#include "server/snapshot/image_manifest.h"

namespace {

constexpr char kMagic[] = "RBTimage";
constexpr size_t kHeaderBytes = 24;

// One that holds what changed, or one that holds all.
std::string LegalPayload(bool has_base) {
  rubato::ImageManifest manifest;
  manifest.name = {rubato::SnapshotNumber(12), rubato::PlaceId(1), rubato::Life(7)};
  manifest.positions = {{rubato::Life(4), rubato::Clock(300)}, {rubato::Life(5), {}}};
  manifest.tables = {{rubato::TableId(9), 2, 3}, {rubato::TableId(4), 8, 131073}};
  manifest.files = {{5243900, 0xfedcba9876543210}};
  if (has_base) {
    manifest.base = {rubato::SnapshotNumber(11), rubato::PlaceId(1), rubato::Life(6)};
    manifest.depth = 2;
  }
  return rubato::EncodeManifest(manifest).substr(kHeaderBytes);
}

std::string Edited(std::string payload, absl::string_view edits) {
  for (; edits.size() >= 3; edits.remove_prefix(3)) {
    const size_t offset = static_cast<uint8_t>(edits[0]) + 256U * static_cast<uint8_t>(edits[1]);
    payload[offset % payload.size()] = edits[2];
  }
  return payload;
}

std::string FileOf(char mode, absl::string_view rest) {
  if (mode == 0) return std::string(rest);
  if (mode == 1) return rubato::ChecksummedBytes(kMagic, rest);
  return rubato::ChecksummedBytes(kMagic, Edited(LegalPayload(mode % 2 != 0), rest));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const auto manifest = rubato::DecodeManifest(FileOf(input[0], input.substr(1)));
  if (!manifest.ok()) return 0;
  const auto again = rubato::DecodeManifest(rubato::EncodeManifest(*manifest));
  CHECK(again.ok() && *again == *manifest);
  uint64_t room = 0;
  for (const rubato::FileDigest& file : manifest->files) room += file.bytes;
  uint64_t pieces = 0;
  for (const rubato::TableShape& table : manifest->tables) {
    const auto number = static_cast<uint32_t>(&table - manifest->tables.data());
    pieces += rubato::PiecesOf(table);
    if (table.rows == 0) continue;
    const auto last = static_cast<uint32_t>(rubato::PiecesOf(table) - 1);
    const rubato::PieceRows rows = rubato::RowsOf(manifest->tables, {number, last});
    CHECK(rows.rows > 0 && rows.first + rows.rows == table.rows && table.bytes() <= room);
    room -= table.bytes();
  }
  CHECK(manifest->files.size() <= pieces);
  CHECK(pieces <= manifest->files.size() * rubato::kPiecesPerFile);
  CHECK(manifest->base.has_value() == (manifest->depth > 0));
  return 0;
}
