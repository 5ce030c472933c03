// The dataset file (.rbd), version 3: one split of prepared data as raw little-endian arrays.
//
//   file    := prefix header pad section*
//   prefix  := magic[8] version:u32 header_bytes:u32 file_bytes:u64 xxh3:u64 zero[32]
//   header  := FlatBuffer, schemas/dataset.fbs, root type Header
//   section := array pad           each kind once, in the order of SectionKind, empty ones too
//   pad     := zeros up to the next multiple of 64
//
// xxh3 in the prefix is XXH3-64 of every byte before the first section but itself; each section
// has one of its own in the header, over array and pad. So every byte of the file is under a
// checksum, and where a section starts follows from the sizes before it: there is no offset that
// could be wrong. Sizes must agree with the shape and must fill the file exactly.
//
// The header is decoded from bytes nobody has vouched for: all sizes are bounded before use and it
// is copied to aligned storage before it is read. Decoding looks at the structure only; checksums
// of the sections and their contents are the business of OpenDataset.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/spec/batch.h"

namespace rubato {

// Numbers are on disk: append only. See schemas/dataset.fbs for the element types.
enum class SectionKind : uint8_t {
  kNumeric = 0,
  kCategories = 1,
  kRowBegin = 2,
  kKeys = 3,
  kValues = 4,
  kLabels = 5,
  kWeights = 6,
  kOracle = 7,
  kOffsets = 8,
  kScales = 9,
};
inline constexpr size_t kSectionKinds = 10;

inline constexpr uint64_t kSectionAlignment = 64;  // bytes
inline constexpr uint64_t kPrefixBytes = 64;
// With kMaxColumns of each kind, level_begin takes 512 KiB of it.
inline constexpr uint64_t kMaxDatasetHeaderBytes = uint64_t{1} << 20;
inline constexpr uint64_t kMaxFileBytes = uint64_t{1} << 46;  // 64 TiB: sums of sizes stay in u64

struct SectionLayout {
  uint64_t offset = 0;  // bytes from the start of the file, a multiple of 64
  uint64_t bytes = 0;   // without padding; 0: empty or absent
  uint64_t xxh3 = 0;    // of the bytes and the padding
  friend bool operator==(const SectionLayout&, const SectionLayout&) = default;
};

struct DatasetLayout {
  DatasetShape shape;
  uint64_t rows = 0;
  std::array<SectionLayout, kSectionKinds> sections;  // by SectionKind
  const SectionLayout& section(SectionKind kind) const {
    return sections[static_cast<size_t>(kind)];
  }
};

constexpr uint64_t PaddedBytes(uint64_t bytes) {
  return (bytes + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
}

// Whether `shape` can be written: column counts in bounds, levels tiled by level_begin.
absl::Status ValidateShape(const DatasetShape& shape);

// Everything before the first section. Takes sizes and checksums from `layout`, not offsets.
std::string EncodeDatasetHeader(const DatasetLayout& layout);

// Layout of the file that `file` is the whole of. DataLoss says what is wrong, without a file name;
// FailedPrecondition: it is of another version.
absl::StatusOr<DatasetLayout> DecodeDatasetHeader(std::span<const std::byte> file);

}  // namespace rubato
