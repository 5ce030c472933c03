#include "server/retained_images.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/log.h"
#include "common/status.h"

namespace rubato {

std::vector<ImageName> Validated(const Job& job, std::vector<Image> images) {
  std::sort(images.begin(), images.end(),
            [](const Image& a, const Image& b) { return b.name < a.name; });
  const int64_t per_epoch = job.iterations_per_epoch;
  std::set<Clock> seen;
  std::vector<ImageName> validated;
  for (const Image& image : images) {
    const bool evaluated = image.clock.value() % per_epoch == per_epoch - 1;
    if (!image.exact || (!evaluated && image.clock != job.last_clock)) continue;
    if (seen.insert(image.clock).second) validated.push_back(image.name);
  }
  return validated;
}

bool Withdrawn(const View& view, EpochId epoch) {
  return epoch > view.committed.epoch && !(view.cut && view.cut->epoch == epoch);
}

absl::Status PruneSuperseded(const Job& job, const std::vector<ImageName>& committed,
                             SnapshotStore* store) {
  std::vector<ImageName> keep = committed;
  if (!job.best_epoch) return store->Prune(committed.back().place, keep);
  ASSIGN_OR_RETURN(const std::vector<ImageName> present, store->List());
  std::vector<Image> older;
  for (const ImageName& name : present) {
    if (name.place != committed.back().place || name.epoch >= committed.back().epoch) continue;
    absl::StatusOr<Image> image = store->ReadWithoutRows(name);
    if (image.ok()) {
      older.push_back(*std::move(image));
    } else {
      LogWarning(std::string(image.status().message()));
      keep.push_back(name);
    }
  }
  for (const ImageName& name : Validated(job, std::move(older))) keep.push_back(name);
  return store->Prune(committed.back().place, keep);
}

}  // namespace rubato
