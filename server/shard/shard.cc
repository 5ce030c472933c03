// Lives, views and reports of a shard: see server/shard/shard.h.
#include "server/shard/shard.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/status.h"
#include "common/wire/protocol.h"
#include "server/table/make_table.h"

namespace rubato {

Shard::Shard(ShardOptions options, Instant now)
    : options_(std::move(options)),
      staleness_(options_.job.staleness()),
      job_fingerprint_(options_.job.Fingerprint()),
      push_credit_(CreditRule::OfPushes(options_.job.iteration_bytes)),
      last_report_(now - options_.report_every) {}

std::optional<Clock> Shard::applied(Life life) const {
  const auto found = applied_.find(life);
  if (found == applied_.end()) return std::nullopt;
  return found->second;
}

std::optional<Clock> Shard::received(Life life) const {
  const auto found = inboxes_.find(life);
  if (found == inboxes_.end()) return std::nullopt;
  return found->second.received;
}

size_t Shard::held(Life life) const {
  const auto found = inboxes_.find(life);
  return found == inboxes_.end() ? 0 : found->second.held.size();
}

void Shard::Receive(Instant now, Nonce from, const Message& message, ShardOutput* out) {
  if (state_ == State::kStopped) return;
  const bool scheduler = from == kSchedulerNonce;
  if (const auto* view = std::get_if<View>(&message)) {
    if (scheduler) ReceiveView(now, *view, out);
    return;
  }
  if (const auto* stale = std::get_if<Stale>(&message)) {
    if (!scheduler || stale->nonce != options_.nonce || stale->to != kNoLife) return;
    state_ = State::kStopped;  // its life ended before it was ever heard of
    out->stop = true;
    return;
  }
  if (const auto* pull = std::get_if<Pull>(&message)) return ReceivePull(now, from, *pull, out);
  if (const auto* push = std::get_if<Push>(&message)) return ReceivePush(from, *push, out);
  if (const auto* sync = std::get_if<Sync>(&message)) return ReceiveSync(from, *sync, out);
}

void Shard::Tick(Instant now, ShardOutput* out) {
  if (state_ == State::kStopped || now - last_report_ < options_.report_every) return;
  last_report_ = now;
  if (state_ == State::kUnborn) {
    Hello hello;
    hello.role = Role::kShard;
    hello.index = options_.place.value();
    hello.address = options_.address;
    hello.job_fingerprint = job_fingerprint_;
    hello.process = options_.process;
    out->messages.push_back({kSchedulerNonce, hello});
    return;
  }
  Report(out);
  NoticeParked(now, out);
}

void Shard::ReceiveView(Instant, const View& view, ShardOutput* out) {
  if (!FenceRule::IsNewer(view.version, view_.version)) return;
  const size_t place = options_.place.value();
  const bool mine = place < view.shards.size() && view.shards[place].nonce == options_.nonce;
  if (!mine) {
    // A newer life has this place, or nobody yet: the fleet may have shrunk, and grown again,
    // since. Without a life, go on saying Hello.
    if (life_ != kNoLife) {
      state_ = State::kStopped;
      out->stop = true;
    }
    return;
  }
  view_ = view;
  if (view.shards[place].life > life_) return BeginLife(view.shards[place].life, out);
  if (state_ != State::kServing) return;
  FollowMembers();
  FollowBase();
  FollowCut(out);
  FollowCommit();
  Advance(out);
  SendAckToAll(out);  // what is durable, and what is not held back any more
  Report(out);
}

// Nothing of the last life remains: what it held comes back from the committed image and from the
// logs of the workers.
void Shard::BeginLife(Life life, ShardOutput* out) {
  life_ = life;
  state_ = State::kLoading;
  clocks_ = ClockTable(view_.committed.clock);
  inboxes_.clear();
  applied_.clear();
  parked_.clear();
  parked_of_.clear();
  end_ = view_.committed.clock;
  cut_handled_ = SnapshotNumber(0);
  armed_.reset();
  refused_.reset();
  durable_snapshot_.reset();
  durable_clock_ = view_.committed.clock;
  captured_.clear();
  base_.reset();
  last_cut_.reset();
  torn_durable_.clear();
  committed_clock_ = view_.committed.clock;
  load_failed_ = false;
  counters_ = ShardCounters{};
  const std::vector<ImageName>& images = view_.committed.images;
  if (images.empty()) {
    CHECK(ImagesLoaded(life, std::vector<Image>{}, out).ok());  // nothing to go wrong
    return;
  }
  if (images.size() == view_.shards.size()) {
    out->load = LoadRequest{life, {images[options_.place.value()]}};
  } else {
    out->load = LoadRequest{life, images};
  }
}

absl::Status Shard::ImagesLoaded(Life life, absl::StatusOr<std::vector<Image>> images,
                                 ShardOutput* out) {
  if (state_ != State::kLoading || life != life_) return absl::OkStatus();
  const absl::Status status = images.ok() ? Restore(*images) : images.status();
  load_failed_ = !status.ok();
  if (!load_failed_) StartServing(out);
  Report(out);
  return status;
}

absl::Status Shard::Restore(const std::vector<Image>& images) {
  const auto places = static_cast<uint32_t>(view_.shards.size());
  tables_.clear();
  for (TableSpec spec : options_.job.tables) {
    spec.optimizer.learning_rate *= options_.rate_factor;
    tables_.push_back(MakeTable(spec, options_.place, places, options_.job.seed));
  }
  for (const Image& image : images) RETURN_IF_ERROR(RestoreTables(image));
  // Positions mean something only in the generation, and under the shard map, that they were cut
  // in.
  const bool same_places = images.size() == 1 && images[0].places == places;
  if (same_places) LoadedBase(images[0]);
  if (same_places && images[0].generation == view_.generation) RestorePositions(images[0]);
  return absl::OkStatus();
}

absl::Status Shard::RestoreTables(const Image& image) {
  if (image.job_fingerprint != job_fingerprint_) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "snapshot %d-%d-%d is of another model (its tables or seed differ from job.json's); put "
        "this run's own snapshots back, or train into a new folder",
        image.name.snapshot.value(), image.name.place.value(), image.name.life.value()));
  }
  for (const TableImage& rows : image.tables) {
    Table* table = FindTable(rows.table);
    if (table == nullptr || rows.row_floats != table->RowFloats()) {
      return absl::DataLossError("the snapshot holds a table of another shape");
    }
    for (size_t i = 0; i < rows.keys.size(); ++i) {
      if (!table->Owns(rows.keys[i])) continue;
      table->RestoreRow(rows.keys[i],
                        std::span(rows.rows).subspan(i * rows.row_floats, rows.row_floats));
    }
  }
  return absl::OkStatus();
}

