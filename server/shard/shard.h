// A shard: one share-nothing slice of the model. A sans-I/O machine owned by one thread.
//
// It takes numbered pushes in order per worker life, applies each at most once, answers pulls when
// the staleness gate allows, and cuts an immutable image of itself when min_clock reaches the clock
// of an open cut: a full one, or the rows that changed since the newest image that was committed
// and that this life has cut or loaded. It does exactly what the newest View says about lives,
// members and cuts. What comes too early is never dropped in silence: while it loads it keeps pulls
// and answers them later, and before its view knows the sender it says Stale, so that the sender
// asks again soon.
//
// Output: messages; images to write; images to load; `stop` when a newer life owns its place. The
// driver writes and loads in the background and reports back with ImageWritten and ImagesLoaded. It
// may send messages at once: nothing a shard says promises more than memory, except `durable`,
// which names committed snapshots only.
//
// Rules: ARCHITECTURE.md, "Push", "Read", "Cut" and "Fence". Invariants V1 to V8 are checked after
// every step by tests/simulate.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/env.h"
#include "common/base/ids.h"
#include "common/job/job.h"
#include "common/wire/codec.h"
#include "common/wire/message.h"
#include "server/shard/clock_table.h"
#include "server/shard/influence.h"
#include "server/snapshot/image_source.h"
#include "server/table/table.h"

namespace rubato {

struct ShardOptions {
  PlaceId place;
  Nonce nonce;
  std::string address;  // where its driver listens
  Job job;
  float rate_factor = 1.0F;  // of the learning rates in the job, whose fingerprint it leaves alone
  Duration report_every = Duration::Millis(100);
  Duration parked_notice = Duration::Seconds(5);  // a parked pull is told why after this long
  Nonce process{};                                // of Hello
};

// Images that the committed snapshot of a view consists of, to be read for the shard's new life.
struct LoadRequest {
  Life life;
  std::vector<ImageName> images;
};

struct ShardOutput {
  Outbox messages;
  std::vector<std::shared_ptr<ImageSource>> write;
  std::optional<LoadRequest> load;
  bool stop = false;
};

// Counts since this life began; for telemetry.
struct ShardCounters {
  uint64_t pushes_applied = 0;
  uint64_t rows_applied = 0;
  uint64_t duplicates_refused = 0;
  uint64_t gaps_refused = 0;    // number > received
  uint64_t window_refused = 0;  // number > min_clock + s
  uint64_t nonfinite_refused = 0;
  uint64_t malformed_refused = 0;
  uint64_t stale_refused = 0;   // fence
  uint64_t credit_refused = 0;  // beyond what is held of one life
  uint64_t pulls_answered = 0;
  uint64_t rows_pulled = 0;
  uint64_t cuts = 0;
  uint64_t cuts_refused = 0;
  std::map<int64_t, uint64_t> staleness;  // c - oldest_read of each applied push that read rows
};

class Shard {
 public:
  Shard(ShardOptions options, Instant now);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  void Receive(Instant now, Nonce from, const Message& message, ShardOutput* out);
  void Tick(Instant now, ShardOutput* out);
  // `image` is durable, or could not be written: then the cut is given up.
  void ImageWritten(const ImageName& image, const absl::Status& status, ShardOutput* out);
  // How many bytes the store has read and written so far: reports carry it, and a store that is
  // slow is told by it from one that hangs.
  void NoteStoreWork(uint64_t bytes) { store_work_ = bytes; }
  // From now on its reports ask for a snapshot.
  void WantSnapshot() { wants_snapshot_ = true; }
  // Answer to a LoadRequest: its images, in its order. Returns why the life cannot begin, if it
  // cannot.
  absl::Status ImagesLoaded(Life life, absl::StatusOr<std::vector<Image>> images, ShardOutput* out);

  PlaceId place() const { return options_.place; }
  Life life() const { return life_; }
  bool serving() const { return state_ == State::kServing; }
  const View& view() const { return view_; }
  const ClockTable& clocks() const { return clocks_; }
  const ShardCounters& counters() const { return counters_; }
  const std::vector<std::unique_ptr<Table>>& tables() const { return tables_; }
  // Next iteration of a worker life that will be applied / taken; nullopt for an unknown life.
  std::optional<Clock> applied(Life life) const;
  std::optional<Clock> received(Life life) const;
  // Pushes of `life` taken but not applied yet.
  size_t held(Life life) const;
  // Bytes of its pushes, whole or in parts, and of its pulls that wait (CreditRule).
  uint64_t push_bytes(Life life) const;
  uint64_t parked_bytes(Life life) const;
  const std::map<Life, Clock>& positions() const { return applied_; }
  // Of each worker's seat, since this life began.
  std::vector<SeatInfluence> influences() const { return influence_.all(); }

 private:
  enum class State { kUnborn, kLoading, kServing, kStopped };
  // Gradients of one table, decoded and checked.
  struct DecodedRows {
    Table* table = nullptr;
    Elements<RowKey> keys;
    Elements<float> gradients;
  };
  struct DecodedPush {
    Clock oldest_read;
    std::vector<DecodedRows> rows;
    uint64_t bytes = 0;  // that its life's credit is charged with
  };
  // A worker life's pushes on their way in.
  struct Inbox {
    Nonce nonce;
    Clock received;
    std::map<Clock, DecodedPush> held;  // taken, not applied; at most s + 1
    // Of push number `received`, checked while they are still warm in the cache.
    std::vector<std::optional<absl::StatusOr<DecodedPush>>> parts;
    Clock parts_of;
    uint64_t parts_bytes = 0;
    uint64_t held_bytes = 0;
    std::optional<Clock> refused;  // last NaN push, to be named in the next Ack
  };
  struct ParkedPull {
    Nonce from;
    Pull pull;
    Instant since;
    Instant noticed;
    uint64_t bytes = 0;
  };
  struct ParkedOfLife {
    size_t pulls = 0;
    uint64_t bytes = 0;
  };
  // When it opens (OpensAt), and whose it is.
  using ParkedKey = std::tuple<Clock, Life, RequestId>;

