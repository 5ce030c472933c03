#include "common/base/durable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/draft.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/system_error.h"

namespace rubato {
namespace {

constexpr size_t kReadBytes = 1 << 20;

absl::StatusOr<FileDescriptor> OpenRegular(const std::string& path) {
  FileDescriptor fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return FileError(errno, "opening", path);
  struct stat info = {};
  if (fstat(fd.get(), &info) != 0) return FileError(errno, "opening", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::DataLossError(absl::StrFormat("not a regular file: %s", path));
  }
  return fd;
}

// Calls visit(bytes) for each piece; stops when it returns false.
template <class Visit>
absl::Status ForEachPiece(int fd, const std::string& path, Visit visit) {
  std::vector<char> piece(kReadBytes);
  while (true) {
    const ssize_t got = read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(errno, "reading", path);
    if (got == 0) return absl::OkStatus();
    if (!visit(absl::string_view(piece.data(), static_cast<size_t>(got)))) {
      return absl::OkStatus();
    }
  }
}

}  // namespace

absl::Status WriteNewFile(const std::string& path, absl::string_view bytes) {
  const FileDescriptor fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return FileError(errno, "creating", path);
  RETURN_IF_ERROR(WriteAll(fd.get(), bytes, path));
  if (fsync(fd.get()) != 0) return FileError(errno, "syncing", path);
  return absl::OkStatus();
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes) {
  ASSIGN_OR_RETURN(Draft draft, Draft::OfFile(path, 0600));
  RETURN_IF_ERROR(WriteAll(draft.fd(), bytes, path));
  return draft.Publish();
}

absl::StatusOr<std::string> ReadSmallFile(const std::string& path, uint64_t max_bytes) {
  ASSIGN_OR_RETURN(const FileDescriptor fd, OpenRegular(path));
  std::string bytes;
  RETURN_IF_ERROR(ForEachPiece(fd.get(), path, [&](absl::string_view piece) {
    bytes.append(piece.data(), piece.size());
    return bytes.size() <= max_bytes;
  }));
  if (bytes.size() > max_bytes) {
    return absl::DataLossError(absl::StrFormat("%s is longer than %d bytes", path, max_bytes));
  }
  return bytes;
}

absl::StatusOr<uint64_t> FileBytes(const std::string& path) {
  ASSIGN_OR_RETURN(const FileDescriptor fd, OpenRegular(path));
  struct stat info = {};
  if (fstat(fd.get(), &info) != 0) return FileError(errno, "opening", path);
  return static_cast<uint64_t>(info.st_size);
}

absl::StatusOr<FileDigest> DigestFile(const std::string& path) {
  ASSIGN_OR_RETURN(const FileDescriptor fd, OpenRegular(path));
  // What is asked for is what the disk holds, not what the page cache would give (where pages are
  // written back already, as fsync leaves them).
  posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> hash(XXH3_createState(),
                                                                             &XXH3_freeState);
  XXH3_64bits_reset(hash.get());
  FileDigest digest;
  RETURN_IF_ERROR(ForEachPiece(fd.get(), path, [&](absl::string_view piece) {
    XXH3_64bits_update(hash.get(), piece.data(), piece.size());
    digest.bytes += piece.size();
    return true;
  }));
  digest.xxh3 = XXH3_64bits_digest(hash.get());
  return digest;
}

absl::StatusOr<uint64_t> BytesAvailable(const std::string& path) {
  struct statvfs info = {};
  if (statvfs(path.c_str(), &info) != 0) return FileError(errno, "measuring", path);
  if (info.f_blocks == 0) return std::numeric_limits<uint64_t>::max();
  return static_cast<uint64_t>(info.f_bavail) * static_cast<uint64_t>(info.f_frsize);
}

}  // namespace rubato
