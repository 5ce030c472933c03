// A SnapshotStore in memory.
#pragma once

#include <map>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "server/snapshot/snapshot_store.h"

namespace rubato {

class MemorySnapshotStore : public SnapshotStore {
 public:
  absl::Status Write(const Image& image) override {
    MutexLock lock(&mutex_);
    if (images_.try_emplace(image.name, image).second) return absl::OkStatus();
    return absl::AlreadyExistsError("an image of that name");
  }
  absl::StatusOr<Image> Read(const ImageName& name) override {
    MutexLock lock(&mutex_);
    const auto found = images_.find(name);
    if (found == images_.end()) return absl::NotFoundError("no image of that name");
    return found->second;
  }
  absl::StatusOr<std::vector<ImageName>> List() override {
    MutexLock lock(&mutex_);
    std::vector<ImageName> names;
    for (const auto& [name, image] : images_) names.push_back(name);
    return names;
  }
  absl::Status Remove(const ImageName& name) override {
    MutexLock lock(&mutex_);
    images_.erase(name);
    return absl::OkStatus();
  }

 private:
  Mutex mutex_;
  std::map<ImageName, Image> images_ GUARDED_BY(mutex_);
};

}  // namespace rubato