void Shard::RestorePositions(const Image& image) {
  for (const Position& position : image.positions) {
    applied_[position.life] = position.clock;
    torn_durable_[position.life] = position.clock;
  }
  if (image.exact) return;
  // A torn image may lack a member that began after it was cut, anywhere: its start counts.
  Clock lowest = image.clock;
  for (const MemberEntry& member : view_.members) {
    if (!member.start) continue;
    const auto position = applied_.find(member.life);
    lowest = std::min(lowest, position == applied_.end() ? *member.start : position->second);
  }
  clocks_ = ClockTable(lowest);
}

void Shard::StartServing(ShardOutput* out) {
  state_ = State::kServing;
  const auto early = std::exchange(parked_, {});
  parked_of_.clear();
  FollowMembers();
  FollowCut(out);
  FollowCommit();
  Advance(out);
  SendAckToAll(out);  // who asked meanwhile where it stands has its answer
  for (const auto& [key, parked] : early) {
    ReceivePull(parked.since, parked.from, parked.pull, out);
  }
}

void Shard::FollowMembers() {
  std::map<Life, const MemberEntry*> members;
  for (const MemberEntry& member : view_.members) members[member.life] = &member;
  for (auto inbox = inboxes_.begin(); inbox != inboxes_.end();) {
    const Life life = inbox->first;
    ++inbox;
    if (members.contains(life)) continue;
    clocks_.Remove(life);
    inboxes_.erase(life);  // what was not applied is dropped
  }
  clocks_.RemovePendingBut([&](Life life) { return members.contains(life); });
  ForgetTheGone();
  for (const SealedEntry& sealed : view_.sealed) applied_.try_emplace(sealed.life, sealed.start);
  for (const auto& [life, member] : members) {
    if (member->start && !inboxes_.contains(life)) {
      const Clock position = applied_.try_emplace(life, *member->start).first->second;
      inboxes_[life].nonce = member->nonce;
      inboxes_[life].received = position;
      clocks_.Add(life, position);
    }
  }
  clocks_.Settle();
  DropParkedOfTheGone();
  for (const auto& [life, member] : members) {
    if (!member->start) clocks_.AddPending(life);
  }
}

