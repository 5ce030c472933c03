#include "common/base/draft.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "common/base/status.h"
#include "common/base/system_error.h"

namespace rubato {

absl::StatusOr<Draft> Draft::OfFile(const std::string& path, mode_t mode) {
  const std::filesystem::path file = path;
  std::string name =
      (file.parent_path() / absl::StrCat(".", file.filename().string(), ".part")).string();
  if (unlink(name.c_str()) != 0 && errno != ENOENT) return FileError(errno, "removing", name);
  FileDescriptor fd(open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd.valid()) return FileError(errno, "creating", path);
  return Draft(std::move(name), path, std::move(fd));
}

Draft::Draft(Draft&& other) noexcept
    : name_(std::move(other.name_)),
      path_(std::move(other.path_)),
      file_(std::move(other.file_)),
      renamed_(std::exchange(other.renamed_, true)) {}

Draft::~Draft() {
  std::error_code kept;  // as nobody can be told; it is no one's final name
  if (!renamed_) std::filesystem::remove_all(name_, kept);
}

absl::Status Draft::Publish() {
  if (fsync(fd()) != 0) return FileError(errno, "syncing", path_);
  if (std::rename(name_.c_str(), path_.c_str()) != 0) {
    if (errno != ENOTEMPTY && errno != EEXIST) return FileError(errno, "publishing", path_);
    return absl::AlreadyExistsError(absl::StrFormat(
        "%s: something is already there; remove it, or choose another place", path_));
  }
  renamed_ = true;
  const absl::Status status = SyncFolderOf(path_);
  // A folder that may be written and not read is forced with all of its file system.
  if (absl::IsPermissionDenied(status) && syncfs(fd()) == 0) return absl::OkStatus();
  return status;
}

}  // namespace rubato
