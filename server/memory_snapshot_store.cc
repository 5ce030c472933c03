#include "server/memory_snapshot_store.h"

#include <algorithm>

#include "common/status.h"

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

absl::StatusOr<Image> MemorySnapshotStore::ReadWithoutRows(const ImageName& name) {
  absl::StatusOr<Image> image = Read(name);
  if (!image.ok()) return image;
  for (TableImage& table : image->tables) {
    table.keys.clear();
    table.rows.clear();
  }
  return image;
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

absl::Status MemorySnapshotStore::Prune(PlaceId place, const std::vector<ImageName>& keep) {
  MutexLock lock(&mutex_);
  const auto newest = std::max_element(keep.begin(), keep.end());
  std::erase_if(images_, [&](const auto& entry) {
    const ImageName& name = entry.first;
    return name.place == place && newest != keep.end() && name.epoch < newest->epoch &&
           std::find(keep.begin(), keep.end(), name) == keep.end();
  });
  return absl::OkStatus();
}

}  // namespace rubato
