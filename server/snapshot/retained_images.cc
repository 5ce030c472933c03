#include "server/snapshot/retained_images.h"

#include <algorithm>
#include <set>
#include <vector>

#include "common/base/status.h"

namespace rubato {

bool Withdrawn(const View& view, SnapshotNumber snapshot) {
  return snapshot > view.committed.number && !(view.cut && view.cut->snapshot == snapshot);
}

absl::Status GoneMeanwhile(const absl::Status& missing) {
  return absl::UnavailableError(absl::StrCat(
      missing.message(), "; if the run trains meanwhile, try again or raise its snapshot.keep"));
}

namespace {

// `kept`, and what these rest on; any older one of the place where that cannot be read: a disk that
// fails for a moment is told as damage too, and a person may mend a manifest.
absl::StatusOr<std::set<ImageName>> NeededFor(const std::vector<ImageName>& kept,
                                              const std::vector<ImageName>& present,
                                              SnapshotStore* store) {
  std::set<ImageName> needed(kept.begin(), kept.end());
  for (const ImageName& name : kept) {
    absl::StatusOr<std::vector<ImageName>> chain = store->Chain(name);
    if (absl::IsNotFound(chain.status())) continue;
    if (absl::IsDataLoss(chain.status())) {
      chain = present;
      std::erase_if(*chain, [&](const ImageName& other) {
        return other.place != name.place || other.snapshot > name.snapshot;
      });
    }
    if (!chain.ok()) return chain.status();
    needed.insert(chain->begin(), chain->end());
  }
  return needed;
}

}  // namespace

// The newest first: whoever finds an image finds its base.
absl::StatusOr<std::vector<ImageName>> ImagesBeside(const std::vector<ImageName>& kept,
                                                    SnapshotStore* store) {
  ASSIGN_OR_RETURN(std::vector<ImageName> images, store->List());
  ASSIGN_OR_RETURN(const std::set<ImageName> needed, NeededFor(kept, images, store));
  std::erase_if(images, [&](const ImageName& name) { return needed.contains(name); });
  std::reverse(images.begin(), images.end());
  return images;
}

absl::Status PruneSuperseded(const View& view, PlaceId place, SnapshotStore* store) {
  const auto is_kept = [&view](const ImageName& name) {
    return name.snapshot >= view.committed.number ||
           std::find(view.kept.begin(), view.kept.end(), name.snapshot) != view.kept.end();
  };
  ASSIGN_OR_RETURN(std::vector<ImageName> kept, store->List());
  std::erase_if(kept, [&](const ImageName& name) { return name.place != place || !is_kept(name); });
  ASSIGN_OR_RETURN(const std::vector<ImageName> beside, ImagesBeside(kept, store));
  for (const ImageName& name : beside) {
    // Not what another life of the place has published since.
    if (name.place == place && !is_kept(name)) RETURN_IF_ERROR(store->Remove(name));
  }
  return absl::OkStatus();
}

}  // namespace rubato
