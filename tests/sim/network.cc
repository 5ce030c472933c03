// Messages, disks and events between the machines of a simulated world.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/sim/world.h"

namespace rubato::sim {
namespace {

constexpr int64_t kMs = 1000;

}  // namespace

bool World::LinkCut(Nonce from, Nonce to) const {
  const bool scheduler = from == kSchedulerNonce || to == kSchedulerNonce;
  for (const Nonce end : {from, to}) {
    const auto shard = shard_of_.find(end);
    if (scheduler && shard != shard_of_.end() && shard->second->zombie) return true;
    const auto worker = worker_of_.find(end);
    if (scheduler && worker != worker_of_.end() && worker->second->cut_until > now_us_) return true;
  }
  if (half_open_.contains({from, to})) return true;
  return !cut_links_.empty() && cut_links_.contains({PartyOf(from), PartyOf(to)});
}

bool World::Send(Nonce from, const Envelope& envelope) {
  ++stats_.messages;
  if (!quiet_ && forger_rng_.Chance(config_.forged)) Forge(from, envelope.to, envelope.message);
  if (LinkCut(from, envelope.to)) {
    ++stats_.messages_cut;
    return true;
  }
  if (!quiet_ && rng_.Chance(config_.loss)) {
    ++stats_.lost;
    return rng_.Chance(0.5);
  }
  const bool twice = !quiet_ && rng_.Chance(config_.duplicate);
  stats_.duplicated += twice;
  auto message = std::make_shared<const Message>(envelope.message);
  for (int copy = 0; copy < (twice ? 2 : 1); ++copy) {
    const Nonce to = envelope.to;
    At(Delay(from, to), [this, from, to, message] { Deliver(from, to, *message); });
  }
  return true;
}

int64_t World::Delay(Nonce from, Nonce to) {
  int64_t delay = 200 + static_cast<int64_t>(rng_.Exponential(2.0) * kMs);
  if (!quiet_ && rng_.Chance(config_.long_delay)) {
    ++stats_.long_delays;
    delay += 10 * kMs + static_cast<int64_t>(rng_.Below(70 * kMs));
  }
  if (!config_.patient) return delay;
  int64_t& arrives_us = arrives_us_[{from, to}];
  arrives_us = std::max(arrives_us, now_us_ + delay);
  return arrives_us - now_us_;
}

void World::Deliver(Nonce from, Nonce to, const Message& message) {
  if (to == kSchedulerNonce) {
    if (!scheduler_) return;
    if (After(SchedulerBusyUntil(), [this, from, to, message] { Deliver(from, to, message); })) {
      return;
    }
    if (const auto* report = std::get_if<ShardReport>(&message); report && report->load_failed) {
      return Violate("V4", "a shard cannot load the committed image");
    }
    NoteAnswer(from, message);
    SchedulerOutput out;
    scheduler_->Receive(SchedulerNow(), from, message, &out);
    CheckHolders();
    return FlushScheduler(std::move(out));
  }
  if (const auto shard = shard_of_.find(to); shard != shard_of_.end()) {
    if (shard->second->alive) DeliverToShard(shard->second, from, message);
    return;
  }
  const auto worker = worker_of_.find(to);
  if (worker != worker_of_.end() && worker->second->alive) {
    DeliverToWorker(worker->second, from, to, message);
  }
}

void World::DeliverToShard(ShardProcess* shard, Nonce from, const Message& message) {
  if (After(shard->asleep_until,
            [this, from, to = shard->nonce, message] { Deliver(from, to, message); })) {
    return;
  }
  const auto* push = std::get_if<Push>(&message);
  MutatedShard& machine = *shard->machine;
  const bool foreign =
      push != nullptr &&
      (push->to != machine.life() ||
       std::none_of(machine.view().members.begin(), machine.view().members.end(),
                    [&](const MemberEntry& m) { return m.life == push->from && m.start; }));
  const auto before = push != nullptr ? machine.received(push->from) : std::nullopt;
  ShardOutput out;
  machine.Receive(Now(shard), from, message, &out);
  if (foreign && machine.received(push->from) != before) {
    return Violate("V6", absl::StrCat("push ", push->clock.value(), " of life ", push->from.value(),
                                      " for shard life ", push->to.value(), " taken by ",
                                      machine.life().value()));
  }
  Flush(shard, &out);
  CheckShard(shard);
}

void World::DeliverToWorker(WorkerProcess* worker, Nonce from, Nonce to, const Message& message) {
  if (worker->frozen_until > now_us_) {
    At(worker->frozen_until - now_us_ + 100,
       [this, from, to, message] { Deliver(from, to, message); });
    return;
  }
  ClientOutput out;
  const bool left = worker->machine->left();  // it hears nothing more
  worker->machine->Receive(Now(worker), from, message, &out);
  if (const auto* ack = std::get_if<Ack>(&message); ack && ack->to == worker->machine->life()) {
    const View& view = worker->machine->view();
    for (uint32_t p = 0; p < view.shards.size(); ++p) {
      if (view.shards[p].life != ack->from) continue;
      if (ack->refused && !left) NoteRefused(worker, *ack->refused);
      Acked& acked = acked_[{ack->to, PlaceId(p)}];
      acked = {view.generation, ack->to, PlaceId(p), std::max(acked.applied, ack->applied)};
    }
  }
  Flush(worker, &out);
}

void World::Flush(ShardProcess* shard, ShardOutput* out) {
  if (out->stop) shard->alive = false;
  for (const Envelope& envelope : out->messages) {
    CheckRefusal(envelope);
    Send(shard->nonce, envelope);
  }
  for (const auto& image : out->write) WriteImage(shard, image);
  if (out->load) LoadImages(shard, *out->load);
}

// How long the store takes; where that is long it shows that it gets on.
int64_t World::StoreDelay(ShardProcess* shard, int64_t longest_us) {
  constexpr int64_t kStepUs = 25 * kMs;
  const bool slow = config_.slow_disks || IsSlow({Party::Kind::kShard, shard->place.value()});
  const int64_t takes =
      slow ? 360 * kMs : static_cast<int64_t>(rng_.Below(static_cast<uint64_t>(longest_us)));
  for (int64_t at = kStepUs; at < takes; at += kStepUs) {
    At(at, [shard] { shard->machine->NoteStoreWork(++shard->stored); });
  }
  return takes;
}

// An image is written, half of its rows half-way, and then synced; only then may anybody hear of
// it.
void World::WriteImage(ShardProcess* shard, const std::shared_ptr<ImageSource>& source) {
  const bool fails = !quiet_ && rng_.Chance(config_.write_failure);
  const int64_t takes = kMs + StoreDelay(shard, config_.write_ms * kMs);
  auto written = std::make_shared<WrittenImage>(
      WrittenImage{source, source->tables(), {source->head(), {}}, absl::OkStatus()});
  for (const TableShape& t : written->tables) {
    written->image.tables.push_back({t.table, t.row_floats, {}, {}});
  }
  shard->writing[written->image.name] = written;
  At(takes / 2, [this, shard, written] {
    TakeRows(written.get(), 2);
    if (!Makes(Mutation::written_before_synced) || !shard->alive) return;
    ShardOutput out;
    shard->machine->ImageWritten(written->image.name, absl::OkStatus(), &out);
    Flush(shard, &out);
  });
  At(takes, [this, shard, written, fails] { ImageWritten(shard, written, fails); });
}

// A share of all rows: 2: half of them; 1: whatever is left.
void World::TakeRows(WrittenImage* written, uint64_t share) {
  if (written->source == nullptr) return;
  for (size_t t = 0; t < written->tables.size() && written->status.ok(); ++t) {
    written->status =
        written->source->Take(t, written->tables[t].rows / share, &written->image.tables[t]);
  }
}

// The image as a store reads it: the rows of its chain before its own. False: it was given up.
bool World::TakeAll(WrittenImage* written) {
  TakeRows(written, 1);
  if (written->source == nullptr || !written->status.ok()) return false;
  Image& image = written->image;
  static_cast<ImageHead&>(image) = written->source->head();
  written->source.reset();
  if (!image.base) return true;
  const auto base = disk_.find(*image.base);
  if (base == disk_.end() || !committed_images_.contains(*image.base)) {
    Violate("V4", "an image rests on one that was never committed");
    return false;
  }
  ++stats_.incremental_images;
  const std::vector<TableImage>& below = base->second.tables;
  image.tables.insert(image.tables.begin(), below.begin(), below.end());
  return true;
}

void World::ImageWritten(ShardProcess* shard, const std::shared_ptr<WrittenImage>& written,
                         bool fails) {
  if (!shard->alive) return;
  if (After(shard->asleep_until, [=, this] { ImageWritten(shard, written, fails); })) return;
  const ImageName name = written->image.name;
  shard->writing.erase(name);
  if (!TakeAll(written.get())) return;
  const bool full = IsFull({Party::Kind::kShard, shard->place.value()});
  stats_.full_disk_failures += full;
  stats_.write_failures += fails;
  if (!fails && !full) return ImageSynced(shard, written->image);
  const bool unseen = full && Makes(Mutation::full_disk_is_written);
  ShardOutput out;
  shard->machine->ImageWritten(
      name, unseen ? absl::OkStatus() : absl::ResourceExhaustedError("disk full"), &out);
  Flush(shard, &out);
}

void World::ImageSynced(ShardProcess* shard, const Image& image) {
  const auto [kept, fresh] = disk_.try_emplace(image.name, image);
  if (!fresh && kept->second != image) {
    return Violate("V4", "two images of one name differ");  // one of them may be committed
  }
  ShardOutput out;
  shard->machine->ImageWritten(image.name, absl::OkStatus(), &out);
  Flush(shard, &out);
}

void World::LoadImages(ShardProcess* shard, const LoadRequest& request) {
  std::vector<ImageName> names = request.images;
  if (Makes(Mutation::load_newest) && names.size() == 1) {
    for (const auto& [name, image] : disk_) {
      if (name.place == shard->place && name.snapshot > names[0].snapshot) names[0] = name;
    }
  }
  At(StoreDelay(shard, 5 * kMs),
     [this, shard, request, names] { ReadImages(shard, request.life, names); });
}

void World::ReadImages(ShardProcess* shard, Life life, const std::vector<ImageName>& names) {
  if (!shard->alive) return;
  if (After(shard->asleep_until, [=, this] { ReadImages(shard, life, names); })) return;
  std::vector<Image> images;
  for (const ImageName& name : names) {
    const auto found = disk_.find(name);
    if (found == disk_.end()) return Violate("V4", "a committed image is not on disk");
    if (torn_.contains(name)) return Violate("V4", "a committed image cannot be read");
    images.push_back(found->second);
  }
  ShardOutput out;
  if (!shard->machine->ImagesLoaded(life, std::move(images), &out).ok()) {
    return Violate("V4", "a committed image cannot be loaded");
  }
  Flush(shard, &out);
  CheckShard(shard);
}

void World::Flush(WorkerProcess* worker, ClientOutput* out) {
  // The nonce may just have changed; answers to the old one still find the process.
  const Nonce nonce = worker->machine->nonce();
  worker->nonces.insert(nonce);
  worker_of_[nonce] = worker;
  for (const Envelope& envelope : out->messages) {
    const auto* beat = std::get_if<Heartbeat>(&envelope.message);
    stats_.snapshot_wishes += beat != nullptr && beat->log_fill.has_value();
    if (beat != nullptr && beat->gap && beat->unprotected == 0) {
      return Violate("V10", absl::StrCat("life ", beat->life.value(), " lacks a push that shard ",
                                         beat->gap->value(), " needs"));
    }
    if (!Send(nonce, envelope)) worker->machine->NotSent(Now(worker), envelope);
  }
  const std::vector<ClientEvent> events = std::move(out->events);
  for (const ClientEvent& event : events) Handle(worker, event);
  CheckQuarantine(worker);
  GoOn(worker);
}

// While it is at its disk a scheduler does nothing else. If it dies then, the old state stays.
void World::FlushScheduler(SchedulerOutput out) {
  for (const SchedulerEvent& event : out.events) CheckEviction(event);
  ahead_->Take(std::move(out));
  const SchedulerState* due = ahead_->Due(SchedulerNow());
  if (due == nullptr) return Release();
  const bool fails = !quiet_ && rng_.Chance(config_.state_write_failure);
  int64_t longest = quiet_ ? 0 : config_.state_write_ms * kMs;
  if (IsSlow({Party::Kind::kScheduler})) longest += 40 * kMs;
  if (longest == 0) return StateWritten(scheduler_starts_, *due, fails);
  const auto takes = static_cast<int64_t>(rng_.Below(static_cast<uint64_t>(longest)));
  scheduler_writes_ = true;
  state_in_writing_ = *due;
  scheduler_busy_until_ = std::max(scheduler_busy_until_, now_us_ + takes);
  At(takes,
     [this, start = scheduler_starts_, state = *due, fails] { StateWritten(start, state, fails); });
}

void World::StateWritten(uint64_t start, const SchedulerState& state, bool fails) {
  if (!scheduler_ || start != scheduler_starts_) return;
  if (After(scheduler_busy_until_, [=, this] { StateWritten(start, state, fails); })) return;
  scheduler_writes_ = false;
  state_in_writing_.reset();
  const bool full = IsFull({Party::Kind::kScheduler});
  stats_.full_disk_failures += full;
  stats_.state_write_failures += fails;
  fails = fails || full;
  if (!fails) TakeState(state);
  ahead_->Written(SchedulerNow(),
                  fails ? absl::ResourceExhaustedError("disk full") : absl::OkStatus());
  Release();
}

void World::TakeState(const SchedulerState& state) {
  CheckState(state);
  scheduler_disk_ = state;
  NoteGeneration(scheduler_disk_.view);
  CheckCommit(scheduler_disk_.view);
}

// A crash may come between what is told and what is sent.
void World::Release() {
  const WriteAhead::Released released = ahead_->Release();
  for (const SchedulerEvent& event : released.events) {
    CheckTold(event);
    Handle(event);
  }
  if (ahead_->durable() && told_commit_ < scheduler_disk_.view.committed.clock) {
    return Violate("V13", "a commit that is on disk was never told");
  }
  const bool crash =
      !quiet_ && !released.messages.empty() && config_.scheduler_crashes > 0 && rng_.Chance(0.005);
  if (crash) return CrashScheduler(&rng_);
  for (const Envelope& envelope : released.messages) {
    CheckSaid(envelope.message);
    Send(kSchedulerNonce, envelope);
  }
  SpawnMissingShards();
}

void World::Handle(const SchedulerEvent& event) {
  constexpr const char* kNames[] = {"joined",        "started",      "evicted",       "replaced",
                                    "left",          "shard life",   "shard serves",  "cut opened",
                                    "cut withdrawn", "committed",    "FLEET RESUME",  "torn",
                                    "possible loss", "LOSS",         "seats missing", "load failed",
                                    "load stands",   "reader hangs", "stores stand",  "quarantined",
                                    "nobody trains"};
  Log(absl::StrCat("scheduler: ", kNames[static_cast<int>(event.kind)], " life ",
                   event.life.value(), " clock ", event.clock.value(), " ", event.clock2.value(),
                   " ", event.text));
  const Generation generation = scheduler_disk_.view.generation;
  switch (event.kind) {
    case SchedulerEventKind::kReplaced:
      ++stats_.evictions;
      break;
    case SchedulerEventKind::kEvicted:
      ++stats_.evictions;
      if (config_.patient && event.text.find("no progress") != std::string::npos) {
        return Violate("V11", "a member is evicted for standing still, and nothing kept it");
      }
      break;
    case SchedulerEventKind::kStarted:
      ++stats_.joins;
      break;
    case SchedulerEventKind::kCommitted:
      ++stats_.commits;
      told_commit_ = std::max(told_commit_, event.clock);
      break;
    case SchedulerEventKind::kCutWithdrawn:
      ++stats_.cuts_withdrawn;
      break;
    case SchedulerEventKind::kFleetResume:
      ++stats_.fleet_resumes;
      break;
    case SchedulerEventKind::kTornIterations:
    case SchedulerEventKind::kPossibleLoss:
    case SchedulerEventKind::kLoss:
      reported_.insert({generation, event.life});
      CountTorn(event);
      break;
    case SchedulerEventKind::kLoadFailed:
    case SchedulerEventKind::kLoadStands:
      return Violate("V4", "a load that gets on is given up");
    case SchedulerEventKind::kQuarantined:
    case SchedulerEventKind::kNobodyTrains:
      return CheckQuarantineTold(event);
    case SchedulerEventKind::kStoresStand:
      return Violate("V11", "the run is given up for stores that stand still, and none does");
    default:
      break;
  }
}

}  // namespace rubato::sim
