#include "worker/data/run_folder.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/status.h"

namespace rubato {
namespace {

// Largest text read whole: an encoding of 4 M levels of 100 bytes stays below it.
constexpr size_t kMaxTextBytes = size_t{1} << 30;

absl::Status FileError(const char* what, const std::string& path, int error) {
  const std::string sentence = absl::StrFormat("%s %s: %s", what, path, std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) {
    return absl::ResourceExhaustedError(sentence + "; free some space and try again");
  }
  return absl::FailedPreconditionError(sentence + "; check the path and its permissions");
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

}  // namespace

absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  File file(std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) {
    return absl::NotFoundError(
        absl::StrFormat("%s: cannot be opened: %s", path, std::strerror(errno)));
  }
  std::string text;
  char chunk[65536];
  while (const size_t n = std::fread(chunk, 1, sizeof(chunk), file.get())) {
    text.append(chunk, n);
    if (text.size() > kMaxTextBytes) {
      return absl::DataLossError(absl::StrFormat("%s: larger than %d bytes", path, kMaxTextBytes));
    }
  }
  if (std::ferror(file.get()) != 0) return FileError("cannot read", path, errno);
  return text;
}

absl::Status WriteTextFile(const std::string& path, const std::string& text) {
  ASSIGN_OR_RETURN(const std::unique_ptr<StagedFile> file, StagedFile::Create(path));
  RETURN_IF_ERROR(file->Write(text));
  return file->Publish();
}

absl::StatusOr<std::unique_ptr<StagedFile>> StagedFile::Create(const std::string& path) {
  std::FILE* file = std::fopen((path + ".part").c_str(), "wbe");
  if (file == nullptr) return FileError("cannot create", path, errno);
  return std::unique_ptr<StagedFile>(new StagedFile(path, file));
}

StagedFile::~StagedFile() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  std::remove(part().c_str());
}

absl::Status StagedFile::Write(absl::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), file_) == text.size()) return absl::OkStatus();
  return FileError("cannot write", path_, errno);
}

absl::Status StagedFile::Publish() {
  if (std::fflush(file_) != 0 || fsync(fileno(file_)) != 0 ||
      std::rename(part().c_str(), path_.c_str()) != 0) {
    return FileError("cannot write", path_, errno);
  }
  std::fclose(std::exchange(file_, nullptr));
  return absl::OkStatus();
}

absl::StatusOr<FolderState> LookAtFolder(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return FolderState::kAbsent;
  if (!std::filesystem::is_directory(status)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: is a file, not a folder; choose another --out", path));
  }
  const bool empty = std::filesystem::is_empty(path, error);
  if (error) return FileError("cannot read folder", path, error.value());
  return empty ? FolderState::kEmpty : FolderState::kFilled;
}

StagedFolder::StagedFolder(std::string path, std::string final_path)
    : path_(std::move(path)), final_path_(std::move(final_path)) {}

absl::StatusOr<std::unique_ptr<StagedFolder>> StagedFolder::Create(const std::string& final_path) {
  std::error_code error;
  auto final = std::filesystem::absolute(final_path, error).lexically_normal();
  if (!final.has_filename()) final = final.parent_path();  // "runs/x/" and "runs/x/."
  std::filesystem::create_directories(final.parent_path(), error);
  if (error) return FileError("cannot create folder", final.parent_path().string(), error.value());
  // The process id keeps two preparations of one folder apart; a leftover of that name is of a
  // process that is dead.
  const std::string path = absl::StrFormat("%s.partial-%d", final.string(), getpid());
  std::filesystem::remove_all(path, error);
  std::filesystem::create_directory(path, error);
  if (error) return FileError("cannot create folder", path, error.value());
  return std::unique_ptr<StagedFolder>(new StagedFolder(path, final.string()));
}

StagedFolder::~StagedFolder() {
  std::error_code error;
  if (!published_) std::filesystem::remove_all(path_, error);
}

absl::Status StagedFolder::Publish() {
  if (std::rename(path_.c_str(), final_path_.c_str()) == 0) {
    published_ = true;
    return absl::OkStatus();
  }
  if (errno == ENOTEMPTY || errno == EEXIST) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s: something else was written there meanwhile; choose another --out", final_path_));
  }
  return FileError("cannot create", final_path_, errno);
}

}  // namespace rubato
