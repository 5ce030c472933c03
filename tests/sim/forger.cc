// Strangers: whoever can reach a socket of the fleet may say anything, in anybody's name but not
// from anybody's connection. They know more here than they could: lives, requests and snapshots of
// the very message that they forge. Nothing that they say may change a machine or be answered with
// anything but a refusal (V15).
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/sim/world.h"

namespace rubato::sim {
namespace {

// The message that would do harm if it were believed.
struct Worse {
  void operator()(View& view) const {
    view.version = ViewVersion(view.version.value() + 1);
    view.members.clear();
  }
  void operator()(Ack& ack) const {
    ack.received = ack.applied = ack.durable = ack.min_clock = Clock(1'000'000);
  }
  void operator()(PullReply& reply) const { reply.min_clock = Clock(1'000'000); }
  void operator()(Heartbeat& beat) const {
    beat.clock = Clock(1'000'000);
    beat.leaving = true;
  }
  void operator()(ShardReport& report) const {
    report.seen = ViewVersion(1'000'000);
    report.min_clock = report.end = Clock(1'000'000);
  }
  template <class Other>
  void operator()(Other&) const {}
};

// What can be seen of a machine: it must be as it was.
std::string StateOf(const Shard& shard) {
  std::string state = absl::StrCat(shard.life().value(), " ", shard.view().version.value(), " ",
                                   shard.serving(), " ", shard.counters().pulls_answered);
  for (const MemberEntry& member : shard.view().members) {
    absl::StrAppend(&state, " ", shard.received(member.life).value_or(Clock(-1)).value(), "+",
                    shard.held(member.life));
  }
  return state;
}

std::string StateOf(const PsClient& client) {
  std::string state = absl::StrCat(
      client.life().value(), " ", client.nonce().value(), " ", client.view().version.value(), " ",
      client.applied().value(), " ", client.durable().value(), " ", client.counters().rows_pulled);
  if (client.life() == kNoLife) return state;
  for (uint32_t p = 0; p < client.view().shards.size(); ++p) {
    absl::StrAppend(&state, " ", client.log(PlaceId(p)).bytes());
  }
  return state;
}

}  // namespace

void World::Forge(Nonce from, Nonce to, const Message& message) {
  if (std::holds_alternative<Hello>(message)) return;  // which nobody can forge: it claims nothing
  ++stats_.forged;
  auto worse = std::make_shared<Message>(message);
  std::visit(Worse(), *worse);
  const Nonce stranger = DrawStranger(from);
  const auto delay = static_cast<int64_t>(forger_rng_.Below(3000));
  At(delay, [this, stranger, to, worse] { DeliverForged(stranger, to, *worse); });
}

// A worker of the fleet other than the sender, or somebody whom nobody knows.
Nonce World::DrawStranger(Nonce but) {
  const Nonce unknown(forger_rng_.Next() | 1);
  if (worker_of_.empty() || forger_rng_.Chance(0.5)) return unknown;
  const auto drawn =
      std::next(worker_of_.begin(), static_cast<int64_t>(forger_rng_.Below(worker_of_.size())));
  return drawn->first == but ? unknown : drawn->first;
}

void World::DeliverForged(Nonce stranger, Nonce to, const Message& message) {
  if (quiet_ || asleep_until_ > now_us_) return;
  if (to == kSchedulerNonce) return ForgeToScheduler(stranger, message);
  if (const auto shard = shard_of_.find(to); shard != shard_of_.end()) {
    const bool hears = shard->second->alive && shard->second->asleep_until <= now_us_;
    if (hears) ForgeToShard(shard->second, stranger, message);
    return;
  }
  const auto worker = worker_of_.find(to);
  if (worker == worker_of_.end() || !worker->second->alive) return;
  if (worker->second->frozen_until <= now_us_) ForgeToWorker(worker->second, stranger, message);
}

void World::ForgeToScheduler(Nonce stranger, const Message& message) {
  if (!scheduler_ || scheduler_busy_until_ > now_us_) return;
  const Clock end = scheduler_->known_end();
  const Clock min_clock = scheduler_->known_min_clock();
  SchedulerOutput out;
  scheduler_->Receive(SchedulerNow(), stranger, message, &out);
  if (out.persist || !out.events.empty() || scheduler_->known_end() != end ||
      scheduler_->known_min_clock() != min_clock) {
    return Violate("V15", absl::StrCat("the scheduler believes message kind ", message.index(),
                                       " of nonce ", stranger.value()));
  }
  CheckAnswers(stranger, message, out.messages);
}

void World::ForgeToShard(ShardProcess* shard, Nonce stranger, const Message& message) {
  const std::string before = StateOf(*shard->machine);
  ShardOutput out;
  shard->machine->Receive(Now(shard), stranger, message, &out);
  if (out.stop || out.load || !out.write.empty() || StateOf(*shard->machine) != before) {
    return Violate("V15", absl::StrCat("a shard believes message kind ", message.index(),
                                       " of nonce ", stranger.value()));
  }
  CheckAnswers(stranger, message, out.messages);
}

void World::ForgeToWorker(WorkerProcess* worker, Nonce stranger, const Message& message) {
  const std::string before = StateOf(*worker->machine);
  ClientOutput out;
  worker->machine->Receive(Now(worker), stranger, message, &out);
  if (!out.events.empty() || StateOf(*worker->machine) != before) {
    return Violate("V15", absl::StrCat("a client believes message kind ", message.index(),
                                       " of nonce ", stranger.value()));
  }
  CheckAnswers(stranger, message, out.messages);
}

// Refusals alone, and to the stranger alone. A worker of the fleet may be told the view.
void World::CheckAnswers(Nonce stranger, const Message& message, const Outbox& answers) {
  for (const Envelope& answer : answers) {
    const bool refusal =
        std::holds_alternative<Stale>(answer.message) ||
        std::holds_alternative<ErrorReply>(answer.message) ||
        (std::holds_alternative<View>(answer.message) && worker_of_.contains(stranger));
    if (answer.to == stranger && refusal) continue;
    return Violate("V15", absl::StrCat("message kind ", message.index(), " of nonce ",
                                       stranger.value(), " is answered with kind ",
                                       answer.message.index(), " to ", answer.to.value()));
  }
}

}  // namespace rubato::sim
