#include "worker/data/prepare/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/system_error.h"

namespace rubato {
namespace {

constexpr char kPartial[] = ".partial-";  // then a process id: a folder that is not whole yet

// Whether `path` still names the folder that `descriptor` is open on.
bool IsFolder(const std::string& path, int descriptor) {
  struct stat named = {};
  struct stat opened = {};
  return stat(path.c_str(), &named) == 0 && fstat(descriptor, &opened) == 0 &&
         named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

// Those in `parent` that are called `prefix` and a number, and that nobody has locked.
void RemoveDeadFolders(const std::filesystem::path& parent, const std::string& prefix) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(parent, error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    const std::string path = it->path().string();
    absl::string_view number = path;
    if (!absl::ConsumePrefix(&number, prefix) ||
        number.find_first_not_of("0123456789-") != absl::string_view::npos) {
      continue;
    }
    const FileDescriptor lock(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!lock.valid()) continue;
    std::error_code kept;  // the next one tries again
    if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) std::filesystem::remove_all(path, kept);
  }
}

}  // namespace

absl::StatusOr<FolderState> LookAtFolder(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return FolderState::kAbsent;
  if (!std::filesystem::is_directory(status)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: is a file, not a folder; choose another --out", path));
  }
  const bool empty = std::filesystem::is_empty(path, error);
  if (error) return FileError(error.value(), "reading", path);
  return empty ? FolderState::kEmpty : FolderState::kFilled;
}

absl::StatusOr<std::unique_ptr<StagedFolder>> StagedFolder::Create(const std::string& final_path) {
  std::error_code error;
  auto final = std::filesystem::absolute(final_path, error).lexically_normal();
  if (!final.has_filename()) final = final.parent_path();  // "runs/x/" and "runs/x/."
  std::filesystem::create_directories(final.parent_path(), error);
  if (error) return FileError(error.value(), "making", final.parent_path().string());
  const std::string prefix = final.string() + kPartial;
  RemoveDeadFolders(final.parent_path(), prefix);
  // Process ids of two containers may be the same.
  for (int i = 0;; ++i) {
    std::string path = absl::StrCat(prefix, getpid(), i == 0 ? "" : absl::StrCat("-", i));
    if (mkdir(path.c_str(), 0777) != 0) {
      if (errno == EEXIST) continue;
      return FileError(errno, "making", path);
    }
    FileDescriptor lock(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock.valid()) return FileError(errno, "opening", path);
    flock(lock.get(), LOCK_EX);
    // Else somebody took it for a dead one's before it was locked.
    if (IsFolder(path, lock.get())) {
      return std::unique_ptr<StagedFolder>(
          new StagedFolder(Draft(std::move(path), final.string(), std::move(lock))));
    }
  }
}

absl::Status StagedFolder::Publish() {
  const absl::Status status = draft_.Publish();
  if (!absl::IsAlreadyExists(status)) return status;
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s: something else was written there meanwhile; choose another --out", draft_.path()));
}

}  // namespace rubato
