// Where images are kept: as RocksDB's table files (server/snapshot/row_file.h). Tests and
// the simulator bring stores of their own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/wire/message.h"
#include "server/snapshot/image_source.h"

namespace rubato {

// Thread-safe: shards of one process share a store and write from a thread of their own.
class SnapshotStore {
 public:
  virtual ~SnapshotStore() = default;
  // Durable and visible, whole or not at all, when it returns OK. A full disk is Unavailable with a
  // sentence; Aborted is what the source says. Whatever was written of it is removed and older
  // images stay as they were. An image that is there already is never replaced: AlreadyExists.
  virtual absl::Status Write(ImageSource* source) = 0;
  absl::Status Write(const Image& image) {
    HeldImage held(&image);
    return Write(&held);
  }
  // NotFound, DataLoss (a checksum is wrong: which file), or the image with the rows of its chain.
  virtual absl::StatusOr<Image> Read(const ImageName& name) = 0;
  // Reads an image back that was just written, without its base: OK only if each byte is on the
  // disk as it was written.
  virtual absl::Status Check(const ImageName& name) = 0;
  // The chain of an image, itself first. DataLoss: a manifest of it is damaged or missing.
  virtual absl::StatusOr<std::vector<ImageName>> Chain(const ImageName& name) = 0;
  virtual absl::StatusOr<std::vector<ImageName>> List() = 0;
  // OK also when it is not there.
  virtual absl::Status Remove(const ImageName& name) = 0;

  // Bytes read and written so far, by whoever called. It grows from inside a call that takes long.
  uint64_t work() const { return work_; }

 protected:
  void NoteWork(uint64_t bytes) { work_ += bytes; }

 private:
  std::atomic<uint64_t> work_{0};
};

// Opens (or makes) the folder `path`, made with mode 0700.
// What crashed writers left in it is removed. Several processes may open one store.
absl::StatusOr<std::unique_ptr<SnapshotStore>> OpenSnapshotStore(const std::string& path);

// The store of a folder that is there, for a process that only reads: nothing in it is changed, and
// Write and Remove are FailedPrecondition.
absl::StatusOr<std::unique_ptr<SnapshotStore>> OpenSnapshotStoreToRead(const std::string& path);

// Of an image of the store at `path`: nothing but its manifest is read. DataLoss, NotFound as Read.
absl::StatusOr<ImageHead> ReadHead(const std::string& path, const ImageName& name);
// Reads every byte of an image of the store at `path`, and of the chain behind it, and changes
// nothing: OK; DataLoss with the file that is damaged or missing; or what kept it from being read.
absl::Status VerifyImage(const std::string& path, const ImageName& name);
// The same, with a sentence about each file that is damaged or missing; none: all is whole.
absl::StatusOr<std::vector<std::string>> DamageOf(const std::string& path, const ImageName& name);

}  // namespace rubato
