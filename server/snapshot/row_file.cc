#include "server/snapshot/row_file.h"

#include <fcntl.h>
#include <xxhash.h>

#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/system_error.h"
#include "rocksdb/file_checksum.h"
#include "rocksdb/options.h"
#include "rocksdb/sst_file_reader.h"
#include "rocksdb/sst_file_writer.h"
#include "rocksdb/table.h"

namespace rubato {
namespace {

static_assert(sizeof(RowKey) == sizeof(uint64_t) && std::is_trivially_copyable_v<RowKey>);

class Xxh3Checksum : public rocksdb::FileChecksumGenerator {
 public:
  Xxh3Checksum() { XXH3_64bits_reset(state_.get()); }
  void Update(const char* data, size_t n) override { XXH3_64bits_update(state_.get(), data, n); }
  void Finalize() override {
    const uint64_t digest = XXH3_64bits_digest(state_.get());
    text_.assign(reinterpret_cast<const char*>(&digest), sizeof(digest));
  }
  std::string GetChecksum() const override { return text_; }
  const char* Name() const override { return "XXH3"; }

 private:
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state_{XXH3_createState(),
                                                                         &XXH3_freeState};
  std::string text_;
};

class Xxh3ChecksumFactory : public rocksdb::FileChecksumGenFactory {
 public:
  std::unique_ptr<rocksdb::FileChecksumGenerator> CreateFileChecksumGenerator(
      const rocksdb::FileChecksumGenContext& /*context*/) override {
    return std::make_unique<Xxh3Checksum>();
  }
  const char* Name() const override { return "Xxh3ChecksumFactory"; }
};

rocksdb::Options TableFileOptions() {
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kNoCompression;  // weights hardly compress
  options.file_checksum_gen_factory = std::make_shared<Xxh3ChecksumFactory>();
  options.bytes_per_sync = kPieceBytes;  // buffered: write-back starts at once
  return options;
}

rocksdb::EnvOptions EnvOptionsOf(const rocksdb::Options& options, WriteMode mode) {
  rocksdb::EnvOptions env(options);
  env.use_direct_writes = mode == WriteMode::kDirect;
  return env;
}

absl::Status FromRocksDb(const rocksdb::Status& status, const char* doing,
                         const std::string& path) {
  if (status.ok()) return absl::OkStatus();
  const std::string said = status.ToString();  // with errno, if it is of the system, at its end
  if (const int error = ErrorOfText(said); error != 0) return FileError(error, doing, path);
  const std::string sentence = absl::StrFormat("row file %s: %s", path, said);
  if (status.IsCorruption()) return absl::DataLossError(sentence);
  return absl::InternalError(sentence);
}

template <class T>
rocksdb::Slice SliceOf(const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class SstRowFileWriter : public RowFileWriter {
 public:
  SstRowFileWriter(std::string path, WriteMode mode)
      : path_(std::move(path)),
        options_(TableFileOptions()),
        writer_(EnvOptionsOf(options_, mode), options_, nullptr, /*invalidate_page_cache=*/false) {}

  absl::Status Open() { return FromRocksDb(writer_.Open(path_), "writing", path_); }
  absl::Status Add(PieceNumber number, const TableImage& piece) override {
    rocksdb::Status status = writer_.Put(EntryKey(number, Column::kKeys), SliceOf(piece.keys));
    if (status.ok()) status = writer_.Put(EntryKey(number, Column::kRows), SliceOf(piece.rows));
    return FromRocksDb(status, "writing", path_);
  }
  absl::StatusOr<FileDigest> Finish() override {
    rocksdb::ExternalSstFileInfo info;
    RETURN_IF_ERROR(FromRocksDb(writer_.Finish(&info), "writing", path_));
    FileDigest digest{.bytes = info.file_size};
    CHECK(info.file_checksum.size() == sizeof(digest.xxh3));
    std::memcpy(&digest.xxh3, info.file_checksum.data(), sizeof(digest.xxh3));
    return digest;
  }

 private:
  const std::string path_;
  const rocksdb::Options options_;
  rocksdb::SstFileWriter writer_;
};

// An entry of `tables`, or nothing.
std::optional<Entry> Understand(const rocksdb::Slice& key, const rocksdb::Slice& value,
                                const std::vector<TableShape>& tables) {
  if (key.size() != kEntryKeyBytes) return std::nullopt;
  const auto big_endian = [&key](size_t at) {
    uint32_t number = 0;
    for (size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<uint8_t>(key[at + i]);
    return number;
  };
  Entry entry;
  entry.piece = {big_endian(0), big_endian(4)};
  entry.column = static_cast<Column>(key[8]);
  if (entry.piece.table >= tables.size()) return std::nullopt;
  const TableShape& table = tables[entry.piece.table];
  if (entry.piece.piece >= PiecesOf(table)) return std::nullopt;
  const uint64_t rows = RowsOf(tables, entry.piece).rows;
  const bool is_keys = entry.column == Column::kKeys;
  if (!is_keys && entry.column != Column::kRows) return std::nullopt;
  entry.bytes = value.data();
  entry.size = rows * (is_keys ? sizeof(uint64_t) : table.row_floats * sizeof(float));
  if (value.size() != entry.size) return std::nullopt;
  return entry;
}

}  // namespace

// tmpfs and some network file systems refuse O_DIRECT.
WriteMode WriteModeOf(const std::string& folder) {
  const FileDescriptor probe(
      open(folder.c_str(), O_TMPFILE | O_WRONLY | O_DIRECT | O_CLOEXEC, 0600));
  return probe.valid() ? WriteMode::kDirect : WriteMode::kBuffered;
}

absl::StatusOr<std::unique_ptr<RowFileWriter>> RowFileWriter::Create(const std::string& path,
                                                                     WriteMode mode) {
  auto writer = std::make_unique<SstRowFileWriter>(path, mode);
  RETURN_IF_ERROR(writer->Open());
  return writer;
}

absl::Status CheckRowFile(const std::string& path, const FileDigest& expected) {
  ASSIGN_OR_RETURN(const FileDigest found, DigestFile(path));
  if (found == expected) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat("row file %s: its checksum is wrong", path));
}

absl::Status ReadRowFile(const std::string& path, const FileDigest& expected,
                         const std::vector<TableShape>& tables, const TakeEntry& take) {
  RETURN_IF_ERROR(CheckRowFile(path, expected));
  rocksdb::SstFileReader reader(TableFileOptions());
  RETURN_IF_ERROR(FromRocksDb(reader.Open(path), "reading", path));
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(reader.NewIterator(options));
  Column due = Column::kKeys;
  PieceNumber of;
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    const std::optional<Entry> entry = Understand(at->key(), at->value(), tables);
    const bool fits = entry && entry->column == due && (due == Column::kKeys || entry->piece == of);
    if (!fits) {
      return absl::DataLossError(absl::StrFormat("row file %s: not what its manifest says", path));
    }
    of = entry->piece;
    due = due == Column::kKeys ? Column::kRows : Column::kKeys;
    RETURN_IF_ERROR(take(*entry));
  }
  RETURN_IF_ERROR(FromRocksDb(at->status(), "reading", path));
  if (due == Column::kKeys) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat("row file %s: a piece has no rows", path));
}

}  // namespace rubato
