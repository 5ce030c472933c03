#include "server/snapshot/memory_snapshot_store.h"

#include "common/base/status.h"

namespace rubato {

absl::Status MemorySnapshotStore::Write(const Image& image) {
  MutexLock lock(&mutex_);
  if (images_.try_emplace(image.name, image).second) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrFormat("image of epoch %d, shard %d, life %d", image.name.epoch.value(),
                      image.name.place.value(), image.name.life.value()));
}

absl::StatusOr<Image> MemorySnapshotStore::Read(const ImageName& name) {
  MutexLock lock(&mutex_);
  const auto found = images_.find(name);
  if (found == images_.end()) {
    return absl::NotFoundError(absl::StrFormat("no image of epoch %d, shard %d, life %d",
                                               name.epoch.value(), name.place.value(),
                                               name.life.value()));
  }
  return found->second;
}

absl::StatusOr<std::vector<ImageName>> MemorySnapshotStore::List() {
  MutexLock lock(&mutex_);
  std::vector<ImageName> names;
  for (const auto& [name, image] : images_) names.push_back(name);
  return names;
}

absl::Status MemorySnapshotStore::Remove(const ImageName& name) {
  MutexLock lock(&mutex_);
  images_.erase(name);
  return absl::OkStatus();
}

}  // namespace rubato
