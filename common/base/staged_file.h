// A file that appears under its name when it is whole: filled beside it and renamed.
//
// Links are followed and stay links; the mode of a file that is replaced stays too. What is no
// plain file (a pipe, a terminal, /dev/null) is written through, as there is nothing to put in its
// place; a disk is refused. Errors are sentences with the path; InvalidArgument: no such thing can
// be written to.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rubato {

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
  StagedFile(std::string path, std::string draft, std::FILE* file)
      : path_(std::move(path)), draft_(std::move(draft)), file_(file) {}

  const std::string path_;   // links followed
  const std::string draft_;  // the file's name until it is whole; "": it is written through
  std::FILE* file_;          // owned; null once published
};

// Whole or not at all: a reader never sees half of it.
absl::Status WriteTextFile(const std::string& path, const std::string& text);
// The same with the seal of common/base/sealed_text.h: for what is read back and steers the run.
absl::Status WriteSealedText(const std::string& path, const std::string& text);

}  // namespace rubato
