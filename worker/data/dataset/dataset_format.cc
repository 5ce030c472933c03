#include "worker/data/dataset/dataset_format.h"

#include <xxhash.h>

#include <bit>
#include <cstring>
#include <vector>

#include "common/base/checksummed_bytes.h"
#include "common/base/limits.h"
#include "common/base/status.h"
#include "schemas/dataset_generated.h"

namespace rubato {
namespace {

static_assert(std::endian::native == std::endian::little, "sections are mapped, not converted");

constexpr char kMagic[8] = {'R', 'U', 'B', 'A', 'T', 'O', 'D', '\n'};
constexpr uint32_t kVersion = 3;

struct Prefix {
  char magic[8];
  uint32_t version;
  uint32_t header_bytes;
  uint64_t file_bytes;
  uint64_t xxh3;
  char zero[32];
};
static_assert(sizeof(Prefix) == kPrefixBytes);

// Of everything before the sections, the field xxh3 counted as 0.
uint64_t HashHead(Prefix prefix, std::span<const std::byte> rest) {
  prefix.xxh3 = 0;
  return XXH3_64bits_withSeed(rest.data(), rest.size(), XXH3_64bits(&prefix, sizeof(prefix)));
}

absl::Status Damaged(absl::string_view what) { return absl::DataLossError(what); }

// What the shape and the row count say a section holds; kAny where they do not say.
constexpr uint64_t kAny = ~uint64_t{0};
uint64_t ExpectedBytes(SectionKind kind, const DatasetShape& shape, uint64_t rows) {
  switch (kind) {
    case SectionKind::kNumeric:
      return rows * shape.numeric_columns * sizeof(float);
    case SectionKind::kCategories:
      return rows * shape.category_columns * sizeof(uint32_t);
    case SectionKind::kRowBegin:
      return shape.sparse_keys > 0 ? (rows + 1) * sizeof(uint64_t) : 0;
    case SectionKind::kKeys:
    case SectionKind::kValues:
      return shape.sparse_keys > 0 ? kAny : 0;
    case SectionKind::kLabels:
    case SectionKind::kWeights:
      return rows * sizeof(float);
    case SectionKind::kOracle:
      return kAny;
    case SectionKind::kOffsets:
      return shape.offsets ? rows * sizeof(float) : 0;
    case SectionKind::kScales:
      return shape.scales ? rows * sizeof(float) : 0;
  }
  return 0;
}

absl::Status CheckSizes(const DatasetLayout& layout) {
  for (size_t i = 0; i < kSectionKinds; ++i) {
    const uint64_t expected = ExpectedBytes(static_cast<SectionKind>(i), layout.shape, layout.rows);
    if (expected != kAny && layout.sections[i].bytes != expected) {
      return Damaged(absl::StrFormat("section %d has %d bytes and not the %d of its shape", i,
                                     layout.sections[i].bytes, expected));
    }
  }
  const uint64_t key_bytes = layout.section(SectionKind::kKeys).bytes;
  if (key_bytes % sizeof(uint64_t) != 0 ||
      layout.section(SectionKind::kValues).bytes != key_bytes / 2) {
    return Damaged("its sparse keys and values are not equally many");
  }
  const uint64_t oracle_bytes = layout.section(SectionKind::kOracle).bytes;
  const uint64_t each = std::max<uint64_t>(layout.rows, 1) * sizeof(float);
  if (oracle_bytes % each != 0) {
    return Damaged("its oracle is not as many numbers for each row");
  }
  return absl::OkStatus();
}

// Gives the sections their offsets and their end. Bounded: every size is < kMaxFileBytes.
uint64_t LayOutSections(uint64_t begin, DatasetLayout* layout) {
  for (SectionLayout& section : layout->sections) {
    section.offset = begin;
    begin += PaddedBytes(section.bytes);
  }
  return begin;
}

absl::StatusOr<Prefix> DecodePrefix(std::span<const std::byte> file) {
  Prefix prefix;
  if (file.size() < sizeof(prefix)) return Damaged("it is too short for a dataset file");
  std::memcpy(&prefix, file.data(), sizeof(prefix));
  if (std::memcmp(prefix.magic, kMagic, sizeof(kMagic)) != 0) {
    return Damaged("it does not start like a dataset file");
  }
  if (prefix.file_bytes != file.size() || prefix.file_bytes > kMaxFileBytes) {
    return Damaged(
        absl::StrFormat("it has %d bytes and should have %d", file.size(), prefix.file_bytes));
  }
  if (prefix.header_bytes > kMaxDatasetHeaderBytes ||
      kPrefixBytes + PaddedBytes(prefix.header_bytes) > file.size()) {
    return Damaged(absl::StrFormat("its header claims %d bytes", prefix.header_bytes));
  }
  return prefix;
}

absl::Status CopyHeader(const dataset_file::Header& header, uint64_t file_bytes,
                        DatasetLayout* layout) {
  DatasetShape& shape = layout->shape;
  layout->rows = header.rows();
  shape.numeric_columns = header.numeric_columns();
  shape.category_columns = header.category_columns();
  shape.levels = header.levels();
  shape.sparse_keys = header.sparse_keys();
  shape.offsets = header.offsets();
  shape.scales = header.scales();
  if (header.level_begin() != nullptr) {
    shape.level_begin =
        CopyStructs<uint64_t>(header.level_begin()->Data(), header.level_begin()->size());
  }
  // A row has a label at least; 2^44 rows of 2^16 columns keep ExpectedBytes below 2^64.
  if (layout->rows > file_bytes / sizeof(float)) {
    return Damaged("its header counts more rows than fit");
  }
  if (header.sections() == nullptr || header.sections()->size() != kSectionKinds) {
    return Damaged("its header lists the wrong sections");
  }
  const auto sections =
      CopyStructs<dataset_file::Section>(header.sections()->Data(), kSectionKinds);
  for (uint32_t i = 0; i < kSectionKinds; ++i) {
    const dataset_file::Section& section = sections[i];
    if (static_cast<uint32_t>(section.kind()) != i || section.bytes() > file_bytes) {
      return Damaged(absl::StrFormat("its header has a wrong entry for section %d", i));
    }
    layout->sections[i] = {.bytes = section.bytes(), .xxh3 = section.xxh3()};
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateShape(const DatasetShape& shape) {
  if (shape.numeric_columns > kMaxColumns || shape.category_columns > kMaxColumns) {
    return absl::InvalidArgumentError(
        absl::StrFormat("a dataset has at most %d columns of a kind, not %d numeric and %d "
                        "category columns: drop some",
                        kMaxColumns, shape.numeric_columns, shape.category_columns));
  }
  const std::vector<uint64_t>& begin = shape.level_begin;
  const bool no_levels = shape.category_columns == 0 && begin.empty() && shape.levels == 0;
  bool tiled = begin.size() == shape.category_columns + 1 && begin.front() == 0 &&
               begin.back() == shape.levels && shape.levels <= uint64_t{1} << 32;
  for (size_t k = 1; tiled && k < begin.size(); ++k) tiled = begin[k - 1] <= begin[k];
  if (!no_levels && !tiled) {
    return absl::InvalidArgumentError("level_begin does not tile the ids of the category levels");
  }
  return absl::OkStatus();
}

std::string EncodeDatasetHeader(const DatasetLayout& layout) {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<dataset_file::Section> sections;
  uint64_t section_bytes = 0;
  for (size_t i = 0; i < kSectionKinds; ++i) {
    const SectionLayout& section = layout.sections[i];
    sections.emplace_back(static_cast<dataset_file::SectionKind>(i), section.bytes, section.xxh3);
    section_bytes += PaddedBytes(section.bytes);
  }
  const DatasetShape& shape = layout.shape;
  builder.Finish(dataset_file::CreateHeader(
      builder, layout.rows, shape.numeric_columns, shape.category_columns, shape.levels,
      shape.sparse_keys, builder.CreateVector(shape.level_begin),
      builder.CreateVectorOfStructs(sections), shape.offsets, shape.scales));
  CHECK(builder.GetSize() <= kMaxDatasetHeaderBytes);

  const uint64_t head_bytes = kPrefixBytes + PaddedBytes(builder.GetSize());
  std::string head(head_bytes, '\0');
  std::memcpy(head.data() + kPrefixBytes, builder.GetBufferPointer(), builder.GetSize());
  Prefix prefix = {};
  std::memcpy(prefix.magic, kMagic, sizeof(kMagic));
  prefix.version = kVersion;
  prefix.header_bytes = builder.GetSize();
  prefix.file_bytes = head_bytes + section_bytes;
  prefix.xxh3 = HashHead(prefix, std::as_bytes(std::span(head)).subspan(kPrefixBytes));
  std::memcpy(head.data(), &prefix, sizeof(prefix));
  return head;
}

absl::StatusOr<DatasetLayout> DecodeDatasetHeader(std::span<const std::byte> file) {
  ASSIGN_OR_RETURN(const Prefix prefix, DecodePrefix(file));
  const uint64_t padded = PaddedBytes(prefix.header_bytes);
  if (HashHead(prefix, file.subspan(kPrefixBytes, padded)) != prefix.xxh3) {
    return Damaged("the checksum of its header does not match");
  }
  // Vouched for by now: no damage, but another version's.
  if (prefix.version != kVersion) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "it has format version %d and this program reads version %d", prefix.version, kVersion));
  }
  // Aligned storage: the FlatBuffers verifier looks at offsets, not at addresses.
  std::vector<uint64_t> aligned(padded / sizeof(uint64_t));
  if (padded > 0) std::memcpy(aligned.data(), file.data() + kPrefixBytes, padded);
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(aligned.data()),
                                 prefix.header_bytes, /*max_depth=*/4, /*max_tables=*/4);
  if (!dataset_file::VerifyHeaderBuffer(verifier)) return Damaged("its header is malformed");

  DatasetLayout layout;
  RETURN_IF_ERROR(CopyHeader(*dataset_file::GetHeader(aligned.data()), file.size(), &layout));
  if (!ValidateShape(layout.shape).ok()) return Damaged("its header has an impossible shape");
  RETURN_IF_ERROR(CheckSizes(layout));
  if (LayOutSections(kPrefixBytes + padded, &layout) != file.size()) {
    return Damaged("its sections do not fill the file");
  }
  return layout;
}

}  // namespace rubato
