// The keys of one process: its own pair, and the list of who may speak to it.
//
//   DIR/ROLE.key   its own pair: two lines, "public KEY" and "secret KEY". Nobody else may read it.
//   DIR/allowed    the list (common/keys/allow_list.h), the same for all processes of a fleet
//
// Secrets stand in files alone: never in arguments, in the environment or in what is written.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/keys/allow_list.h"

namespace rubato {

// Both as in allow_list.h.
struct KeyPair {
  std::string public_key;
  std::string secret_key;
};

// DIR/ROLE.key.
std::string KeyFileOf(const std::string& folder, KeyRole role);
std::string AllowListOf(const std::string& folder);

// FailedPrecondition: others may read the file, or it belongs to another user.
absl::StatusOr<KeyPair> LoadKeyPair(const std::string& path);

// Any thread.
class KeyRing {
 public:
  // Of a process of `role`. FailedPrecondition: the list does not know its key as that role's.
  static absl::StatusOr<std::shared_ptr<KeyRing>> Open(const std::string& folder, KeyRole role);

  const KeyPair& own() const { return own_; }
  const std::string& folder() const { return folder_; }
  std::shared_ptr<const AllowList> allowed() const;
  // Reads the list again if its file has changed, so that keys are taken in and put out while the
  // fleet lives. What is no list changes nothing, and is told once.
  absl::Status Refresh();

 private:
  // What tells one content of a file from the next without reading it.
  struct Stamp {
    int64_t seconds = 0;
    int64_t nanos = 0;
    uint64_t inode = 0;
    int64_t bytes = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  KeyRing(std::string folder, KeyPair own) : folder_(std::move(folder)), own_(std::move(own)) {}
  Stamp StampNow() const;
  absl::Status Load();

  const std::string folder_;
  const KeyPair own_;
  mutable Mutex mutex_;
  std::shared_ptr<const AllowList> allowed_ GUARDED_BY(mutex_);
  Stamp stamp_ GUARDED_BY(mutex_);
};

// KeyRing::Open, or null for "": there are no keys.
absl::StatusOr<std::shared_ptr<KeyRing>> FindKeys(const std::string& folder, KeyRole role);

}  // namespace rubato
