// Drives one Shard with real time and sockets; images are written and read by a thread of its own,
// so that pulls and pushes go on meanwhile. One ServerLoop, one shard, one thread.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/env.h"
#include "common/base/mutex.h"
#include "common/base/pulse.h"
#include "common/telemetry/telemetry.h"
#include "common/wire/endpoint.h"
#include "common/wire/refusals.h"
#include "server/shard/reader_audit.h"
#include "server/shard/shard.h"
#include "server/snapshot/snapshot_store.h"

namespace rubato {

struct ServerLoopOptions {
  Job job;
  float rate_factor = 1.0F;  // as of the shard
  PlaceId place;
  Nonce process{};  // as of Hello
  std::string listen;
  std::string advertise;                    // as of AdvertisedAddress
  std::string scheduler;                    // address
  std::shared_ptr<KeyRing> keys = nullptr;  // null: none, and only loopback
  EventLog* events = nullptr;               // is told of trouble that a person should hear of
  bool serves = false;                      // a fleet for readers: nothing on the disk is changed
  bool alone = false;                       // no launcher ends it: it ends with its fleet
  Pulse pulse = {};
};

// Runs store calls one after the other on a thread of its own; their results are picked up by the
// loop.
class StoreThread {
 public:
  using Result = std::function<void()>;
  using Call = std::function<Result()>;
  explicit StoreThread(std::function<void()> wake);
  ~StoreThread();
  StoreThread(const StoreThread&) = delete;
  StoreThread& operator=(const StoreThread&) = delete;

  // `writes`: of a call that writes the image of this snapshot.
  void Add(Call call, std::optional<SnapshotNumber> writes = std::nullopt);
  void AddRemoval(Call call);
  // Forgets such calls that have not begun: each holds an image.
  void Forget(const std::function<bool(SnapshotNumber)>& withdrawn);
  // No call begins any more but the removals that are due: what nobody counts on any more would lie
  // on the disk until the run goes on, and a finished one never does. The destructor waits for
  // them.
  void End();
  // Results of finished calls, to be run by the caller's thread.
  std::deque<Result> Take();

 private:
  struct Waiting {
    Call call;
    std::optional<SnapshotNumber> writes;
    bool removes = false;
  };
  void Run();
  void Queue(Waiting waiting);

  const std::function<void()> wake_;
  Mutex mutex_;
  std::deque<Waiting> calls_ GUARDED_BY(mutex_);
  std::deque<Result> results_ GUARDED_BY(mutex_);
  bool end_ GUARDED_BY(mutex_) = false;
  std::atomic<uint32_t> signal_{0};
  std::thread thread_;
};

// The scheduler, the workers, and a reader.
constexpr uint64_t PeersOfShard(const Job& job) { return uint64_t{job.seats} + 2; }

class ServerLoop {
 public:
  static absl::StatusOr<std::unique_ptr<ServerLoop>> Open(ServerLoopOptions options,
                                                          SnapshotStore* store);
  ~ServerLoop();

  const std::string& address() const { return endpoint_->address(); }
  // Until `stop` is set, a FleetEnd comes, or it has left; or a newer process takes the place: then
  // Aborted, or if it is alone its fleet's end is 0.
  absl::Status Run(const std::atomic<bool>& stop);
  // It ends as soon as a snapshot is committed that is cut from now on, or after kLeaveWithin. Any
  // thread.
  void Leave() { leaves_ = true; }
  // After Run: the exit code that the fleet ended with, if it did.
  std::optional<int> fleet_end() const { return fleet_end_; }
  // After Run.
  const Shard& shard() const { return *shard_; }
  void Wake() const { endpoint_->Wake(); }

 private:
  ServerLoop(ServerLoopOptions options, SnapshotStore* store);
  absl::Status RunToEnd(const std::atomic<bool>& stop);
  absl::Status Receive(Instant now, const Decoded& decoded);
  bool HasLeft(Instant now);
  absl::Status EndAsReplaced();
  void Flush(ShardOutput* out);
  void Write(std::shared_ptr<ImageSource> image);
  absl::Status WriteAndCheck(ImageSource* image);
  void NoteWritten(Clock clock, const absl::Status& status);
  void Load(const LoadRequest& request);
  void RemoveWithdrawn();
  void PruneAfterCommit();
  void TellRefusals(Instant now);

  const ServerLoopOptions options_;
  SnapshotStore* const store_;
  std::unique_ptr<Endpoint> endpoint_;
  std::unique_ptr<Shard> shard_;
  std::unique_ptr<StoreThread> store_thread_;
  std::vector<ImageName> uncommitted_;  // written
  // Images that this process has read, or read back from the disk when it had written them; and the
  // newest committed one that older ones were pruned behind.
  std::vector<ImageName> whole_;
  ImageName pruned_behind_;
  // A snapshot that could not be written, before the shard is told so.
  struct Failed {
    ImageName name;
    absl::Status status;
    Instant tell_at;
  };
  std::optional<Failed> failed_;
  // Of the newest snapshot: how often in a row it could not be written at this clock.
  int failed_writes_ = 0;
  Clock failed_clock_;
  RefusalWatch refusals_;
  ReaderAudit readers_;
  absl::Status error_;
  bool replaced_ = false;
  std::atomic<bool> leaves_ = false;
  struct Leaving {
    SnapshotNumber after;  // a newer snapshot has all that was pushed before it asked
    Instant until;
  };
  std::optional<Leaving> leaving_;
  std::optional<int> fleet_end_;
};

}  // namespace rubato
