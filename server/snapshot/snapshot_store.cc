// Images as RocksDB table files, written with SstFileWriter and read with SstFileReader; there is
// no database around them, so no log, no compaction and no background thread. Formats and their
// reasons: server/snapshot/image_manifest.h (files of an image), server/snapshot/image_folder.h
// (publishing).
//
// Bytes reach RocksDB only after their file's checksum is known to be right: its reader then sees
// nothing but what its writer wrote. Two threads take row files in turn, so that one is hashed and
// copied while the other is on the disk; a store holds two chunks of memory for each beside the
// image. Writes go past the page cache where the file system can, which keeps a long image from
// stalling in write-back.
#include "server/snapshot/snapshot_store.h"

#include <fcntl.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <span>
#include <thread>
#include <utility>

#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/base/system_error.h"
#include "common/base/thread.h"
#include "rocksdb/file_checksum.h"
#include "rocksdb/options.h"
#include "rocksdb/sst_file_reader.h"
#include "rocksdb/sst_file_writer.h"
#include "rocksdb/table.h"
#include "server/snapshot/image_folder.h"
#include "server/snapshot/image_manifest.h"

namespace rubato {
namespace {

constexpr char kManifestFile[] = "manifest";
constexpr size_t kThreads = 2;
static_assert(sizeof(RowKey) == sizeof(uint64_t) && std::is_trivially_copyable_v<RowKey>);

// RocksDB hashes what it writes: the checksum costs no second reading.
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

enum class WriteMode { kDirect, kBuffered };

// tmpfs and some network file systems refuse O_DIRECT.
WriteMode WriteModeOf(const std::string& store) {
  const FileDescriptor probe(
      open(store.c_str(), O_TMPFILE | O_WRONLY | O_DIRECT | O_CLOEXEC, 0600));
  return probe.valid() ? WriteMode::kDirect : WriteMode::kBuffered;
}

rocksdb::Options TableFileOptions() {
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kNoCompression;  // weights hardly compress
  options.file_checksum_gen_factory = std::make_shared<Xxh3ChecksumFactory>();
  options.bytes_per_sync = kChunkBytes;  // buffered: write-back starts at once
  return options;
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

// Runs run(0) to run(count - 1) on kThreads threads; the first error of them stops all.
absl::Status RunInParallel(size_t count, const std::function<absl::Status(size_t)>& run) {
  std::vector<absl::Status> results(count);
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  const auto work = [&] {
    for (size_t i = next++; i < count && !failed; i = next++) {
      results[i] = run(i);
      if (!results[i].ok()) failed = true;
    }
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < std::min(kThreads, count); ++i) {
    if (auto other = StartThread(work); other.ok()) others.push_back(*std::move(other));
  }  // without others this one does it all
  work();
  for (std::thread& thread : others) thread.join();
  for (absl::Status& status : results) RETURN_IF_ERROR(status);
  return absl::OkStatus();
}

std::string RowFilePath(const std::string& folder, size_t number) {
  return absl::StrFormat("%s/rows-%05d.sst", folder, number);
}

std::span<const Chunk> ChunksOfFile(const std::vector<Chunk>& chunks, size_t number) {
  const auto from = std::span(chunks).subspan(number * kChunksPerFile);
  return from.first(std::min<size_t>(kChunksPerFile, from.size()));
}

// Told how many bytes were just read or written, by any thread: long calls are seen to go on.
using CountBytes = std::function<void(uint64_t bytes)>;

// Writing -----------------------------------------------------------------------------------------

rocksdb::Slice BytesOf(const Image& image, const Chunk& chunk) {
  const TableImage& table = image.tables[chunk.table];
  const auto bytes = chunk.column == Column::kKeys ? std::as_bytes(std::span(table.keys))
                                                   : std::as_bytes(std::span(table.rows));
  return {reinterpret_cast<const char*>(bytes.data()) + chunk.offset, chunk.bytes};
}

absl::StatusOr<FileDigest> WriteRowFile(const std::string& path, const Image& image,
                                        std::span<const Chunk> chunks, WriteMode mode,
                                        const CountBytes& count) {
  const rocksdb::Options options = TableFileOptions();
  rocksdb::EnvOptions env(options);
  env.use_direct_writes = mode == WriteMode::kDirect;
  rocksdb::SstFileWriter writer(env, options, nullptr, /*invalidate_page_cache=*/false);
  rocksdb::Status status = writer.Open(path);
  for (const Chunk& chunk : chunks) {
    if (!status.ok()) break;
    status = writer.Put(chunk.Key(), BytesOf(image, chunk));
    count(chunk.bytes);
  }
  rocksdb::ExternalSstFileInfo info;
  if (status.ok()) status = writer.Finish(&info);  // fsyncs
  RETURN_IF_ERROR(FromRocksDb(status, "writing", path));
  FileDigest digest{.bytes = info.file_size};
  CHECK(info.file_checksum.size() == sizeof(digest.xxh3));
  std::memcpy(&digest.xxh3, info.file_checksum.data(), sizeof(digest.xxh3));
  return digest;
}

absl::StatusOr<std::vector<FileDigest>> WriteRows(const std::string& folder, const Image& image,
                                                  const std::vector<Chunk>& chunks, WriteMode mode,
                                                  const CountBytes& count) {
  std::vector<FileDigest> files(FilesForChunks(chunks.size()));
  RETURN_IF_ERROR(RunInParallel(files.size(), [&](size_t i) -> absl::Status {
    ASSIGN_OR_RETURN(files[i], WriteRowFile(RowFilePath(folder, i), image, ChunksOfFile(chunks, i),
                                            mode, count));
    return absl::OkStatus();
  }));
  return files;
}

// Reading -----------------------------------------------------------------------------------------

using TakeChunk = std::function<void(const Chunk&, const char* bytes)>;

// What reading needs beside the folder: who takes the chunks, and who counts all bytes that were
// read, those of checksums too.
struct RowSink {
  TakeChunk take;
  CountBytes count;
};

absl::Status CheckDigest(const std::string& path, const FileDigest& expected) {
  ASSIGN_OR_RETURN(const FileDigest found, DigestFile(path));
  if (found == expected) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat("row file %s: its checksum is wrong", path));
}

absl::Status ReadRowFile(const std::string& path, const FileDigest& expected,
                         std::span<const Chunk> chunks, const RowSink& sink) {
  RETURN_IF_ERROR(CheckDigest(path, expected));
  sink.count(expected.bytes);
  rocksdb::SstFileReader reader(TableFileOptions());
  RETURN_IF_ERROR(FromRocksDb(reader.Open(path), "reading", path));
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> entry(reader.NewIterator(options));
  entry->SeekToFirst();
  for (const Chunk& chunk : chunks) {
    if (!entry->Valid() || entry->key() != chunk.Key() || entry->value().size() != chunk.bytes) {
      RETURN_IF_ERROR(FromRocksDb(entry->status(), "reading", path));
      return absl::DataLossError(absl::StrFormat("row file %s: not what its manifest says", path));
    }
    sink.take(chunk, entry->value().data());
    sink.count(chunk.bytes);
    entry->Next();
  }
  RETURN_IF_ERROR(FromRocksDb(entry->status(), "reading", path));
  if (!entry->Valid()) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat("row file %s: more than its manifest says", path));
}

absl::Status CheckLength(const std::string& path, uint64_t expected) {
  ASSIGN_OR_RETURN(const uint64_t found, FileBytes(path));
  if (found == expected) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrFormat("row file %s: it has %d bytes, not %d", path, found, expected));
}

