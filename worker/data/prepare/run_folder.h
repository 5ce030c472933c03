// The folder of a run comes into being whole or not at all: it is filled as a common/base/draft.h.
// Errors are sentences with the path; Unavailable = disk full.
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
#include "common/base/draft.h"

namespace rubato {

enum class FolderState : uint8_t { kAbsent, kEmpty, kFilled };
// InvalidArgument when `path` is there but no folder.
absl::StatusOr<FolderState> LookAtFolder(const std::string& path);

class StagedFolder {
 public:
  // A new folder to fill; makes the folders above `final_path` where they are missing.
  static absl::StatusOr<std::unique_ptr<StagedFolder>> Create(const std::string& final_path);
  // Removes the folder with all in it, unless it was published.
  ~StagedFolder() = default;
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  const std::string& path() const { return draft_.name(); }
  // Gives it its name, durably; what stands there must be absent or an empty folder. The files in
  // it must have been forced to the disk.
  absl::Status Publish();

 private:
  explicit StagedFolder(Draft draft) : draft_(std::move(draft)) {}

  Draft draft_;  // its descriptor is locked, if that is possible
};

}  // namespace rubato
