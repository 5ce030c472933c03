#include "server/shard/server_loop.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/telemetry/door_events.h"
#include "common/telemetry/events.h"
#include "common/telemetry/key_uses.h"
#include "common/wire/address.h"
#include "common/wire/patience.h"
#include "server/snapshot/retained_images.h"

namespace rubato {
namespace {

constexpr Duration kTick = Duration::Millis(20);
// A server's own snapshot before it leaves; without it its workers replay more.
constexpr Duration kLeaveWithin = Duration::Seconds(10);
// A snapshot that failed is asked for again at once, at the same clock when the fleet waits for
// it: one try a second, and an end after this many.
constexpr int kWriteTries = 10;
constexpr Duration kWritePause = Duration::Seconds(1);

TableNames NamesOf(const Job& job) {
  TableNames names;
  for (const TableSpec& table : job.tables) names[table.id] = table.name;
  return names;
}

}  // namespace

StoreThread::StoreThread(std::function<void()> wake)
    : wake_(std::move(wake)), thread_([this] { Run(); }) {}

StoreThread::~StoreThread() {
  End();
  thread_.join();
}

void StoreThread::End() {
  {
    MutexLock lock(&mutex_);
    end_ = true;
  }
  signal_.fetch_add(1);
  signal_.notify_one();
}

void StoreThread::Add(Call call, std::optional<SnapshotNumber> writes) {
  Queue({std::move(call), writes});
}

void StoreThread::AddRemoval(Call call) {
  Queue({std::move(call), std::nullopt, /*removes=*/true});
}

void StoreThread::Queue(Waiting waiting) {
  {
    MutexLock lock(&mutex_);
    calls_.push_back(std::move(waiting));
  }
  signal_.fetch_add(1);
  signal_.notify_one();
}

void StoreThread::Forget(const std::function<bool(SnapshotNumber)>& withdrawn) {
  MutexLock lock(&mutex_);
  std::erase_if(
      calls_, [&](const Waiting& waiting) { return waiting.writes && withdrawn(*waiting.writes); });
}

std::deque<StoreThread::Result> StoreThread::Take() {
  MutexLock lock(&mutex_);
  return std::exchange(results_, {});
}

void StoreThread::Run() {
  StandBack();  // a snapshot has seconds, a push microseconds
  for (;;) {
    const uint32_t seen = signal_.load();
    Call call;
    {
      MutexLock lock(&mutex_);
      if (end_) std::erase_if(calls_, [](const Waiting& waiting) { return !waiting.removes; });
      if (end_ && calls_.empty()) return;
      if (!calls_.empty()) {
        call = std::move(calls_.front().call);
        calls_.pop_front();
      }
    }
    if (!call) {
      signal_.wait(seen);
      continue;
    }
    Result result = call();
    {
      MutexLock lock(&mutex_);
      results_.push_back(std::move(result));
    }
    wake_();
  }
}

ServerLoop::ServerLoop(ServerLoopOptions options, SnapshotStore* store)
    : options_(std::move(options)), store_(store), readers_(options_.place, options_.events) {}

ServerLoop::~ServerLoop() = default;

absl::StatusOr<std::unique_ptr<ServerLoop>> ServerLoop::Open(ServerLoopOptions options,
                                                             SnapshotStore* store) {
  std::unique_ptr<ServerLoop> loop(new ServerLoop(std::move(options), store));
  const Nonce nonce(RandomSeed() | 1);
  ASSIGN_OR_RETURN(loop->endpoint_, Endpoint::Open({.self = nonce,
                                                    .listen = loop->options_.listen,
                                                    .peers = PeersOfShard(loop->options_.job),
                                                    .keys = loop->options_.keys,
                                                    .tables = NamesOf(loop->options_.job)}));
  RETURN_IF_ERROR(
      loop->endpoint_->Connect(kSchedulerNonce, {.address = loop->options_.scheduler, .key = ""}));
  ShardOptions shard;
  shard.place = loop->options_.place;
  shard.nonce = nonce;
  shard.process = loop->options_.process;
  ASSIGN_OR_RETURN(shard.address,
                   AdvertisedAddress(loop->endpoint_->address(), loop->options_.advertise));
  shard.job = loop->options_.job;
  shard.rate_factor = loop->options_.rate_factor;
  loop->shard_ = std::make_unique<Shard>(shard, MonotonicNow());
  loop->store_thread_ =
      std::make_unique<StoreThread>([endpoint = loop->endpoint_.get()] { endpoint->Wake(); });
  return loop;
}

absl::Status ServerLoop::Run(const std::atomic<bool>& stop) {
  const absl::Status status = RunToEnd(stop);
  readers_.End();
  TellKeyUses(endpoint_->uses(), options_.events);
  store_thread_.reset();  // what it is writing becomes durable, or is not there at all
  RETURN_IF_ERROR(status);
  return replaced_ ? EndAsReplaced() : error_;
}

absl::Status ServerLoop::RunToEnd(const std::atomic<bool>& stop) {
  SchedulerPatience patience(options_.scheduler, MonotonicNow());
  while (!stop && !replaced_ && error_.ok() && !fleet_end_ && !HasLeft(MonotonicNow())) {
    const std::vector<Decoded> received = endpoint_->Receive(kTick);
    const Instant now = MonotonicNow();
    const bool answered = shard_->view().version != ViewVersion(0);
    RETURN_IF_ERROR(patience.Check(now, answered, endpoint_->trouble()));
    for (const Decoded& decoded : received) RETURN_IF_ERROR(Receive(now, decoded));
    for (const StoreThread::Result& result : store_thread_->Take()) result();
    ShardOutput out;
    if (failed_ && now >= failed_->tell_at) {
      shard_->ImageWritten(failed_->name, failed_->status, &out);
      failed_.reset();
    }
    shard_->NoteStoreWork(store_->work());
    shard_->Tick(now, &out);
    Flush(&out);
    RemoveWithdrawn();
    PruneAfterCommit();
    TellRefusals(now);
    readers_.Look(shard_->view(), now);
    if (options_.pulse) options_.pulse(shard_->clocks().min_clock());
  }
  return absl::OkStatus();
}

// Nothing is wrong with it where an engine starts processes: the one that the engine still knows
// goes on. A launcher has one process for a place.
absl::Status ServerLoop::EndAsReplaced() {
  const std::string sentence =
      absl::StrFormat("shard %d: a newer life has taken this place", options_.place.value());
  if (!options_.alone) return absl::AbortedError(sentence);
  LogWarning(sentence);
  fleet_end_ = kExitDone;
  return absl::OkStatus();
}

absl::Status ServerLoop::Receive(Instant now, const Decoded& decoded) {
  if (decoded.from == kSchedulerNonce) {
    if (const auto* error = std::get_if<ErrorReply>(&decoded.message)) {
      return absl::FailedPreconditionError(error->sentence);
    }
    if (const auto* end = std::get_if<FleetEnd>(&decoded.message); end != nullptr) {
      if (options_.alone) fleet_end_ = static_cast<int>(end->code);
      return absl::OkStatus();
    }
  }
  // As if lost: he asks again once he has read what was answered.
  const bool pull = std::holds_alternative<Pull>(decoded.message);
  if (pull && !endpoint_->HasRoom(decoded.from)) return absl::OkStatus();
  ShardOutput out;
  shard_->Receive(now, decoded.from, decoded.message, &out);
  Flush(&out);
  return absl::OkStatus();
}

bool ServerLoop::HasLeft(Instant now) {
  if (!leaves_) return false;
  const View& view = shard_->view();
  if (!leaving_) {
    const SnapshotNumber open = view.cut ? view.cut->snapshot : SnapshotNumber(0);
    leaving_ = {std::max(open, view.committed.number), now + kLeaveWithin};
    shard_->WantSnapshot();
  }
  return view.committed.number > leaving_->after ||
         view.committed.clock >= options_.job.last_clock || now > leaving_->until;
}

void ServerLoop::TellRefusals(Instant now) {
  const std::optional<Refusals> refused = refusals_.Look(endpoint_->counts(), now);
  if (!refused || options_.events == nullptr) return;
  options_.events->Write(RefusedEvent{refused->connections, refused->messages, refused->why});
}

void ServerLoop::Flush(ShardOutput* out) {
  replaced_ |= out->stop;
  // A message that cannot be queued is the receiver's to ask for again.
  for (const Envelope& envelope : out->messages) {
    readers_.Count(shard_->view(), envelope, [this](Nonce who) { return endpoint_->KeyOf(who); });
    endpoint_->Send(envelope.to, envelope.message);
  }
  for (const auto& image : out->write) Write(image);
  if (out->load) Load(*out->load);
}

// An image is not reported durable, nor an older one removed for it, before the disk has given back
// what was written.
absl::Status ServerLoop::WriteAndCheck(ImageSource* image) {
  RETURN_IF_ERROR(store_->Write(image));
  const ImageName& name = image->head().name;
  absl::Status status = store_->Check(name);
  if (!status.ok()) store_->Remove(name).IgnoreError();
  return status;
}

void ServerLoop::Write(std::shared_ptr<ImageSource> image) {
  const SnapshotNumber snapshot = image->head().name.snapshot;
  const auto write = [this, image = std::move(image)]() -> StoreThread::Result {
    const absl::Status status = WriteAndCheck(image.get());
    return [this, name = image->head().name, clock = image->head().clock, status] {
      if (absl::IsAborted(status)) return;  // its snapshot was withdrawn
      NoteWritten(clock, status);
      if (!status.ok()) {
        failed_ = Failed{name, status, MonotonicNow() + kWritePause};
        return;
      }
      uncommitted_.push_back(name);
      whole_.push_back(name);
      ShardOutput out;
      shard_->ImageWritten(name, status, &out);
      Flush(&out);
    };
  };
  store_thread_->Add(write, snapshot);
}

// Only a commit ends a row of failures: on a full disk the shards' images take turns, since what
// one shard wrote goes when the cut is withdrawn for another.
void ServerLoop::NoteWritten(Clock clock, const absl::Status& status) {
  if (status.ok()) return;
  const std::string why(status.message());
  if (failed_writes_ == 0) {
    const std::string sentence =
        absl::StrFormat("shard %d: snapshot at clock %d not written, training goes on: %s",
                        options_.place.value(), clock.value(), why);
    options_.events->Write(WarningEvent{sentence});
    LogWarning(sentence);
  }
  failed_writes_ = clock == failed_clock_ ? failed_writes_ + 1 : 1;
  failed_clock_ = clock;
  if (failed_writes_ < kWriteTries) return;
  error_ = absl::AbortedError(absl::StrFormat(
      "shard %d: the snapshot that the fleet waits for cannot be written: %s, then go on with "
      "--resume",
      options_.place.value(), why));
}

void ServerLoop::Load(const LoadRequest& request) {
  store_thread_->Add([this, request]() -> StoreThread::Result {
    std::vector<Image> images;
    absl::Status status;
    for (const ImageName& name : request.images) {
      absl::StatusOr<Image> image = store_->Read(name);
      if (!image.ok()) {
        status = image.status();
        break;
      }
      images.push_back(*std::move(image));
    }
    auto loaded = std::make_shared<std::vector<Image>>(std::move(images));
    return [this, request, loaded, status] {
      ShardOutput out;
      if (status.ok()) {
        error_ = shard_->ImagesLoaded(request.life, std::move(*loaded), &out);
        if (error_.ok()) whole_.insert(whole_.end(), request.images.begin(), request.images.end());
      } else {
        error_ = shard_->ImagesLoaded(request.life, status, &out);
        if (options_.serves && absl::IsNotFound(status)) error_ = GoneMeanwhile(status);
      }
      Flush(&out);
    };
  });
}

// Without this a withdrawn cut's image would hold its disk space until the next commit, which may
// lack just that space.
void ServerLoop::RemoveWithdrawn() {
  const View& view = shard_->view();
  store_thread_->Forget([&](SnapshotNumber snapshot) { return Withdrawn(view, snapshot); });
  std::erase_if(uncommitted_, [&](const ImageName& name) {
    if (!Withdrawn(view, name.snapshot)) return name.snapshot <= view.committed.number;
    store_thread_->AddRemoval([this, name]() -> StoreThread::Result {
      const absl::Status status = store_->Remove(name);
      return [status] {
        if (!status.ok()) LogWarning(std::string(status.message()));
      };
    });
    return true;
  });
}

// Not before the committed image is known to be whole: until then an older one may be needed.
void ServerLoop::PruneAfterCommit() {
  const View& view = shard_->view();
  const size_t place = options_.place.value();
  if (options_.serves || place >= view.committed.images.size()) return;
  const ImageName& newest = view.committed.images[place];
  if (newest == pruned_behind_) return;
  if (std::find(whole_.begin(), whole_.end(), newest) == whole_.end()) return;
  pruned_behind_ = newest;
  failed_writes_ = 0;
  std::erase_if(whole_, [&](const ImageName& name) { return name.snapshot < newest.snapshot; });
  store_thread_->AddRemoval([this, view]() -> StoreThread::Result {
    const absl::Status status = PruneSuperseded(view, options_.place, store_);
    return [status] {
      if (!status.ok()) LogWarning(std::string(status.message()));
    };
  });
}

}  // namespace rubato
