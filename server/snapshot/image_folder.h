// The folders of a snapshot store on disk, without what is in them.
//
//   <store>/12-0-7/        image of snapshot 12, place 0, life 7: plain decimal, nothing else
//   <store>/.draft-*/      an image being written, or half removed; never listed
//   <store>/.lock          held shared while a draft exists, exclusively while leftovers go
//
// An image is a common/base/draft.h until it is published, and withdrawn by renaming it to a draft
// before its files are deleted: so a folder with an image's name is always whole, whenever the
// power went. Several processes may share a store; the lock tells the draft of a living one from
// what a dead one left.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/draft.h"
#include "common/base/file.h"
#include "common/wire/message.h"

namespace rubato {

std::string ImageFolderName(const ImageName& name);
// In `store`.
std::string ImageFolderPath(const std::string& store, const ImageName& name);
// Takes what ImageFolderName gives and nothing else.
std::optional<ImageName> ParseImageFolderName(const std::string& text);

// Makes the store's folder if it is not there (mode 0700), parents too.
absl::Status MakeStoreFolder(const std::string& store);
// Images in order of name.
absl::StatusOr<std::vector<ImageName>> ListImageFolders(const std::string& store);
// What the files of an image take, and when the last of them was written (seconds since 1970).
// NotFound: the image is not there.
struct ImageFolderUse {
  uint64_t bytes = 0;
  int64_t written_at = 0;
};
absl::StatusOr<ImageFolderUse> UseOf(const std::string& store, const ImageName& name);
// Removes leftovers of crashed writers, unless somebody is writing right now.
absl::Status RemoveLeftovers(const std::string& store);
// OK also when it is not there.
absl::Status RemoveImageFolder(const std::string& store, const ImageName& name);

// A folder to write an image into; it and its files are gone with the draft unless published.
class ImageDraft {
 public:
  static absl::StatusOr<std::unique_ptr<ImageDraft>> Begin(const std::string& store,
                                                           const ImageName& name);
  ~ImageDraft() = default;
  ImageDraft(const ImageDraft&) = delete;
  ImageDraft& operator=(const ImageDraft&) = delete;

  const std::string& path() const { return draft_.name(); }
  // Gives it its name, durably. Its files must have been fsynced. AlreadyExists if there is one.
  absl::Status Publish();

 private:
  ImageDraft(std::string store, const ImageName& name, FileDescriptor lock, Draft draft);

  const std::string store_;
  const ImageName name_;
  const FileDescriptor lock_;  // until the draft is gone
  Draft draft_;
};

}  // namespace rubato
