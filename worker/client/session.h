// A PsClient with real time and sockets, on a network thread of its own; the trainer's thread talks
// to it through two queues. Pulls of later iterations and pushes of earlier ones travel while it
// computes.
//
// One Session, one calling thread. Commands are taken in order; those of a life that has ended
// meanwhile are dropped, since everything of it is void (see Reset in worker/client/ps_client.h).
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/wire/endpoint.h"
#include "common/wire/patience.h"
#include "worker/client/ps_client.h"

namespace rubato {

// What the shards have acknowledged of a life's pushes.
struct Acknowledged {
  Life life;
  std::vector<Clock> applied;  // by place: all pushes before this are applied there
};

class Session {
 public:
  // `keys`: null where there are none, and only loopback is taken.
  static absl::StatusOr<std::unique_ptr<Session>> Open(PsClientOptions options,
                                                       const std::string& scheduler,
                                                       std::shared_ptr<KeyRing> keys = nullptr);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void Prefetch(Clock clock, Parameters keys, PsClient::Freshness freshness);
  void Start(Clock clock);
  void Push(Clock clock, Parameters gradients);
  void PushNothing(Clock clock, PsClient::Trust trust);
  void Read(Clock at_least, Parameters keys);
  // The caller has done a piece of its work (a batch, a part of an evaluation). Who says so never
  // within the scheduler's stall time hangs, and is put out of the fleet.
  void NoteWork() { ++work_; }
  // A reader's goodbye; returns when it is sent.
  void Leave();
  // A worker's, as of PsClient: told by event Left.
  void LeaveWhenDurable();

  // The next event, in order; nullopt after `timeout`.
  std::optional<ClientEvent> Next(Duration timeout);
  // Unavailable, with the reason as far as it is known, once the scheduler has not answered, or has
  // been out of reach, for too long (common/wire/patience.h).
  absl::Status CheckScheduler();
  // A copy, a moment old, and no older than the last event of Next.
  ClientCounters counters() const;
  Acknowledged acknowledged() const;
  std::optional<Clock> held_from() const;

 private:
  using Command = std::function<void(Instant now, PsClient* client, ClientOutput* out)>;
  Session(PsClientOptions options, const std::string& scheduler,
          std::unique_ptr<Endpoint> endpoint);
  void Add(Command command);
  // Dropped if the client has another life by then than the caller has heard of.
  void AddOfLife(Command command);
  void Run();
  void Flush(Instant now, ClientOutput* out);
  void CopyCounters() REQUIRES_LOCK(mutex_);
  void ConnectShards();

  std::unique_ptr<Endpoint> endpoint_;
  PsClient client_;        // the network thread's
  ViewVersion connected_;  // view whose shards are connected, and no others
  std::vector<Nonce> connections_;
  Life heard_;                  // the caller's: the life that Next told it of last
  SchedulerPatience patience_;  // the caller's
  std::atomic<bool> end_{false};
  std::atomic<bool> answered_{false};
  std::atomic<uint64_t> work_{0};

  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Command> commands_ GUARDED_BY(mutex_);
  std::deque<ClientEvent> events_ GUARDED_BY(mutex_);
  ClientCounters counters_ GUARDED_BY(mutex_);
  Acknowledged acknowledged_ GUARDED_BY(mutex_);
  Trouble trouble_ GUARDED_BY(mutex_);  // a copy, as of the endpoint
  std::optional<Clock> held_from_ GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace rubato
