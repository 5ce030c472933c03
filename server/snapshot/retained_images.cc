#include "server/snapshot/retained_images.h"

#include <algorithm>

#include "common/base/status.h"

namespace rubato {

bool Withdrawn(const View& view, SnapshotNumber snapshot) {
  return snapshot > view.committed.number && !(view.cut && view.cut->snapshot == snapshot);
}

absl::Status GoneMeanwhile(const absl::Status& missing) {
  return absl::UnavailableError(absl::StrCat(
      missing.message(), "; if the run trains meanwhile, try again or raise its snapshot.keep"));
}

absl::StatusOr<std::vector<ImageName>> ImagesBeside(const std::vector<ImageName>& kept,
                                                    SnapshotStore* store) {
  ASSIGN_OR_RETURN(std::vector<ImageName> images, store->List());
  std::erase_if(images, [&](const ImageName& name) {
    return std::find(kept.begin(), kept.end(), name) != kept.end();
  });
  return images;
}

absl::Status PruneSuperseded(const View& view, PlaceId place, SnapshotStore* store) {
  ASSIGN_OR_RETURN(const std::vector<ImageName> present, store->List());
  for (const ImageName& name : present) {
    if (name.place != place || name.snapshot >= view.committed.number) continue;
    if (std::find(view.kept.begin(), view.kept.end(), name.snapshot) != view.kept.end()) continue;
    RETURN_IF_ERROR(store->Remove(name));
  }
  return absl::OkStatus();
}

}  // namespace rubato
