// What people do with the snapshots of a run: see what there is, check it, remove some, go back to
// an earlier one.
//
// PruneSnapshots and RollBack change the run: nobody may train it meanwhile, which the launcher
// sees to. Readers may: they find that a snapshot is gone and say so. FailedPrecondition: nothing
// was ever committed. InvalidArgument: there is no snapshot of that number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/scheduler/run_start.h"

namespace rubato {

struct SnapshotOnDisk {
  SnapshotNumber number;
  std::optional<Clock> clock;  // none: not committed, or set aside
  uint64_t shards = 0;         // images
  uint64_t bytes = 0;          // of what is there, not of what it rests on
  int64_t written_at = 0;      // seconds since 1970; 0: no image of it is there

  template <class Field>
  void Fields(Field field) const {
    field("number", number);
    field("clock", clock);
    field("shards", shards);
    field("bytes", bytes);
    field("written_at", written_at);
  }
};

struct SnapshotList {
  std::vector<SnapshotOnDisk> kept;    // committed, oldest first
  std::vector<SnapshotOnDisk> unused;  // of no kept one's chain: prune removes them

  template <class Field>
  void Fields(Field field) const {
    field("kept", kept);
    field("unused", unused);
  }
};
absl::StatusOr<SnapshotList> ListSnapshots(const std::string& run);

// One of those that are kept.
absl::StatusOr<CommittedSnapshot> FindSnapshot(const std::string& run, SnapshotNumber number);

struct SnapshotCheck {
  SnapshotNumber number;
  Clock clock;
  std::vector<std::string> damage;  // a sentence each; none: whole

  template <class Field>
  void Fields(Field field) const {
    field("number", number);
    field("clock", clock);
    field("damage", damage);
  }
};
// Reads every byte of all that are kept, or of `number`. What a run that trains has removed
// meanwhile is left out.
absl::StatusOr<std::vector<SnapshotCheck>> CheckSnapshots(const std::string& run,
                                                          std::optional<SnapshotNumber> number);

struct PruneOptions {
  size_t keep = 1;                    // so many of the newest that are whole; > 0
  std::vector<SnapshotNumber> spare;  // and these
};
struct PrunedSnapshots {
  std::vector<SnapshotNumber> kept;
  std::vector<SnapshotNumber> removed;
  std::vector<std::string> damage;  // why some newer ones did not count
  uint64_t bytes = 0;               // of what was removed

  template <class Field>
  void Fields(Field field) const {
    field("kept", kept);
    field("removed", removed);
    field("damage", damage);
    field("bytes", bytes);
  }
};
// Removes all images but those of the kept snapshots and what these rest on, once the run's state
// names no other. DataLoss: none is whole, and nothing is changed.
absl::StatusOr<PrunedSnapshots> PruneSnapshots(const std::string& run, const PruneOptions& options);

struct RolledBack {
  CommittedSnapshot committed;
  std::vector<SnapshotNumber> set_aside;  // by this call

  template <class Field>
  void Fields(Field field) const {
    field("number", committed.number);
    field("clock", committed.clock);
    field("set_aside", set_aside);
  }
};
// The next start of the run goes on from snapshot `number`; 0: it begins anew. DataLoss: it is not
// whole.
absl::StatusOr<RolledBack> RollBack(const std::string& run, SnapshotNumber number);

}  // namespace rubato
