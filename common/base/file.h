// Open files, and folders on their way to the disk.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rubato {

// Closes what it owns. -1 owns nothing.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// All of `bytes`, whatever a single write takes; `path` stands in the error (FileError).
absl::Status WriteAll(int fd, absl::string_view bytes, const std::string& path);

// Forces the names in the folder to the disk: what was made, renamed or removed there is durable.
absl::Status SyncFolder(const std::string& path);
// The folder that `path` is in.
absl::Status SyncFolderOf(const std::string& path);

}  // namespace rubato
