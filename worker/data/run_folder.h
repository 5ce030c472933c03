// The folder of a run comes into being whole or not at all: it is filled under a name beside its
// own and renamed at the end. Errors are sentences with the path; ResourceExhausted = disk full.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rubato {

absl::StatusOr<std::string> ReadTextFile(const std::string& path);
// Written beside `path` and renamed, so that a reader never sees half of it.
absl::Status WriteTextFile(const std::string& path, const std::string& text);

// A file that appears under its name when it is whole: filled as PATH.part and renamed.
class StagedFile {
 public:
  static absl::StatusOr<std::unique_ptr<StagedFile>> Create(const std::string& path);
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;
  // Removes what was written, unless it was published.
  ~StagedFile();

  absl::Status Write(absl::string_view text);
  // Flushes to the disk and gives the file its name; what stood there is replaced.
  absl::Status Publish();

 private:
  StagedFile(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}
  std::string part() const { return path_ + ".part"; }

  const std::string path_;
  std::FILE* file_;  // owned; null once published
};

enum class FolderState : uint8_t { kAbsent, kEmpty, kFilled };
// InvalidArgument when `path` is there but no folder.
absl::StatusOr<FolderState> LookAtFolder(const std::string& path);

class StagedFolder {
 public:
  // A new folder to fill; makes the folders above `final_path` where they are missing.
  static absl::StatusOr<std::unique_ptr<StagedFolder>> Create(const std::string& final_path);
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;
  // Removes the folder with all in it, unless it was published.
  ~StagedFolder();

  const std::string& path() const { return path_; }
  // Gives it its name; what stands there must be absent or an empty folder.
  absl::Status Publish();

 private:
  StagedFolder(std::string path, std::string final_path);
  std::string path_;
  std::string final_path_;
  bool published_ = false;
};

}  // namespace rubato
