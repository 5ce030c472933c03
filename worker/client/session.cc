#include "worker/client/session.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/status.h"

namespace rubato {
namespace {

constexpr Duration kTick = Duration::Millis(20);

}  // namespace

absl::StatusOr<std::unique_ptr<Session>> Session::Open(PsClientOptions options,
                                                       const std::string& scheduler,
                                                       std::shared_ptr<KeyRing> keys) {
  ASSIGN_OR_RETURN(auto endpoint, Endpoint::Open({.self = Nonce(RandomSeed() | 1),
                                                  .listen = "",
                                                  .peers = uint64_t{options.job.places} + 1,
                                                  .keys = std::move(keys)}));
  RETURN_IF_ERROR(endpoint->Connect(kSchedulerNonce, {.address = scheduler, .key = ""}));
  return std::unique_ptr<Session>(new Session(std::move(options), scheduler, std::move(endpoint)));
}

Session::Session(PsClientOptions options, const std::string& scheduler,
                 std::unique_ptr<Endpoint> endpoint)
    : endpoint_(std::move(endpoint)),
      client_(std::move(options), RandomSeed(), MonotonicNow()),
      patience_(scheduler, MonotonicNow()),
      thread_([this] { Run(); }) {}

Session::~Session() {
  end_ = true;
  endpoint_->Wake();
  thread_.join();
}

void Session::Add(Command command) {
  {
    MutexLock lock(&mutex_);
    commands_.push_back(std::move(command));
  }
  endpoint_->Wake();
}

void Session::AddOfLife(Command command) {
  Add([life = heard_, command = std::move(command)](Instant now, PsClient* client,
                                                    ClientOutput* out) {
    if (client->life() == life && !client->left()) command(now, client, out);
  });
}

void Session::Prefetch(Clock clock, Parameters keys, PsClient::Freshness freshness) {
  auto shared = std::make_shared<Parameters>(std::move(keys));
  AddOfLife([clock, shared, freshness](Instant now, PsClient* client, ClientOutput* out) {
    client->Prefetch(now, clock, std::move(*shared), freshness, out);
  });
}

void Session::Start(Clock clock) {
  AddOfLife([clock](Instant now, PsClient* client, ClientOutput* out) {
    client->Start(now, clock, out);
  });
}

void Session::Push(Clock clock, Parameters gradients) {
  auto shared = std::make_shared<Parameters>(std::move(gradients));
  AddOfLife([clock, shared](Instant now, PsClient* client, ClientOutput* out) {
    client->Push(now, clock, std::move(*shared), out);
  });
}

void Session::PushNothing(Clock clock, PsClient::Trust trust) {
  AddOfLife([clock, trust](Instant now, PsClient* client, ClientOutput* out) {
    client->PushNothing(now, clock, trust, out);
  });
}

void Session::Read(Clock at_least, Parameters keys) {
  auto shared = std::make_shared<Parameters>(std::move(keys));
  AddOfLife([at_least, shared](Instant now, PsClient* client, ClientOutput* out) {
    client->Read(now, at_least, std::move(*shared), out);
  });
}

void Session::Leave() {
  auto done = std::make_shared<std::atomic<bool>>(false);
  Add([this, done](Instant now, PsClient* client, ClientOutput* out) {
    client->Leave(out);
    Flush(now, out);
    *done = true;
    done->notify_one();
  });
  done->wait(false);
}

void Session::LeaveWhenDurable() {
  Add([](Instant now, PsClient* client, ClientOutput*) { client->LeaveWhenDurable(now); });
}

std::optional<ClientEvent> Session::Next(Duration timeout) {
  MutexLock lock(&mutex_);
  const Instant until = MonotonicNow() + timeout;
  while (events_.empty()) {
    if (MonotonicNow() >= until) return std::nullopt;
    changed_.wait_until(
        mutex_, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(until.nanos())));
  }
  ClientEvent event = std::move(events_.front());
  events_.pop_front();
  if (const auto* started = std::get_if<Started>(&event)) heard_ = started->life;
  return event;
}

absl::Status Session::CheckScheduler() {
  Trouble trouble;
  {
    MutexLock lock(&mutex_);
    trouble = trouble_;
  }
  return patience_.Check(MonotonicNow(), answered_, trouble);
}

ClientCounters Session::counters() const {
  MutexLock lock(&mutex_);
  return counters_;
}

Acknowledged Session::acknowledged() const {
  MutexLock lock(&mutex_);
  return acknowledged_;
}

std::optional<Clock> Session::held_from() const {
  MutexLock lock(&mutex_);
  return held_from_;
}

void Session::Run() {
  while (!end_) {
    const std::vector<Decoded> received = endpoint_->Receive(kTick);
    const Instant now = MonotonicNow();
    ClientOutput out;
    for (const Decoded& decoded : received) {
      client_.Receive(now, decoded.from, decoded.message, &out);
      Flush(now, &out);
    }
    if (client_.view().version != ViewVersion(0)) answered_ = true;
    std::deque<Command> commands;
    {
      MutexLock lock(&mutex_);
      commands.swap(commands_);
    }
    for (const Command& command : commands) {
      command(now, &client_, &out);
      Flush(now, &out);
    }
    client_.NoteWork(work_);
    client_.Tick(now, &out);
    Flush(now, &out);
    MutexLock lock(&mutex_);
    CopyCounters();
    trouble_ = endpoint_->trouble();
  }
}

void Session::CopyCounters() {
  counters_ = client_.counters();
  acknowledged_.life = client_.life();
  client_.CopyApplied(&acknowledged_.applied);
  held_from_ = client_.held_from();
}

// Sent under the nonce of the client's current life.
void Session::Flush(Instant now, ClientOutput* out) {
  ConnectShards();
  for (const Envelope& envelope : out->messages) {
    const SendResult result =
        endpoint_->SendFrames(envelope.to, Encode(client_.nonce(), envelope.message));
    if (result != SendResult::kSent) client_.NotSent(now, envelope);
  }
  out->messages.clear();
  if (out->events.empty()) return;
  {
    MutexLock lock(&mutex_);
    CopyCounters();  // an event is never newer than they are
    for (ClientEvent& event : out->events) events_.push_back(std::move(event));
  }
  out->events.clear();
  changed_.notify_all();
}

void Session::ConnectShards() {
  const View& view = client_.view();
  if (view.version == connected_) return;
  connected_ = view.version;
  // The old ones first: a new process may listen where the last one did, and a worker speaks to it
  // over one connection only.
  std::erase_if(connections_, [&](Nonce peer) {
    const bool stays = std::ranges::any_of(
        view.shards, [peer](const ShardEntry& shard) { return shard.nonce == peer; });
    if (!stays) endpoint_->Disconnect(peer);
    return !stays;
  });
  for (const ShardEntry& shard : view.shards) {
    // A malformed address comes from a scheduler of ours: nothing to do but wait for the next view.
    if (shard.life == kNoLife) continue;
    endpoint_->Connect(shard.nonce, {.address = shard.address, .key = shard.key}).IgnoreError();
    if (!std::ranges::count(connections_, shard.nonce)) connections_.push_back(shard.nonce);
  }
}

}  // namespace rubato
