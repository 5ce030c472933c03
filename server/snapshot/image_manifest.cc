#include "server/snapshot/image_manifest.h"

#include <algorithm>
#include <utility>

#include "common/base/checksummed_bytes.h"
#include "common/base/status.h"
#include "flatbuffers/flatbuffers.h"
#include "schemas/snapshot_generated.h"

namespace rubato {
namespace {

constexpr char kMagic[] = "RBTimage";
constexpr uint32_t kFormat = 1;
// Far above any real table, and small enough that no product of shapes overflows.
constexpr uint32_t kMaxRowFloats = 1u << 24;
constexpr uint64_t kMaxImageBytes = uint64_t{1} << 46;

template <class Out, class List, class Convert>
std::vector<Out> Map(const List& list, Convert convert) {
  std::vector<Out> out;
  out.reserve(list.size());
  for (const auto& item : list) out.push_back(convert(item));
  return out;
}

template <class Out, class Struct, class Convert>
std::vector<Out> GetList(const flatbuffers::Vector<const Struct*>* list, Convert convert) {
  if (list == nullptr) return {};
  return Map<Out>(CopyStructs<Struct>(list->Data(), list->size()), convert);
}

ImageManifest FromBuffer(const snapshot_file::ImageManifest& m) {
  ImageHead head{
      .name = {SnapshotNumber(m.snapshot()), PlaceId(m.place()), Life(m.life())},
      .generation = Generation(m.generation()),
      .clock = Clock(m.clock()),
      .exact = m.exact(),
      .job_fingerprint = m.job_fingerprint(),
      .places = m.places(),
      .positions = GetList<Position>(m.positions(),
                                     [](const auto& p) {
                                       return Position{Life(p.life()), Clock(p.clock())};
                                     }),
  };
  return {
      std::move(head),
      GetList<TableShape>(m.tables(),
                          [](const auto& t) {
                            return TableShape{TableId(t.id()), t.row_floats(), t.rows()};
                          }),
      GetList<FileDigest>(m.files(),
                          [](const auto& f) {
                            return FileDigest{f.bytes(), f.xxh3()};
                          }),
  };
}

// Bytes that the row files hold together; nothing if they are impossibly many.
absl::StatusOr<uint64_t> BytesOfFiles(const std::vector<FileDigest>& files) {
  uint64_t sum = 0;
  for (const FileDigest& file : files) {
    if (file.bytes > kMaxImageBytes - sum) return absl::DataLossError("its files are too long");
    sum += file.bytes;
  }
  return sum;
}

uint64_t ChunksOfColumn(uint64_t bytes) { return (bytes + kChunkBytes - 1) / kChunkBytes; }

uint64_t CountChunks(const std::vector<TableShape>& tables) {
  uint64_t chunks = 0;
  for (const TableShape& table : tables) {
    chunks += ChunksOfColumn(table.key_bytes()) + ChunksOfColumn(table.row_bytes());
  }
  return chunks;
}

absl::Status CheckShapes(const ImageManifest& m) {
  ASSIGN_OR_RETURN(uint64_t room, BytesOfFiles(m.files));
  for (const TableShape& table : m.tables) {
    const uint64_t row = sizeof(uint64_t) + uint64_t{table.row_floats} * sizeof(float);
    if (table.row_floats > kMaxRowFloats || table.rows > room / row) {
      return absl::DataLossError(
          absl::StrFormat("its table %d does not fit into its row files", table.table.value()));
    }
    room -= table.rows * row;
  }
  const uint64_t files = FilesForChunks(CountChunks(m.tables));
  if (files != m.files.size()) {
    return absl::DataLossError(
        absl::StrFormat("it has %d row files where its tables need %d", m.files.size(), files));
  }
  return absl::OkStatus();
}

void AppendColumn(uint32_t table, Column column, uint64_t bytes, std::vector<Chunk>* chunks) {
  for (uint64_t offset = 0; offset < bytes; offset += kChunkBytes) {
    chunks->push_back({table, column, offset, std::min(kChunkBytes, bytes - offset)});
  }
}

void AppendBigEndian(uint32_t value, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

}  // namespace

std::string EncodeManifest(const ImageManifest& m) {
  flatbuffers::FlatBufferBuilder b;
  const auto positions =
      b.CreateVectorOfStructs(Map<snapshot_file::Position>(m.positions, [](const Position& p) {
        return snapshot_file::Position(p.life.value(), p.clock.value());
      }));
  const auto tables =
      b.CreateVectorOfStructs(Map<snapshot_file::TableShape>(m.tables, [](const TableShape& t) {
        return snapshot_file::TableShape(t.table.value(), t.row_floats, t.rows);
      }));
  const auto files = b.CreateVectorOfStructs(Map<snapshot_file::RowFile>(
      m.files, [](const FileDigest& f) { return snapshot_file::RowFile(f.bytes, f.xxh3); }));
  b.Finish(snapshot_file::CreateImageManifest(
      b, kFormat, m.name.snapshot.value(), m.name.place.value(), m.name.life.value(),
      m.generation.value(), m.clock.value(), m.exact, m.job_fingerprint, m.places, positions,
      tables, files));
  return ChecksummedBytes(
      kMagic, {reinterpret_cast<const char*>(b.GetBufferPointer()), size_t{b.GetSize()}});
}

absl::StatusOr<ImageManifest> DecodeManifest(absl::string_view file) {
  if (file.size() > kMaxManifestBytes) {
    return absl::DataLossError(absl::StrFormat("it is longer than %d bytes", kMaxManifestBytes));
  }
  ASSIGN_OR_RETURN(const AlignedBytes payload, PayloadOf(kMagic, file));
  flatbuffers::Verifier verifier(payload.data(), payload.size(), /*max_depth=*/4,
                                 /*max_tables=*/4);
  if (!verifier.VerifyBuffer<snapshot_file::ImageManifest>(nullptr)) {
    return absl::DataLossError("it is not a manifest");
  }
  const auto& buffer = *flatbuffers::GetRoot<snapshot_file::ImageManifest>(payload.data());
  if (buffer.format() != kFormat) {
    return absl::DataLossError(absl::StrFormat("it has format %d and this version reads format %d",
                                               buffer.format(), kFormat));
  }
  ImageManifest manifest = FromBuffer(buffer);
  RETURN_IF_ERROR(CheckShapes(manifest));
  return manifest;
}

ImageManifest ManifestOf(const Image& image) {
  const ImageHead& head = image;
  return {head,
          Map<TableShape>(image.tables,
                          [](const TableImage& t) {
                            return TableShape{t.table, t.row_floats, t.keys.size()};
                          }),
          {}};
}

Image EmptyImage(const ImageManifest& manifest) {
  const ImageHead& head = manifest;
  return {head, Map<TableImage>(manifest.tables, [](const TableShape& t) {
            return TableImage{t.table, t.row_floats, {}, {}};
          })};
}

std::string Chunk::Key() const {
  std::string key;
  AppendBigEndian(table, &key);
  key.push_back(static_cast<char>(column));
  AppendBigEndian(static_cast<uint32_t>(offset / kChunkBytes), &key);
  return key;
}

std::vector<Chunk> ChunksOf(const std::vector<TableShape>& tables) {
  std::vector<Chunk> chunks;
  chunks.reserve(CountChunks(tables));
  for (uint32_t i = 0; i < tables.size(); ++i) {
    AppendColumn(i, Column::kKeys, tables[i].key_bytes(), &chunks);
    AppendColumn(i, Column::kRows, tables[i].row_bytes(), &chunks);
  }
  return chunks;
}

}  // namespace rubato
