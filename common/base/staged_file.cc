#include "common/base/staged_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>

#include "common/base/sealed_text.h"
#include "common/base/status.h"
#include "common/base/system_error.h"

namespace rubato {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel follows

// A link may lead to a file that is not there yet.
absl::StatusOr<std::string> FollowLinks(const std::string& path) {
  std::filesystem::path file = path;
  for (int i = 0; i < kMaxLinks; ++i) {
    std::error_code no_link;
    const auto next = std::filesystem::read_symlink(file, no_link);
    if (no_link) return file.string();
    file = file.parent_path() / next;  // `next`, if it begins at the root
  }
  return FileError(ELOOP, "following the links of", path);
}

absl::StatusOr<int> OpenSpecial(const std::string& path, mode_t mode) {
  if (S_ISDIR(mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is a folder; name a file in it"));
  }
  if (S_ISBLK(mode) || S_ISSOCK(mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is a disk or a socket, and no file; choose another place"));
  }
  const int fd = open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0 && errno == ENXIO) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": nobody reads from it; start its reader first, or name a file"));
  }
  if (fd < 0) return FileError(errno, "opening", path);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  return fd;
}

// The draft gets the mode and, if that is allowed, the owner of the file that it will replace.
absl::StatusOr<int> OpenDraft(const std::string& draft, const std::string& path,
                              const struct stat* before) {
  const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
  const int fd = open(draft.c_str(), flags, 0666);
  if (fd < 0 && errno == ENOENT) {  // named by a user, who can mend it
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: its folder is not there; make it, or choose another place", path));
  }
  if (fd < 0) return FileError(errno, "creating", path);
  if (before == nullptr) return fd;
  [[maybe_unused]] const int not_allowed = fchown(fd, before->st_uid, before->st_gid);
  fchmod(fd, before->st_mode & 07777);
  return fd;
}

}  // namespace

absl::StatusOr<std::unique_ptr<StagedFile>> StagedFile::Create(const std::string& path) {
  struct stat info = {};
  const bool there = stat(path.c_str(), &info) == 0;
  if (!there && errno != ENOENT) return FileError(errno, "opening", path);
  if (there && !S_ISREG(info.st_mode)) {
    ASSIGN_OR_RETURN(const int fd, OpenSpecial(path, info.st_mode));
    return std::unique_ptr<StagedFile>(new StagedFile(path, "", fdopen(fd, "wb")));
  }
  if (there && access(path.c_str(), W_OK) != 0) return FileError(errno, "opening", path);
  ASSIGN_OR_RETURN(std::string file, FollowLinks(path));
  const std::filesystem::path name = file;
  std::string draft =
      (name.parent_path() / absl::StrCat(".", name.filename().string(), ".part")).string();
  ASSIGN_OR_RETURN(const int fd, OpenDraft(draft, path, there ? &info : nullptr));
  return std::unique_ptr<StagedFile>(
      new StagedFile(std::move(file), std::move(draft), fdopen(fd, "wb")));
}

StagedFile::~StagedFile() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  if (!draft_.empty()) std::remove(draft_.c_str());
}

absl::Status StagedFile::Write(absl::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), file_) == text.size()) return absl::OkStatus();
  return FileError(errno, "writing", path_);
}

absl::Status StagedFile::Publish() {
  if (std::fflush(file_) != 0) return FileError(errno, "writing", path_);
  if (!draft_.empty() &&
      (fsync(fileno(file_)) != 0 || std::rename(draft_.c_str(), path_.c_str()) != 0)) {
    return FileError(errno, "writing", path_);
  }
  std::fclose(std::exchange(file_, nullptr));
  return absl::OkStatus();
}

absl::Status WriteTextFile(const std::string& path, const std::string& text) {
  ASSIGN_OR_RETURN(const std::unique_ptr<StagedFile> file, StagedFile::Create(path));
  RETURN_IF_ERROR(file->Write(text));
  return file->Publish();
}

absl::Status WriteSealedText(const std::string& path, const std::string& text) {
  return WriteTextFile(path, SealText(path, text));
}

}  // namespace rubato
