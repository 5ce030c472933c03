// The parameter-server client of a worker or a reader: a sans-I/O machine owned by one thread.
//
// A trainer drives it: Prefetch(c, keys) asks for rows ahead of time, Start(c) says that iteration
// c may begin, event Ready hands the rows over once the read rule allows, Push(c, gradients) ends
// iteration c. Pushes are made in order from the J of event Started; after the last clock of the
// job the client waits until all it pushed is durable, leaves, and says Left. After Reset
// everything of the old life is void: the trainer drops what it has and waits for the next Started.
//
// A reader (Role::kReader) has no J and no pushes: Read(at_least, keys), then Ready.
//
// Rules: ARCHITECTURE.md, "Read", "Push" and "Retention". Invariants V2, V5, V9 and V10 are checked
// by tests/simulate.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "common/base/env.h"
#include "common/base/ids.h"
#include "common/job/job.h"
#include "common/wire/message.h"
#include "common/wire/wire.h"
#include "worker/client/push_log.h"
#include "worker/client/row_cache.h"
#include "worker/spec/parameters.h"

namespace rubato {

enum class CacheMode { kOff, kOn };
// kTrust is for tests of the shard's own check: gradients go out as they are.
enum class FiniteCheck { kCheck, kTrust };

struct PsClientOptions {
  Job job;
  Role role = Role::kWorker;
  SeatId seat;
  Nonce process{};  // of Hello; 0: of a reader
  CacheMode cache = CacheMode::kOff;
  ValueCodec push_codec = ValueCodec::kF32;
  ValueCodec pull_codec = ValueCodec::kF32;
  FiniteCheck finite = FiniteCheck::kCheck;
  // Iterations whose gradients are no numbers after which this client pushes nothing any more, over
  // all of its lives; 0: it always does.
  uint64_t strikes = 0;
  size_t max_part_bytes = size_t{1} << 20;  // of values in one message
  size_t max_part_tables = kMaxTablesPerMessage;
  // Pulls under way at one shard: half of what it queues for one peer (common/wire/endpoint.h).
  // Answers beyond that would be dropped, and asked for again after resend_after only.
  // Beside it, rows of CreditRule::kPulls at most are asked for at a time.
  size_t max_asked = 128;
  Duration heartbeat_every = Duration::Millis(200);
  Duration resend_after = Duration::Seconds(2);
  // What a shard refused only because its view was older than this client's, and what could not be
  // queued.
  Duration resend_soon_after = Duration::Millis(10);
};

// Iterations may begin with `start`.
struct Started {
  Life life;
  Clock start;
  Generation generation;
};
// Rows of iteration `clock` (of Read: its at_least), as asked for, with values.
struct Ready {
  Clock clock;
  Clock oldest_read;   // smallest tag k among them; `clock` when there are none
  bool gated = false;  // at Start some shard had not let it pass yet: it waited for other workers
  Parameters rows;
};
struct Reset {
  std::string why;
};
struct Left {};
// The newest committed snapshot of the fleet is at `clock`.
struct Committed {
  Clock clock;
};
// Pulls have been waiting at a shard for a while; for people.
struct Waiting {
  PlaceId place;
  Clock min_clock;
  Life slowest;  // whoever holds min_clock; kNoLife: nobody, the shard loads
};
// The scheduler or a shard refused us with a sentence.
struct Refused {
  uint32_t code = 0;
  std::string sentence;
};
// A newer process has this worker's seat: it has no life any more, nor will it get one. The client
// says nothing after it.
struct SeatTaken {
  std::string sentence;
};
// This client has made its strikes: from iteration `from` on, in this life and all later ones, what
// it pushes is empty.
struct Quarantined {
  Clock from;
  uint64_t strikes = 0;
};
// The scheduler has ended the run, for everybody who ends with it.
struct FleetEnded {
  int code = 0;  // exit code
};
using ClientEvent = std::variant<Started, Ready, Reset, Left, Committed, Waiting, Refused,
                                 SeatTaken, Quarantined, FleetEnded>;

struct ClientOutput {
  Outbox messages;
  std::vector<ClientEvent> events;
};

struct ClientCounters {
  uint64_t pushes = 0;
  uint64_t nonfinite = 0;    // iterations made empty because a gradient was NaN or Inf
  uint64_t unprotected = 0;  // pushes dropped at the hard retention bound
  uint64_t resent = 0;
  uint64_t rows_pulled = 0;
  uint64_t rows_cached = 0;   // rows that needed no pull
  uint64_t bytes_pulled = 0;  // values
  uint64_t bytes_pushed = 0;  // keys and values
};

class PsClient {
 public:
  // `seed` draws the nonces of this client's lives.
  PsClient(PsClientOptions options, uint64_t seed, Instant now);
  PsClient(const PsClient&) = delete;
  PsClient& operator=(const PsClient&) = delete;

