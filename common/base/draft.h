// A file or a folder under a name of its own, beside the one that it gets when it is whole.
//
// What stands under the final name is therefore complete, also after a crash at any moment: the old
// or the new. A draft is forced to the disk before it is renamed, and its name after that, for a
// rename is durable only when the folder is. What is inside a folder is its writer's to force.
// Errors are sentences with the final path (common/base/system_error.h).
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/file.h"

namespace rubato {

class Draft {
 public:
  // A new, empty file, hidden, for `path` (no link; one writer at a time). It replaces the draft
  // that a crash has left. `mode`: less what the umask takes. NotFound: the folder is not there.
  static absl::StatusOr<Draft> OfFile(const std::string& path, mode_t mode);
  // Of a folder called `name`, which `folder` is open on, for `path` on the same file system.
  Draft(std::string name, std::string path, FileDescriptor folder)
      : name_(std::move(name)), path_(std::move(path)), file_(std::move(folder)) {}
  Draft(Draft&& other) noexcept;
  // Removes it, with all in it, unless it was renamed.
  ~Draft();

  // Where it is until it is published, and from then on.
  const std::string& name() const { return name_; }
  const std::string& path() const { return path_; }
  int fd() const { return file_.get(); }

  // Gives it its name, durably; a file that stands there is replaced by a file. AlreadyExists: this
  // is a folder, and what stands there is one that is not empty.
  absl::Status Publish();
  // Also if the name could not be forced to the disk after that.
  bool renamed() const { return renamed_; }

 private:
  std::string name_;
  std::string path_;
  FileDescriptor file_;
  bool renamed_ = false;
};

}  // namespace rubato
