#include "server/snapshot/image_rows.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/base/thread.h"

namespace rubato {
namespace {

constexpr size_t kThreads = 2;

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

// Cuts what a source hands out into pieces, and gives files their numbers. Thread-safe.
class PieceQueue {
 public:
  explicit PieceQueue(ImageSource* source) : source_(source), written_{source->tables(), {}} {
    for (TableShape& table : written_.tables) table.rows = 0;
  }

  // The next piece with its number; false at the end.
  absl::StatusOr<bool> Next(PieceNumber* number, TableImage* piece) {
    MutexLock lock(&mutex_);
    for (; table_ < written_.tables.size(); ++table_) {
      TableShape& table = written_.tables[table_];
      piece->keys.clear();
      piece->rows.clear();
      const uint64_t before = PiecesOf(table);
      RETURN_IF_ERROR(source_->Take(table_, RowsOfPiece(table.row_floats), piece));
      CHECK(piece->rows.size() == piece->keys.size() * table.row_floats);
      if (piece->keys.empty()) continue;
      table.rows += piece->keys.size();
      *number = {static_cast<uint32_t>(table_), static_cast<uint32_t>(before)};
      return true;
    }
    return false;
  }
  size_t NewFile() {
    MutexLock lock(&mutex_);
    written_.files.emplace_back();
    return written_.files.size() - 1;
  }
  void Finished(size_t file, const FileDigest& digest) {
    MutexLock lock(&mutex_);
    written_.files[file] = digest;
  }
  // Another thread has failed: there is nothing more.
  void Stop() {
    MutexLock lock(&mutex_);
    table_ = written_.tables.size();
  }
  WrittenRows Take() {
    MutexLock lock(&mutex_);
    return std::move(written_);
  }

 private:
  Mutex mutex_;
  ImageSource* const source_ GUARDED_BY(mutex_);
  WrittenRows written_ GUARDED_BY(mutex_);
  size_t table_ GUARDED_BY(mutex_) = 0;
};

// One of the threads that write: a file after the other until there are no more pieces.
absl::Status WriteFiles(const std::string& folder, WriteMode mode, const CountBytes& count,
                        PieceQueue* queue) {
  TableImage piece;
  PieceNumber number;
  ASSIGN_OR_RETURN(bool more, queue->Next(&number, &piece));
  while (more) {
    const size_t file = queue->NewFile();
    ASSIGN_OR_RETURN(const std::unique_ptr<RowFileWriter> writer,
                     RowFileWriter::Create(RowFilePath(folder, file), mode));
    for (uint64_t i = 0; i < kPiecesPerFile && more; ++i) {
      RETURN_IF_ERROR(writer->Add(number, piece));
      count(piece.keys.size() * sizeof(RowKey) + piece.rows.size() * sizeof(float));
      ASSIGN_OR_RETURN(more, queue->Next(&number, &piece));
    }
    ASSIGN_OR_RETURN(const FileDigest digest, writer->Finish());
    queue->Finished(file, digest);
  }
  return absl::OkStatus();
}

// Which pieces were read. Thread-safe.
class Coverage {
 public:
  explicit Coverage(const std::vector<TableShape>& tables) {
    for (const TableShape& table : tables) seen_.emplace_back(PiecesOf(table));
  }
  // False: for the second time.
  bool Add(PieceNumber number) {
    MutexLock lock(&mutex_);
    if (seen_[number.table][number.piece]) return false;
    seen_[number.table][number.piece] = true;
    return true;
  }
  bool whole() {
    MutexLock lock(&mutex_);
    return std::ranges::all_of(seen_, [](const std::vector<bool>& pieces) {
      return std::ranges::find(pieces, false) == pieces.end();
    });
  }

 private:
  Mutex mutex_;
  std::vector<std::vector<bool>> seen_ GUARDED_BY(mutex_);
};

}  // namespace

std::string RowFilePath(const std::string& folder, size_t number) {
  return absl::StrFormat("%s/rows-%05d.sst", folder, number);
}

absl::StatusOr<WrittenRows> WriteRows(const std::string& folder, ImageSource* source,
                                      WriteMode mode, const CountBytes& count) {
  PieceQueue queue(source);
  uint64_t pieces = 0;
  for (const TableShape& table : source->tables()) pieces += PiecesOf(table);
  const uint64_t files = (pieces + kPiecesPerFile - 1) / kPiecesPerFile;
  RETURN_IF_ERROR(RunInParallel(std::min<uint64_t>(files, kThreads), [&](size_t) {
    absl::Status status = WriteFiles(folder, mode, count, &queue);
    if (!status.ok()) queue.Stop();
    return status;
  }));
  return queue.Take();
}

absl::Status ReadRows(const std::string& folder, const ImageManifest& manifest,
                      const std::function<void(const Entry&)>& take, const CountBytes& count) {
  Coverage coverage(manifest.tables);
  RETURN_IF_ERROR(RunInParallel(manifest.files.size(), [&](size_t i) {
    const std::string path = RowFilePath(folder, i);
    return ReadRowFile(path, manifest.files[i], manifest.tables, [&](const Entry& entry) {
      count(2 * entry.size);  // for its digest, and now
      if (entry.column == Column::kKeys && !coverage.Add(entry.piece)) {
        return absl::DataLossError(absl::StrFormat("row file %s: rows of another one", path));
      }
      take(entry);
      return absl::OkStatus();
    });
  }));
  if (coverage.whole()) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat("the row files in %s lack some rows", folder));
}

absl::Status CheckRows(const std::string& folder, const ImageManifest& manifest,
                       const CountBytes& count) {
  return RunInParallel(manifest.files.size(), [&](size_t i) -> absl::Status {
    RETURN_IF_ERROR(CheckRowFile(RowFilePath(folder, i), manifest.files[i]));
    count(manifest.files[i].bytes);
    return absl::OkStatus();
  });
}

}  // namespace rubato
