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
constexpr uint32_t kFormat = 2;
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

std::optional<ImageName> BaseOf(const snapshot_file::ImageName* base) {
  if (base == nullptr) return std::nullopt;
  return ImageName{SnapshotNumber(base->snapshot()), PlaceId(base->place()), Life(base->life())};
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
      .base = BaseOf(m.base()),
      .depth = m.depth(),
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

absl::Status CheckShapes(const ImageManifest& m) {
  ASSIGN_OR_RETURN(uint64_t room, BytesOfFiles(m.files));
  uint64_t pieces = 0;
  for (const TableShape& table : m.tables) {
    if (table.row_floats > kMaxRowFloats || table.rows > room / table.row_bytes()) {
      return absl::DataLossError(
          absl::StrFormat("its table %d does not fit into its row files", table.table.value()));
    }
    room -= table.bytes();
    pieces += PiecesOf(table);
  }
  const uint64_t files = m.files.size();
  if (files > pieces || files * kPiecesPerFile < pieces) {
    return absl::DataLossError(
        absl::StrFormat("it has %d row files for the %d pieces of its tables", files, pieces));
  }
  return absl::OkStatus();
}

// So that whoever follows a chain comes to an end.
absl::Status CheckBase(const ImageManifest& m) {
  const bool fits = m.base ? m.depth > 0 && m.depth <= kLongestChain &&
                                 m.base->place == m.name.place && m.base->snapshot < m.name.snapshot
                           : m.depth == 0;
  return fits ? absl::OkStatus() : absl::DataLossError("its base cannot be that of an image");
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
  const ImageName behind = m.base.value_or(ImageName{});
  const snapshot_file::ImageName base(behind.snapshot.value(), behind.life.value(),
                                      behind.place.value());
  b.Finish(snapshot_file::CreateImageManifest(
      b, kFormat, m.name.snapshot.value(), m.name.place.value(), m.name.life.value(),
      m.generation.value(), m.clock.value(), m.exact, m.job_fingerprint, m.places, positions,
      tables, files, m.base ? &base : nullptr, m.depth));
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
  RETURN_IF_ERROR(CheckBase(manifest));
  return manifest;
}

uint64_t RowsOfPiece(uint32_t row_floats) {
  return std::max<uint64_t>(1, kPieceBytes / TableShape{TableId(0), row_floats, 1}.row_bytes());
}

uint64_t PiecesOf(const TableShape& table) {
  const uint64_t rows = RowsOfPiece(table.row_floats);
  return (table.rows + rows - 1) / rows;
}

std::string EntryKey(PieceNumber piece, Column column) {
  std::string key;
  AppendBigEndian(piece.table, &key);
  AppendBigEndian(piece.piece, &key);
  key.push_back(static_cast<char>(column));
  return key;
}

PieceRows RowsOf(const std::vector<TableShape>& tables, PieceNumber piece) {
  const TableShape& table = tables[piece.table];
  const uint64_t rows = RowsOfPiece(table.row_floats);
  const uint64_t first = piece.piece * rows;
  return {first, std::min(rows, table.rows - first)};
}

}  // namespace rubato