absl::StatusOr<ImageManifest> ReadManifest(const std::string& folder, const ImageName& name) {
  const std::string path = absl::StrCat(folder, "/", kManifestFile);
  ASSIGN_OR_RETURN(const std::string bytes, ReadSmallFile(path, kMaxManifestBytes));
  absl::StatusOr<ImageManifest> manifest = DecodeManifest(bytes);
  if (!manifest.ok()) return Annotate(manifest.status(), "manifest " + path);
  if (manifest->name != name) {
    return absl::DataLossError(absl::StrFormat("manifest %s: it is of another image, %s", path,
                                               ImageFolderName(manifest->name)));
  }
  for (size_t i = 0; i < manifest->files.size(); ++i) {
    RETURN_IF_ERROR(CheckLength(RowFilePath(folder, i), manifest->files[i].bytes));
  }
  return manifest;
}

absl::Status ReadRows(const std::string& folder, const ImageManifest& manifest,
                      const RowSink& sink) {
  const std::vector<Chunk> chunks = ChunksOf(manifest.tables);
  return RunInParallel(manifest.files.size(), [&](size_t i) {
    return ReadRowFile(RowFilePath(folder, i), manifest.files[i], ChunksOfFile(chunks, i), sink);
  });
}

// An image with room for the rows that ReadRows then fills in.
Image RoomFor(const ImageManifest& manifest) {
  Image image = EmptyImage(manifest);
  for (size_t i = 0; i < image.tables.size(); ++i) {
    image.tables[i].keys.resize(manifest.tables[i].rows);
    image.tables[i].rows.resize(manifest.tables[i].rows * manifest.tables[i].row_floats);
  }
  return image;
}

