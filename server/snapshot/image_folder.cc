#include "server/snapshot/image_folder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "common/base/system_error.h"

namespace rubato {
namespace {

constexpr char kDraftPrefix[] = ".draft-";

enum class LockMode { kShared, kExclusiveIfFree };

// An invalid descriptor: somebody else holds it.
absl::StatusOr<FileDescriptor> Lock(const std::string& store, LockMode mode) {
  const std::string path = store + "/.lock";
  FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return FileError(errno, "opening", path);
  const int operation = mode == LockMode::kShared ? LOCK_SH : LOCK_EX | LOCK_NB;
  while (flock(fd.get(), operation) != 0) {
    if (errno == EWOULDBLOCK) return FileDescriptor();
    if (errno != EINTR) return FileError(errno, "locking", path);
  }
  return fd;
}

absl::StatusOr<std::string> MakeDraftFolder(const std::string& store) {
  std::string path = absl::StrCat(store, "/", kDraftPrefix, "XXXXXX");
  if (mkdtemp(path.data()) == nullptr) return FileError(errno, "making", path);
  return path;
}

absl::Status RemoveTree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return FileError(error.value(), "removing", path);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> EntriesOf(const std::string& store) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator it(store, error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) return FileError(error.value(), "listing", store);
  return names;
}

}  // namespace

std::string ImageFolderName(const ImageName& name) {
  return absl::StrCat(name.snapshot.value(), "-", name.place.value(), "-", name.life.value());
}

std::string ImageFolderPath(const std::string& store, const ImageName& name) {
  return absl::StrCat(store, "/", ImageFolderName(name));
}

std::optional<ImageName> ParseImageFolderName(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '-');
  uint64_t snapshot = 0;
  uint32_t place = 0;
  uint64_t life_number = 0;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &snapshot) ||
      !absl::SimpleAtoi(parts[1], &place) || !absl::SimpleAtoi(parts[2], &life_number)) {
    return std::nullopt;
  }
  const ImageName name{SnapshotNumber(snapshot), PlaceId(place), Life(life_number)};
  if (ImageFolderName(name) != text) return std::nullopt;
  return name;
}

absl::Status MakeStoreFolder(const std::string& store) {
  std::error_code error;
  const std::filesystem::path parent =
      std::filesystem::path(store + "/").parent_path().parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (error) return FileError(error.value(), "making", parent.string());
  if (mkdir(store.c_str(), 0700) != 0) {
    const int reason = errno;
    if (reason == EEXIST && std::filesystem::is_directory(store, error)) return absl::OkStatus();
    return FileError(reason, "making", store);
  }
  return SyncFolder(parent.empty() ? "." : parent.string());
}

absl::StatusOr<std::vector<ImageName>> ListImageFolders(const std::string& store) {
  ASSIGN_OR_RETURN(const std::vector<std::string> entries, EntriesOf(store));
  std::vector<ImageName> names;
  for (const std::string& entry : entries) {
    if (const auto name = ParseImageFolderName(entry)) names.push_back(*name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<ImageFolderUse> UseOf(const std::string& store, const ImageName& name) {
  const std::string folder = ImageFolderPath(store, name);
  ASSIGN_OR_RETURN(const std::vector<std::string> files, EntriesOf(folder));
  ImageFolderUse use;
  for (const std::string& file : files) {
    struct stat info = {};
    const std::string path = absl::StrCat(folder, "/", file);
    if (lstat(path.c_str(), &info) != 0) return FileError(errno, "looking at", path);
    use.bytes += static_cast<uint64_t>(info.st_size);
    use.written_at = std::max<int64_t>(use.written_at, info.st_mtime);
  }
  return use;
}

absl::Status RemoveLeftovers(const std::string& store) {
  ASSIGN_OR_RETURN(const FileDescriptor lock, Lock(store, LockMode::kExclusiveIfFree));
  if (!lock.valid()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> entries, EntriesOf(store));
  for (const std::string& entry : entries) {
    if (!absl::StartsWith(entry, kDraftPrefix)) continue;
    RETURN_IF_ERROR(RemoveTree(absl::StrCat(store, "/", entry)));
  }
  return absl::OkStatus();
}

absl::Status RemoveImageFolder(const std::string& store, const ImageName& name) {
  ASSIGN_OR_RETURN(const FileDescriptor lock, Lock(store, LockMode::kShared));
  ASSIGN_OR_RETURN(const std::string grave, MakeDraftFolder(store));
  const std::string path = ImageFolderPath(store, name);
  if (std::rename(path.c_str(), grave.c_str()) != 0 && errno != ENOENT) {
    return FileError(errno, "removing", path);
  }
  return RemoveTree(grave);
}

absl::StatusOr<std::unique_ptr<ImageDraft>> ImageDraft::Begin(const std::string& store,
                                                              const ImageName& name) {
  ASSIGN_OR_RETURN(FileDescriptor lock, Lock(store, LockMode::kShared));
  ASSIGN_OR_RETURN(std::string path, MakeDraftFolder(store));
  FileDescriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return FileError(errno, "opening", path);
  Draft draft(std::move(path), ImageFolderPath(store, name), std::move(folder));
  return std::unique_ptr<ImageDraft>(
      new ImageDraft(store, name, std::move(lock), std::move(draft)));
}

ImageDraft::ImageDraft(std::string store, const ImageName& name, FileDescriptor lock, Draft draft)
    : store_(std::move(store)), name_(name), lock_(std::move(lock)), draft_(std::move(draft)) {}

absl::Status ImageDraft::Publish() {
  const absl::Status status = draft_.Publish();  // replaces an empty folder only: no image is one
  if (absl::IsAlreadyExists(status)) {
    return absl::AlreadyExistsError(absl::StrFormat(
        "%s is already there, perhaps of another run; remove it or choose another folder",
        draft_.path()));
  }
  if (!status.ok() && draft_.renamed()) RemoveImageFolder(store_, name_).IgnoreError();
  return status;
}

}  // namespace rubato