  // Lives and views (shard.cc).
  void ReceiveView(Instant now, const View& view, ShardOutput* out);
  void BeginLife(Life life, ShardOutput* out);
  absl::Status Restore(const std::vector<Image>& images);
  absl::Status RestoreTables(const Image& image);
  void RestorePositions(const Image& image);
  void StartServing(ShardOutput* out);
  void FollowMembers();
  void ForgetTheGone();
  void FollowCut(ShardOutput* out);
  void FollowCommit();
  void Report(ShardOutput* out);
  std::optional<Life> Slowest() const;
  // In the view, with a start: its pulls are answered, and once this shard serves its pushes taken.
  bool IsMember(Life life) const;
  bool IsReader(Life life) const;
  bool Speaks(Nonce from, Life life) const;
  void AnswerStale(Nonce to, Life life, ShardOutput* out);

  // Pulls (shard_pull.cc).
  void ReceivePull(Instant now, Nonce from, const Pull& pull, ShardOutput* out);
  absl::Status CheckPull(const Pull& pull) const;
  Clock OpensAt(const Pull& pull) const;
  void Park(Instant now, Nonce from, const Pull& pull, ShardOutput* out);
  uint64_t BytesOf(const std::vector<TableRows>& rows) const;
  void CountOut(const ParkedPull& parked);
  void AnswerParked(ShardOutput* out);
  void DropParkedOfTheGone();
  void Answer(Nonce to, const Pull& pull, ShardOutput* out);
  void NoticeParked(Instant now, ShardOutput* out);

  // Pushes (shard_push.cc).
  void ReceivePush(Nonce from, const Push& push, ShardOutput* out);
  void TakePart(Life life, const Push& push, ShardOutput* out);
  void RefuseBeyondCredit(Nonce to, const std::string& what, uint64_t credit, ShardOutput* out);
  void TakePush(Life life, ShardOutput* out);
  absl::StatusOr<DecodedPush> Decode(const Push& part) const;
  absl::Status DecodeRows(const TableRows& rows, DecodedRows* out) const;
  absl::StatusOr<DecodedPush> Join(Inbox* inbox) const;
  void ReceiveSync(Nonce from, const Sync& sync, ShardOutput* out);
  void SendAck(Life life, ShardOutput* out);
  void SendAckToAll(ShardOutput* out);
  Clock DurableFor(Life life) const;

  // Applying and cutting (shard_apply.cc).
  void Advance(ShardOutput* out);
  void TellCommonClock(ShardOutput* out);
  bool ApplyReady();
  bool ApplyBoundary();
  bool HeldBack(Clock number) const;
  void Apply(Life life, Clock number, const DecodedPush& push);
  void NoteInfluence(Life life, const DecodedPush& push);
  bool CutIfReached(ShardOutput* out);
  void Cut(const OpenCut& cut, ShardOutput* out);
  ImageHead HeadOf(const OpenCut& cut) const;
  std::shared_ptr<ImageSource> Capture(ImageHead head);
  void FollowBase();
  void LoadedBase(const Image& image);

  // nullptr for a table that the job does not have.
  Table* FindTable(TableId id) const;

  const ShardOptions options_;
  const Staleness staleness_;
  const uint64_t job_fingerprint_;
  const uint64_t push_credit_;
  State state_ = State::kUnborn;
  View view_;
  Life life_;
  std::vector<std::unique_ptr<Table>> tables_;

  ClockTable clocks_;
  std::map<Life, Inbox> inboxes_;           // members that have a start
  std::map<Life, Clock> applied_;           // members that have a start, and sealed lives
  Clock end_;                               // one past the highest iteration applied
  std::map<ParkedKey, ParkedPull> parked_;  // while loading: all that came, none looked at yet
  std::map<Life, ParkedOfLife> parked_of_;

  SnapshotNumber cut_handled_;  // newest snapshot that was cut or refused
  std::optional<OpenCut> armed_;
  std::optional<SnapshotNumber> refused_;
  std::optional<SnapshotNumber> durable_snapshot_;
  Clock durable_clock_;
  struct Captured {
    Clock clock;
    std::vector<Position> positions;
  };
  std::map<SnapshotNumber, Captured> captured_;  // images of this life that are not committed yet
  // An image that others may rest on.
  struct Base {
    ImageName name;
    uint32_t depth = 0;
    uint64_t behind = 0;  // bytes of the incremental images of its chain, about
  };
  std::optional<Base> base_;            // of the next image, which is full without one
  std::optional<Base> last_cut_;        // takes its place once it is committed
  std::map<Life, Clock> torn_durable_;  // ASP: positions in the committed image
  Clock committed_clock_;               // otherwise every number below it is durable
  bool load_failed_ = false;
  uint64_t store_work_ = 0;
  bool wants_snapshot_ = false;

  ShardCounters counters_;
  Influence influence_;
  Instant last_report_;
  std::optional<Clock> told_common_;  // ASP: it was reported at once
};

}  // namespace rubato