void PutChunk(const Chunk& chunk, const char* bytes, Image* image) {
  TableImage& table = image->tables[chunk.table];
  const auto column = chunk.column == Column::kKeys ? std::as_writable_bytes(std::span(table.keys))
                                                    : std::as_writable_bytes(std::span(table.rows));
  std::memcpy(column.data() + chunk.offset, bytes, chunk.bytes);
}

absl::StatusOr<Image> ReadImage(const std::string& folder, const ImageName& name,
                                const CountBytes& count) {
  ASSIGN_OR_RETURN(const ImageManifest manifest, ReadManifest(folder, name));
  Image image = RoomFor(manifest);
  const auto put = [&](const Chunk& chunk, const char* bytes) { PutChunk(chunk, bytes, &image); };
  RETURN_IF_ERROR(ReadRows(folder, manifest, {put, count}));
  return image;
}

// What an error in a published image means to its reader: it was whole once.
absl::Status Damaged(const absl::Status& cause, const std::string& folder) {
  if (cause.code() != absl::StatusCode::kDataLoss && cause.code() != absl::StatusCode::kNotFound) {
    return cause;
  }
  return absl::DataLossError(absl::StrFormat(
      "%s; restore %s from a copy, or train into a new folder", cause.message(), folder));
}

// The store ---------------------------------------------------------------------------------------

class RocksDbSnapshotStore : public SnapshotStore {
 public:
  RocksDbSnapshotStore(std::string path, WriteMode mode) : path_(std::move(path)), mode_(mode) {}

  absl::Status Write(const Image& image) override;
  absl::StatusOr<Image> Read(const ImageName& name) override {
    return Explained(ReadImage(FolderOf(name), name, Counter()), name);
  }
  absl::StatusOr<std::vector<ImageName>> List() override { return ListImageFolders(path_); }
  absl::Status Remove(const ImageName& name) override { return RemoveImageFolder(path_, name); }

 private:
  absl::StatusOr<Image> Explained(absl::StatusOr<Image> image, const ImageName& name);
  absl::Status CheckRoom(const Image& image, const std::vector<Chunk>& chunks) const;
  CountBytes Counter() {
    return [this](uint64_t bytes) { NoteWork(bytes); };
  }
  std::string FolderOf(const ImageName& name) const { return ImageFolderPath(path_, name); }

  const std::string path_;
  const WriteMode mode_;
};

