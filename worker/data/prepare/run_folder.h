// The folder of a run comes into being whole or not at all: it is filled under a name beside its
// own and renamed at the end. Errors are sentences with the path; Unavailable = disk full.
//
// What a preparation that was killed has left there goes when the folder is made the next time. One
// that is alive holds a lock on its folder; where the file system has no locks nothing is removed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rubato {

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
  StagedFolder(std::string path, std::string final_path, int lock)
      : path_(std::move(path)), final_path_(std::move(final_path)), lock_(lock) {}

  const std::string path_;
  const std::string final_path_;
  const int lock_;  // descriptor of the folder, locked if that is possible; owned
  bool published_ = false;
};

}  // namespace rubato
