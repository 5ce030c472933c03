// A file that appears under its name when it is whole: a common/base/draft.h until then.
//
// Links are followed and stay links; the mode of a file that is replaced stays too. What is no
// plain file (a pipe, a terminal, /dev/null) is written through, as there is nothing to put in its
// place; a disk is refused. Errors are sentences with the path; InvalidArgument: no such thing can
// be written to.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/draft.h"
#include "common/base/file.h"

namespace rubato {

class StagedFile {
 public:
  static absl::StatusOr<std::unique_ptr<StagedFile>> Create(const std::string& path);
  // What was written is gone with it, unless it was published.
  ~StagedFile() = default;
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;

  absl::Status Write(absl::string_view text);
  // Forces it to the disk and gives it its name; what stood there is replaced.
  absl::Status Publish();

 private:
  StagedFile(std::string path, std::optional<Draft> draft, FileDescriptor special)
      : path_(std::move(path)), draft_(std::move(draft)), special_(std::move(special)) {}

  int fd() const { return draft_ ? draft_->fd() : special_.get(); }
  absl::Status Flush();

  const std::string path_;        // in errors, as it was given
  std::optional<Draft> draft_;    // of the file that the links lead to
  const FileDescriptor special_;  // without a draft: what is written through
  std::string buffer_;            // not written yet
};

// Whole or not at all: a reader never sees half of it.
absl::Status WriteTextFile(const std::string& path, const std::string& text);
// The same with the checksum of common/base/checksummed_text.h: for what is read back and steers
// the run.
absl::Status WriteChecksummedText(const std::string& path, const std::string& text);

}  // namespace rubato
