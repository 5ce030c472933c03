#include "common/base/staged_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "common/base/checksummed_text.h"
#include "common/base/status.h"
#include "common/base/system_error.h"

namespace rubato {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel follows
constexpr size_t kBufferBytes = 64 * 1024;

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

absl::StatusOr<FileDescriptor> OpenSpecial(const std::string& path, mode_t mode) {
  if (S_ISDIR(mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is a folder; name a file in it"));
  }
  if (S_ISBLK(mode) || S_ISSOCK(mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is a disk or a socket, and no file; choose another place"));
  }
  FileDescriptor fd(open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd.valid() && errno == ENXIO) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": nobody reads from it; start its reader first, or name a file"));
  }
  if (!fd.valid()) return FileError(errno, "opening", path);
  fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) & ~O_NONBLOCK);
  return fd;
}

// The draft gets the mode and, if that is allowed, the owner of the file that it will replace.
absl::StatusOr<Draft> OpenDraft(const std::string& path, const struct stat* before) {
  ASSIGN_OR_RETURN(const std::string file, FollowLinks(path));
  absl::StatusOr<Draft> draft = Draft::OfFile(file, 0666);
  if (absl::IsNotFound(draft.status())) {  // named by a user, who can mend it
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: its folder is not there; make it, or choose another place", path));
  }
  if (!draft.ok() || before == nullptr) return draft;
  [[maybe_unused]] const int not_allowed = fchown(draft->fd(), before->st_uid, before->st_gid);
  fchmod(draft->fd(), before->st_mode & 07777);
  return draft;
}

}  // namespace

absl::StatusOr<std::unique_ptr<StagedFile>> StagedFile::Create(const std::string& path) {
  struct stat info = {};
  const bool there = stat(path.c_str(), &info) == 0;
  if (!there && errno != ENOENT) return FileError(errno, "opening", path);
  if (there && !S_ISREG(info.st_mode)) {
    ASSIGN_OR_RETURN(FileDescriptor special, OpenSpecial(path, info.st_mode));
    return std::unique_ptr<StagedFile>(new StagedFile(path, std::nullopt, std::move(special)));
  }
  if (there && access(path.c_str(), W_OK) != 0) return FileError(errno, "opening", path);
  ASSIGN_OR_RETURN(Draft draft, OpenDraft(path, there ? &info : nullptr));
  return std::unique_ptr<StagedFile>(new StagedFile(path, std::move(draft), FileDescriptor()));
}

absl::Status StagedFile::Write(absl::string_view text) {
  if (buffer_.size() + text.size() > kBufferBytes) RETURN_IF_ERROR(Flush());
  if (text.size() > kBufferBytes) return WriteAll(fd(), text, path_);
  buffer_.append(text.data(), text.size());
  return absl::OkStatus();
}

absl::Status StagedFile::Flush() {
  RETURN_IF_ERROR(WriteAll(fd(), buffer_, path_));
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status StagedFile::Publish() {
  RETURN_IF_ERROR(Flush());
  return draft_ ? draft_->Publish() : absl::OkStatus();
}

absl::Status WriteTextFile(const std::string& path, const std::string& text) {
  ASSIGN_OR_RETURN(const std::unique_ptr<StagedFile> file, StagedFile::Create(path));
  RETURN_IF_ERROR(file->Write(text));
  return file->Publish();
}

absl::Status WriteChecksummedText(const std::string& path, const std::string& text) {
  return WriteTextFile(path, WithChecksum(path, text));
}

}  // namespace rubato
