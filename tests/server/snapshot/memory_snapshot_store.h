// A SnapshotStore in memory.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "server/snapshot/snapshot_store.h"

namespace rubato {

class MemorySnapshotStore : public SnapshotStore {
 public:
  using SnapshotStore::Write;
  absl::Status Write(ImageSource* source) override {
    Image image = {source->head(), {}};
    for (const TableShape& shape : source->tables()) {
      TableImage table{shape.table, shape.row_floats, {}, {}};
      RETURN_IF_ERROR(source->Take(image.tables.size(), shape.rows, &table));
      image.tables.push_back(std::move(table));
    }
    MutexLock lock(&mutex_);
    if (images_.try_emplace(image.name, std::move(image)).second) return absl::OkStatus();
    return absl::AlreadyExistsError("an image of that name");
  }
  absl::StatusOr<Image> Read(const ImageName& name) override {
    MutexLock lock(&mutex_);
    ASSIGN_OR_RETURN(const std::vector<ImageName> chain, ChainOf(name));
    Image image = images_[name];
    for (size_t i = 1; i < chain.size(); ++i) {
      const std::vector<TableImage>& below = images_[chain[i]].tables;
      image.tables.insert(image.tables.begin(), below.begin(), below.end());
    }
    return image;
  }
  absl::Status Check(const ImageName& name) override {
    MutexLock lock(&mutex_);
    return images_.contains(name) ? absl::OkStatus() : absl::NotFoundError("no such image");
  }
  absl::StatusOr<std::vector<ImageName>> Chain(const ImageName& name) override {
    MutexLock lock(&mutex_);
    return ChainOf(name);
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
  absl::StatusOr<std::vector<ImageName>> ChainOf(const ImageName& name) REQUIRES_LOCK(mutex_) {
    std::vector<ImageName> chain;
    for (std::optional<ImageName> next = name; next; next = images_[chain.back()].base) {
      if (!images_.contains(*next)) {
        if (chain.empty()) return absl::NotFoundError("no image of that name");
        return absl::DataLossError("its base is not there");
      }
      chain.push_back(*next);
    }
    return chain;
  }

  Mutex mutex_;
  std::map<ImageName, Image> images_ GUARDED_BY(mutex_);
};

}  // namespace rubato
