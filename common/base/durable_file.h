// Files that survive a crash, and what is asked of a file when it is read back. Errors name the
// path, what was being done and what the user can do. No function here throws, and none follows a
// symbolic link in the last part of a path it reads.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rubato {

// Writes and fsyncs a file that must not exist yet (mode 0600). Its folder is not fsynced.
absl::Status WriteNewFile(const std::string& path, absl::string_view bytes);
// Replaces `path` (mode 0600), durably, through a common/base/draft.h: a reader, also after a
// crash, sees the old bytes or the new ones.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes);

// The whole regular file. DataLoss if it is longer than max_bytes; NotFound if it is not there.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path, uint64_t max_bytes);

// Length of a regular file, and the XXH3-64 (seed 0) of its bytes; reads it once, front to back.
struct FileDigest {
  uint64_t bytes = 0;
  uint64_t xxh3 = 0;
  friend bool operator==(const FileDigest&, const FileDigest&) = default;
};
absl::StatusOr<uint64_t> FileBytes(const std::string& path);
// From the disk as far as the system allows it: what the page cache holds of it is dropped first.
absl::StatusOr<FileDigest> DigestFile(const std::string& path);

// Bytes that an unprivileged writer may still add to the file system of `path`;
// without limit if that does not say (ramfs, some network file systems).
absl::StatusOr<uint64_t> BytesAvailable(const std::string& path);

}  // namespace rubato