  void Receive(Instant now, Nonce from, const Message& message, ClientOutput* out);
  void Tick(Instant now, ClientOutput* out);
  // This message of an output could not even be queued: it is sent again soon, and nothing else.
  void NotSent(Instant now, const Envelope& envelope);

  // kExact: the weights after exactly the iterations < clock, if nobody may start `clock` before
  // this client pushes it; the cache is not asked. An iteration that all workers fetch so is a
  // barrier.
  enum class Freshness { kBounded, kExact };
  void Prefetch(Instant now, Clock clock, Parameters keys, Freshness freshness, ClientOutput* out);
  // Requires a Prefetch of the same clock in this life; clock >= this->clock(): an iteration may
  // begin before the one before it is pushed, wherever the read rule lets it (not at s = 0).
  void Start(Instant now, Clock clock, ClientOutput* out);
  // Gradients of the rows of Ready, same tables, keys and order; or none at all: an empty
  // iteration. Their memory is kept until a committed snapshot holds them.
  void Push(Instant now, Clock clock, Parameters gradients, ClientOutput* out);
  // Ends it with an empty push, and counts it, because what was computed is no number: as Push does
  // with gradients that are none. kNone: this client is in quarantine with it, however few its
  // strikes.
  enum class Trust { kSome, kNone };
  void PushNothing(Instant now, Clock clock, Trust trust, ClientOutput* out);
  // Readers: rows once every shard's min_clock is >= at_least.
  void Read(Instant now, Clock at_least, Parameters keys, ClientOutput* out);
  // How much the caller has worked so far, by any measure that grows: heartbeats carry it, and a
  // trainer that hangs is told by it from one that works for long.
  void NoteWork(uint64_t work) { work_ = work; }
  // Readers: say goodbye.
  void Leave(ClientOutput* out);
  // Workers: from now on this client asks for a snapshot, and leaves once all that it has pushed is
  // durable. That needs a pause: see held_from.
  void LeaveWhenDurable(Instant now);
  // Of a worker that is to leave: the first iteration that the snapshot under way will not hold.
  // Whoever pushes it all the same waits for the next snapshot.
  std::optional<Clock> held_from() const;

  // The transport address of the current life; changes with Reset.
  Nonce nonce() const { return nonce_; }
  Life life() const { return life_; }
  Clock clock() const { return clock_; }
  Clock start_clock() const { return start_clock_; }
  // The first iteration of this life that is empty whatever was computed; none: of none it is so.
  std::optional<Clock> quarantined() const { return quarantined_; }
  const View& view() const { return view_; }
  const ClientCounters& counters() const { return counters_; }
  bool left() const { return left_; }
  // Lowest `applied` and `durable` over the shards, as acknowledged to this life.
  Clock applied() const;
  Clock durable() const;
  // `applied` of each shard, by place.
  void CopyApplied(std::vector<Clock>* applied) const;
  const PushLog& log(PlaceId place) const { return places_[place.value()].log; }

 private:
  // What this life knows of one shard.
  struct Place {
    Life life;
    Nonce nonce;
    bool synced = false;  // received is known for this shard life
    Clock received;
    Clock applied;
    Clock durable;
    std::optional<Clock> min_clock;  // best known of this shard life
    Clock next_send;
    std::optional<Clock> not_sent;    // the first push that could not be queued
    size_t asked = 0;                 // pulls under way
    uint64_t asked_bytes = 0;         // of their rows
    std::optional<Clock> gate_asked;  // of a push that waits until the shard may take it
    std::optional<Instant> waiting_told;
    Instant progress_at;  // when `received` last moved, or a push or Sync was sent
    PushLog log;
  };
  // Rows that travel in one answer, of at most max_part_bytes of values and max_part_tables.
  struct Request {
    RequestId id;
    std::vector<std::vector<uint32_t>> rows;  // by table: indices; all empty: only to pass the gate
    uint64_t bytes = 0;                       // CreditRule::RowBytes
    bool answered = false;
    std::optional<Instant> asked_at;  // absent: there was no room yet
  };
  struct RequestAt {
    Clock clock;
    size_t place = 0;
    size_t index = 0;  // into PlaceFetch::requests
  };
  // One shard's share of a fetch.
  struct PlaceFetch {
    std::vector<std::vector<uint32_t>> rows;     // by table: indices of all rows that live there
    std::vector<std::vector<uint32_t>> missing;  // by table: those the cache did not have
    std::vector<Request> requests;               // empty until asked
  };
  struct Fetch {
    Parameters rows;
    std::vector<std::vector<Clock>> tags;  // by table and row: k
    std::vector<PlaceFetch> places;
    std::optional<Clock> at_least;  // of an exact fetch
    bool started = false;
    bool gated = false;
    bool ready = false;  // handed over
    Clock oldest_read;   // then: as Ready says
  };

  // Rows whose gradients change no more, in memory that may be shared.
  struct Frozen {
    TableId table;
    Buffer keys;    // RowKey
    Buffer values;  // float, [rows, dim]
  };

