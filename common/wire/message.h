// Everything that processes say to each other, as plain values. common/wire/wire.h turns them into
// frames.
//
// Every message is addressed by Nonce and, except Hello and what the scheduler sends, names the
// life of its sender and of its receiver: a receiver takes it only if both are right
// (ARCHITECTURE.md, "Fence"). The View is the scheduler's only message that changes state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ids.h"
#include "common/memory/buffer.h"

namespace rubato {

// Spoken by both sides of a Hello; another version is refused with a sentence.
inline constexpr uint32_t kProtocolVersion = 6;

enum class Role : uint8_t { kShard = 0, kWorker = 1, kReader = 2 };

// How floats travel: 4 bytes each, or the upper 2 (round to nearest even).
enum class ValueCodec : uint8_t { kF32 = 0, kBf16 = 1 };

// Rows of one table. Keys: u64[rows], little-endian. Values: [rows, dim] row-major in `codec`;
// empty in a pull. A reply leaves out the keys: its rows come in the order that was asked for.
struct TableRows {
  TableId table;
  uint32_t rows = 0;
  ValueCodec codec = ValueCodec::kF32;
  Buffer keys;
  Buffer values;
  friend bool operator==(const TableRows&, const TableRows&) = default;
};

// applied(w, p): the next iteration of `life` that the shard will apply.
struct Position {
  Life life;
  Clock clock;
  friend bool operator==(const Position&, const Position&) = default;
};

// One shard's part of a snapshot. The life is in the name so that an old life never overwrites it.
struct ImageName {
  SnapshotNumber snapshot;
  PlaceId place;
  Life life;
  friend auto operator<=>(const ImageName&, const ImageName&) = default;
};

// To the scheduler ------------------------------------------------------------------------------

// Asks for a life. The same nonce gets the same life again and renews its lease.
struct Hello {
  Role role = Role::kWorker;
  uint32_t index = 0;   // seat of a worker, place of a shard, 0 for a reader
  std::string address;  // where a shard listens; empty for others
  uint32_t protocol = kProtocolVersion;
  uint64_t job_fingerprint = 0;  // of the job file: all processes must train the same model
  // Of the prepared data that the sender reads: all must be the same. 0: none.
  uint64_t encoding_digest = 0;
  uint64_t rows_digest = 0;
  // Drawn by the process once, and the same over all of its lives: what it tells (Telemetry) comes
  // under this nonce. 0 for a reader.
  Nonce process{};
  // Public key that the sender proved; "" where there are none. It does not travel: whoever takes
  // the message has it from ZeroMQ.
  std::string key = "";
  friend bool operator==(const Hello&, const Hello&) = default;
};

// A worker's or reader's sign of life, which also acknowledges views.
struct Heartbeat {
  Life life;
  Generation generation;
  ViewVersion seen;
  Clock clock;           // iterations completed
  bool leaving = false;  // all it pushed is durable: seal it
  // It wants a snapshot: how full its log is, from 0 at the soft bound to 1 at the hard one.
  std::optional<float> log_fill;
  std::optional<PlaceId> gap;  // this shard needs a push that the log no longer holds
  uint64_t unprotected = 0;    // pushes dropped at the hard bound so far
  uint64_t work = 0;           // grows while the trainer or reader works, whatever it works at
  uint64_t strikes = 0;        // iterations of its process with gradients that were no numbers
  std::optional<Clock> quarantined;  // too many: the iterations of this life from here on are empty
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

// A shard's sign of life: its clocks, what it holds of each worker life, and its snapshots.
struct ShardReport {
  Life life;
  PlaceId place;
  Generation generation;
  ViewVersion seen;
  Clock min_clock;
  Clock end;                              // one past the highest iteration applied
  std::vector<Position> pending;          // pending members, with the min_clock held for each
  std::vector<Position> positions;        // members and sealed lives
  std::optional<SnapshotNumber> refused;  // the open cut came too late
  std::optional<SnapshotNumber> durable;  // newest snapshot written by this life
  Clock durable_clock;                    // C of that image; torn: its highest position
  bool load_failed = false;               // the committed image cannot be read
  std::optional<Life> slowest;            // whose push min_clock waits for
  uint64_t work = 0;                      // bytes that its store has read and written so far
  bool wants_snapshot = false;            // its process is to end, and leaves nothing behind
  friend bool operator==(const ShardReport&, const ShardReport&) = default;
};

// From the scheduler ----------------------------------------------------------------------------

struct ShardEntry {  // its place is its index
  Life life;         // kNoLife: nobody has said Hello for this place yet
  Nonce nonce;
  std::string address;
  std::string key = "";  // public, that who listens there must prove; "" where there are none
  friend bool operator==(const ShardEntry&, const ShardEntry&) = default;
};

struct MemberEntry {
  Life life;
  SeatId seat;
  Nonce nonce;
  std::optional<Clock> start;  // J; absent while pending
  friend bool operator==(const MemberEntry&, const MemberEntry&) = default;
};

struct ReaderEntry {
  Life life;
  Nonce nonce;
  friend bool operator==(const ReaderEntry&, const ReaderEntry&) = default;
};

struct SealedEntry {
  Life life;
  SeatId seat;
  Clock start;
  ViewVersion sealed_at;
  friend bool operator==(const SealedEntry&, const SealedEntry&) = default;
};

// A snapshot to be cut. Torn (ASP only): each shard cuts at once, with its positions.
struct OpenCut {
  SnapshotNumber snapshot;
  Clock clock;
  bool exact = true;
  friend bool operator==(const OpenCut&, const OpenCut&) = default;
};

struct CommittedSnapshot {
  SnapshotNumber number;  // 0: nothing was ever committed; every row has its first weights
  Clock clock;
  Generation generation;  // in which it was cut: only then do its positions still mean anything
  std::vector<ImageName> images;  // by place; empty for snapshot 0
  friend bool operator==(const CommittedSnapshot&, const CommittedSnapshot&) = default;
};

struct View {
  ViewVersion version;
  Generation generation;
  std::vector<ShardEntry> shards;
  std::vector<MemberEntry> members;
  std::vector<ReaderEntry> readers;
  std::vector<SealedEntry> sealed;
  Clock floor;  // highest min_clock reported in this generation
  std::optional<OpenCut> cut;
  CommittedSnapshot committed;
  // Older snapshots whose images are kept: those that may still be needed, and damaged ones, which
  // a person has to look at.
  std::vector<SnapshotNumber> kept;
  friend bool operator==(const View&, const View&) = default;
};

// Between workers and shards --------------------------------------------------------------------

// Rows wanted for iteration `use`; no rows at all asks only to pass the gate.
struct Pull {
  Life from;
  Life to;
  RequestId id;
  Clock use;
  // Answer only when min_clock >= this: exact weights, not fresh ones.
  std::optional<Clock> at_least;
  std::vector<TableRows> rows;  // keys only; codec = the one wanted for the answer
  friend bool operator==(const Pull&, const Pull&) = default;
};

struct PullReply {
  Life from;
  Life to;
  RequestId id;
  ViewVersion view;  // the shard's when it answered
  Clock min_clock;   // k: the rows hold every iteration < k of every member of that view
  std::vector<TableRows> rows;
  friend bool operator==(const PullReply&, const PullReply&) = default;
};

// Says why a pull waits (sent while it is parked, for people; nothing depends on it).
struct Parked {
  Life from;
  Life to;
  RequestId id;
  Clock min_clock;
  Life slowest;
  friend bool operator==(const Parked&, const Parked&) = default;
};

// Gradients of iteration `clock`, in `parts` messages; it exists when all parts are there.
struct Push {
  Life from;
  Life to;
  Clock clock;
  Clock oldest_read;  // smallest k among the rows it was computed from
  uint32_t part = 0;
  uint32_t parts = 1;
  std::vector<TableRows> rows;
  friend bool operator==(const Push&, const Push&) = default;
};

// A worker asks where it stands on a shard life that is new to it; answered by an Ack.
struct Sync {
  Life from;
  Life to;
  friend bool operator==(const Sync&, const Sync&) = default;
};

// Only `applied` and `durable` are promises; `received` just stops resending.
struct Ack {
  Life from;
  Life to;
  Clock received;
  Clock applied;
  Clock durable;
  Clock min_clock;
  std::optional<Clock> refused;  // a push with NaN or Inf, consumed as an empty one
  friend bool operator==(const Ack&, const Ack&) = default;
};

// "One of us is of another life": the receiver asks the scheduler for the newest view. From the
// scheduler, to a process whose nonce is used up: it needs a new one (a worker draws it and says
// Hello again, a shard ends).
struct Stale {
  Life to;
  ViewVersion seen;
  Nonce nonce;  // of the receiver, as the sender knows it
  friend bool operator==(const Stale&, const Stale&) = default;
};

// A sentence for a peer that cannot be served (bad bytes, wrong job, wrong protocol).
struct ErrorReply {
  uint32_t code = 0;  // absl::StatusCode
  std::string sentence;
  friend bool operator==(const ErrorReply&, const ErrorReply&) = default;
};

// By an operator ----------------------------------------------------------------------------------

// As SIGUSR1, one SIGTERM and two of them are to the scheduler's process.
enum class OrderKind : uint8_t { kSnapshot = 0, kStop = 1, kStopAtOnce = 2 };

// To the scheduler.
struct Order {
  OrderKind what = OrderKind::kSnapshot;
  std::string key = "";  // as of Hello
  friend bool operator==(const Order&, const Order&) = default;
};

// Whether it is carried out, and a sentence about that. An order is carried out as often as it is
// sent.
struct OrderReply {
  bool accepted = false;
  std::string sentence;
  friend bool operator==(const OrderReply&, const OrderReply&) = default;
};

// About the fleet, for people ---------------------------------------------------------------------

// Events of a process, each as its line (common/telemetry/telemetry.h), on their way to the
// scheduler, which writes them among its own. The sender's nonce is that of this stream alone.
struct Telemetry {
  Role role = Role::kWorker;
  uint32_t index = 0;            // as of its Hello; of several shards in a process the first
  uint64_t job_fingerprint = 0;  // as of its Hello
  bool alone = false;            // no launcher ends this process: a FleetEnd does
  uint64_t first = 0;            // number of the first line, those after it count on
  std::vector<std::string> lines;
  friend bool operator==(const Telemetry&, const Telemetry&) = default;
};

// The lines of this stream before number `next` are taken.
struct TelemetryAck {
  uint64_t next = 0;
  friend bool operator==(const TelemetryAck&, const TelemetryAck&) = default;
};

// From the scheduler, as it ends: the run is over. A process that no launcher ends does so with
// this exit code.
struct FleetEnd {
  uint32_t code = 0;
  friend bool operator==(const FleetEnd&, const FleetEnd&) = default;
};

// The order is the wire's tag: append only.
using Message =
    std::variant<Hello, Heartbeat, ShardReport, View, Pull, PullReply, Parked, Push, Sync, Ack,
                 Stale, ErrorReply, Telemetry, TelemetryAck, FleetEnd, Order, OrderReply>;

// A message on its way.
struct Envelope {
  Nonce to;
  Message message;
};
using Outbox = std::vector<Envelope>;

}  // namespace rubato
