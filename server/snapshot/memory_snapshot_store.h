// A SnapshotStore in memory: for tests, and for runs that keep nothing.
#pragma once

#include <map>
#include <vector>

#include "common/base/mutex.h"
#include "server/snapshot/snapshot_store.h"

namespace rubato {

class MemorySnapshotStore : public SnapshotStore {
 public:
  absl::Status Write(const Image& image) override;
  absl::StatusOr<Image> Read(const ImageName& name) override;
  absl::StatusOr<std::vector<ImageName>> List() override;
  absl::Status Remove(const ImageName& name) override;

 private:
  Mutex mutex_;
  std::map<ImageName, Image> images_ GUARDED_BY(mutex_);
};

}  // namespace rubato