// Positions of lives that are neither members nor sealed any more, an image's too: the committed
// one holds what they have pushed.
void Shard::ForgetTheGone() {
  std::set<Life> here;
  for (const MemberEntry& member : view_.members) here.insert(member.life);
  for (const SealedEntry& sealed : view_.sealed) here.insert(sealed.life);
  const auto gone = [&](const auto& position) { return !here.contains(position.first); };
  std::erase_if(applied_, gone);
  std::erase_if(torn_durable_, gone);
}

void Shard::FollowCommit() {
  const CommittedSnapshot& committed = view_.committed;
  if (committed.generation != view_.generation || committed.clock <= committed_clock_) return;
  committed_clock_ = committed.clock;
  if (const auto found = captured_.find(committed.number); found != captured_.end()) {
    torn_durable_.clear();
    for (const Position& p : found->second.positions) torn_durable_[p.life] = p.clock;
  }
  captured_.erase(captured_.begin(), captured_.upper_bound(committed.number));
}

void Shard::Report(ShardOutput* out) {
  ShardReport report;
  report.life = life_;
  report.place = options_.place;
  report.generation = view_.generation;
  report.seen = view_.version;
  report.min_clock = clocks_.min_clock();
  report.end = end_;
  for (const MemberEntry& member : view_.members) {
    if (clocks_.pending(member.life)) {
      report.pending.push_back({member.life, clocks_.next(member.life)});
    }
  }
  for (const auto& [life, clock] : applied_) report.positions.push_back({life, clock});
  report.refused = refused_;
  report.durable = durable_snapshot_;
  report.durable_clock = durable_clock_;
  report.load_failed = load_failed_;
  report.slowest = Slowest();
  report.work = store_work_;
  report.wants_snapshot = wants_snapshot_;
  // While loading it has nothing to say of members yet, only that it lives.
  if (state_ != State::kServing) report.seen = ViewVersion(0);
  out->messages.push_back({kSchedulerNonce, std::move(report)});
}

// At s = 0 all members hold min_clock until the last push is here: those whose push is wait for the
// others.
std::optional<Life> Shard::Slowest() const {
  for (const Life life : clocks_.holders()) {
    const auto inbox = inboxes_.find(life);
    const bool pending = inbox == inboxes_.end();
    if (pending || EvictionRule::IsToBlame(inbox->second.received, clocks_.min_clock()))
      return life;
  }
  return std::nullopt;
}

bool Shard::IsMember(Life life) const {
  if (state_ == State::kServing) return inboxes_.contains(life);
  return std::any_of(view_.members.begin(), view_.members.end(), [&](const MemberEntry& member) {
    return member.life == life && member.start.has_value();
  });
}

bool Shard::IsReader(Life life) const {
  return std::any_of(view_.readers.begin(), view_.readers.end(),
                     [&](const ReaderEntry& reader) { return reader.life == life; });
}

// Whether `from` is the process that the view gave this life to, of a member or a reader.
bool Shard::Speaks(Nonce from, Life life) const {
  if (const auto inbox = inboxes_.find(life); inbox != inboxes_.end()) {
    return inbox->second.nonce == from;
  }
  const auto is_theirs = [&](const auto& entry) {
    return entry.life == life && entry.nonce == from;
  };
  return std::ranges::any_of(view_.members, is_theirs) ||
         std::ranges::any_of(view_.readers, is_theirs);
}

void Shard::AnswerStale(Nonce to, Life life, ShardOutput* out) {
  ++counters_.stale_refused;
  out->messages.push_back({to, Stale{life, view_.version, to}});
}

Table* Shard::FindTable(TableId id) const {
  return id.value() < tables_.size() ? tables_[id.value()].get() : nullptr;
}

}  // namespace rubato