  // Lives (ps_client.cc).
  void ReceiveView(Instant now, const View& view, ClientOutput* out);
  void ReceiveStale(Instant now, Nonce from, const Stale& stale, ClientOutput* out);
  void SendSoonAgain(Instant now, Nonce shard);
  Instant SoonAgain(Instant now) const;
  void FollowShards(Instant now, ClientOutput* out);
  void Begin(Instant now, Life life, Clock start, ClientOutput* out);
  void ResetLife(const std::string& why, ClientOutput* out);
  void SendHello(ClientOutput* out);
  void Answer(Life life, ClientOutput* out);
  void Beat(ClientOutput* out);
  void LeaveIfOver(ClientOutput* out);
  bool MayLeave() const;
  bool Finished() const { return clock_ >= options_.job.last_clock; }
  std::optional<size_t> FindPlace(Nonce from, Life shard) const;
  bool IsPeer(Nonce from) const;

  // Pulls (ps_client_pull.cc).
  void Plan(Clock clock, Fetch* fetch);
  void FillFromCache(Clock clock, size_t place, Fetch* fetch);
  void Ask(Instant now, Clock clock, size_t place, ClientOutput* out);
  void AskOn(Instant now, size_t place, ClientOutput* out);
  void AskWhereNeeded(Instant now, Clock clock, ClientOutput* out);
  void ResendPulls(Instant now, ClientOutput* out);
  void ReceiveReply(Instant now, Nonce from, const PullReply& reply, ClientOutput* out);
  uint64_t BytesOf(const Request& request, const Fetch& fetch) const;
  bool MayAsk(const Request& request, const Place& place) const;
  std::vector<Request> Split(const Fetch& fetch, const PlaceFetch& share) const;
  void SendPull(Clock clock, size_t place, const Request& request, ClientOutput* out);
  void TakeReply(const PullReply& reply, size_t place);
  Request* FindRequest(RequestId id, const RequestAt& at);
  bool TakeRows(const PullReply& reply, size_t place, Clock use, const Request& request);
  void TryReady(Instant now, ClientOutput* out);
  bool GatePassed(Clock clock, const Fetch& fetch, const Place& place) const;
  void CountCached(const Fetch& fetch);
  size_t TableIndex(TableId id) const;

  // Pushes (ps_client_push.cc).
  void ReceiveAck(Instant now, Nonce from, const Ack& ack, ClientOutput* out);
  void Strike(Clock clock, ClientOutput* out);
  void Quarantine(ClientOutput* out);
  static std::vector<Frozen> Freeze(Parameters gradients);
  static Frozen Slice(const Frozen& all, size_t dim, size_t begin, size_t count);
  static Frozen Select(const Frozen& all, size_t dim, std::span<const uint32_t> indices);
  std::vector<LoggedPush> EncodeAll(Clock clock, const Fetch& fetch,
                                    const std::vector<Frozen>& gradients, bool* finite) const;
  std::vector<std::vector<TableRows>> EncodeParts(const PlaceFetch& share,
                                                  const std::vector<Frozen>& gradients,
                                                  bool* finite) const;
  TableRows Encode(const Frozen& of, size_t count) const;
  bool MayTravel(const TableRows& rows) const;
  void Pump(Instant now, size_t place, ClientOutput* out);
  void ResendPushes(Instant now, ClientOutput* out);
  void AskForGate(Clock number, size_t place, ClientOutput* out);
  void SendPush(const LoggedPush& push, size_t place, ClientOutput* out);
  void KeepWithinBounds();
  size_t LogBytes() const;
  uint64_t CreditOf(const std::vector<std::vector<TableRows>>& parts) const;
  bool HasCredit(const std::vector<LoggedPush>& pushes, ClientOutput* out) const;
  bool HasCredit(const LoggedPush& push, const Place& place) const;
  bool MaySend(Clock number, const Place& place) const;

  const PsClientOptions options_;
  const Staleness staleness_;
  const uint64_t job_fingerprint_;
  const uint64_t push_credit_;
  Rng rng_;
  Nonce nonce_;
  Life life_;
  View view_;
  Clock start_clock_;
  Clock clock_;
  bool left_ = false;
  bool leaving_ = false;
  bool leaves_when_durable_ = false;
  std::vector<Place> places_;
  std::map<Clock, Fetch> fetches_;
  std::map<RequestId, RequestAt> requests_;
  uint64_t request_counter_ = 0;
  RowCache cache_;
  std::optional<PlaceId> gap_;
  uint64_t strikes_ = 0;
  std::set<Clock> struck_;  // iterations of this life that are among them
  std::optional<Clock> quarantined_;
  ClientCounters counters_;
  uint64_t work_ = 0;
  uint64_t waits_ =
      0;  // heartbeats of a reader that waited for rows: the fleet's turn, not its own
  Instant last_beat_;
};

}  // namespace rubato