absl::Status RocksDbSnapshotStore::CheckRoom(const Image& image,
                                             const std::vector<Chunk>& chunks) const {
  // Of RocksDB's own: 64 bytes a chunk, 4 KiB a file; of ours: the manifest, 16 bytes an entry.
  uint64_t needed = 4096 + 16 * (image.positions.size() + image.tables.size());
  for (const Chunk& chunk : chunks) needed += chunk.bytes + 64;
  needed += 4096 * FilesForChunks(chunks.size());
  ASSIGN_OR_RETURN(const uint64_t available, BytesAvailable(path_));
  if (needed <= available) return absl::OkStatus();
  return absl::UnavailableError(absl::StrFormat(
      "no room for image %s: it needs %d bytes and the disk of %s has %d; free some space there",
      ImageFolderName(image.name), needed, path_, available));
}

absl::Status RocksDbSnapshotStore::Write(const Image& image) {
  for (const TableImage& table : image.tables) {
    CHECK(table.rows.size() == table.keys.size() * table.row_floats);
  }
  ImageManifest manifest = ManifestOf(image);
  const std::vector<Chunk> chunks = ChunksOf(manifest.tables);
  RETURN_IF_ERROR(CheckRoom(image, chunks));
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageDraft> draft, ImageDraft::Begin(path_, image.name));
  ASSIGN_OR_RETURN(manifest.files, WriteRows(draft->path(), image, chunks, mode_, Counter()));
  RETURN_IF_ERROR(
      WriteNewFile(absl::StrCat(draft->path(), "/", kManifestFile), EncodeManifest(manifest)));
  return draft->Publish();
}

// What was read of `name`, or why nothing was.
absl::StatusOr<Image> RocksDbSnapshotStore::Explained(absl::StatusOr<Image> image,
                                                      const ImageName& name) {
  const std::string folder = FolderOf(name);
  if (image.ok()) return image;
  // Asked last, since it may have been pruned meanwhile.
  ASSIGN_OR_RETURN(const std::vector<ImageName> present, List());
  if (std::binary_search(present.begin(), present.end(), name)) {
    return Damaged(image.status(), folder);
  }
  return absl::NotFoundError(
      absl::StrFormat("%s: this image is not there; restore it from a copy, or train into a new "
                      "folder",
                      folder));
}

class ReadOnlySnapshotStore : public RocksDbSnapshotStore {
 public:
  explicit ReadOnlySnapshotStore(const std::string& folder)
      : RocksDbSnapshotStore(folder, WriteMode::kBuffered), folder_(folder) {}

  absl::Status Write(const Image& /*image*/) override { return Refuse(); }
  absl::Status Remove(const ImageName& /*name*/) override { return Refuse(); }

 private:
  absl::Status Refuse() const {
    return absl::FailedPreconditionError(
        absl::StrCat(folder_, " is only read by a fleet that serves; nothing in it is changed"));
  }

  const std::string folder_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SnapshotStore>> OpenSnapshotStore(const std::string& path) {
  RETURN_IF_ERROR(MakeStoreFolder(path));
  RETURN_IF_ERROR(RemoveLeftovers(path));
  return std::make_unique<RocksDbSnapshotStore>(path, WriteModeOf(path));
}

absl::StatusOr<std::unique_ptr<SnapshotStore>> OpenSnapshotStoreToRead(const std::string& path) {
  RETURN_IF_ERROR(ListImageFolders(path).status());
  return std::make_unique<ReadOnlySnapshotStore>(path);
}

absl::Status VerifyImage(const std::string& path, const ImageName& name) {
  const std::string folder = ImageFolderPath(path, name);
  absl::StatusOr<ImageManifest> manifest = ReadManifest(folder, name);
  absl::Status status = manifest.status();
  if (status.ok()) {
    status = ReadRows(folder, *manifest, {[](const Chunk&, const char*) {}, [](uint64_t) {}});
  }
  // What is published has all its files.
  if (status.code() != absl::StatusCode::kNotFound) return status;
  return absl::DataLossError(status.message());
}

}  // namespace rubato
