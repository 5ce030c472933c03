#include "server/server_loop.h"

#include <utility>

#include "common/log.h"
#include "common/status.h"

namespace rubato {
namespace {

constexpr Duration kTick = Duration::Millis(20);

}  // namespace

StoreThread::StoreThread(std::function<void()> wake)
    : wake_(std::move(wake)), thread_([this] { Run(); }) {}

StoreThread::~StoreThread() {
  {
    MutexLock lock(&mutex_);
    end_ = true;
  }
  signal_.fetch_add(1);
  signal_.notify_one();
  thread_.join();
}

void StoreThread::Add(Call call) {
  {
    MutexLock lock(&mutex_);
    calls_.push_back(std::move(call));
  }
  signal_.fetch_add(1);
  signal_.notify_one();
}

std::deque<StoreThread::Result> StoreThread::Take() {
  MutexLock lock(&mutex_);
  return std::exchange(results_, {});
}

void StoreThread::Run() {
  for (;;) {
    const uint32_t seen = signal_.load();
    Call call;
    {
      MutexLock lock(&mutex_);
      if (end_) return;
      if (!calls_.empty()) {
        call = std::move(calls_.front());
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
    : options_(std::move(options)), store_(store) {}

ServerLoop::~ServerLoop() = default;

absl::StatusOr<std::unique_ptr<ServerLoop>> ServerLoop::Open(ServerLoopOptions options,
                                                             SnapshotStore* store) {
  std::unique_ptr<ServerLoop> loop(new ServerLoop(std::move(options), store));
  const Nonce nonce(RandomSeed() | 1);
  ASSIGN_OR_RETURN(loop->endpoint_,
                   Endpoint::Open({.self = nonce, .listen = loop->options_.listen}));
  RETURN_IF_ERROR(loop->endpoint_->Connect(kSchedulerNonce, loop->options_.scheduler));
  ShardOptions shard;
  shard.place = loop->options_.place;
  shard.nonce = nonce;
  shard.address = loop->endpoint_->address();
  shard.job = loop->options_.job;
  loop->shard_ = std::make_unique<Shard>(shard, MonotonicNow());
  loop->store_thread_ =
      std::make_unique<StoreThread>([endpoint = loop->endpoint_.get()] { endpoint->Wake(); });
  return loop;
}

absl::Status ServerLoop::Run(const std::atomic<bool>& stop) {
  while (!stop && !replaced_ && load_error_.ok()) {
    const std::vector<Decoded> received = endpoint_->Receive(kTick);
    const Instant now = MonotonicNow();
    for (const Decoded& decoded : received) {
      if (const auto* error = std::get_if<ErrorReply>(&decoded.message)) {
        return absl::FailedPreconditionError(error->sentence);
      }
      ShardOutput out;
      shard_->Receive(now, decoded.from, decoded.message, &out);
      Flush(&out);
    }
    for (const StoreThread::Result& result : store_thread_->Take()) result();
    ShardOutput out;
    shard_->Tick(now, &out);
    Flush(&out);
    PruneAfterCommit();
  }
  store_thread_.reset();  // what it is writing becomes durable, or is not there at all
  if (replaced_) {
    return absl::AbortedError(
        absl::StrFormat("shard %d: a newer life has taken this place", options_.place.value()));
  }
  return load_error_;
}

void ServerLoop::Flush(ShardOutput* out) {
  replaced_ |= out->stop;
  // A message that cannot be queued is the receiver's to ask for again.
  for (const Envelope& envelope : out->messages) endpoint_->Send(envelope.to, envelope.message);
  for (const auto& image : out->write) Write(image);
  if (out->load) Load(*out->load);
}

void ServerLoop::Write(std::shared_ptr<const Image> image) {
  store_thread_->Add([this, image]() -> StoreThread::Result {
    const absl::Status status = store_->Write(*image);
    return [this, name = image->name, status] {
      if (!status.ok()) {
        LogWarning(absl::StrCat("snapshot not written, training goes on: ",
                                std::string(status.message())));
      }
      ShardOutput out;
      shard_->ImageWritten(name, status, &out);
      Flush(&out);
    };
  });
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
    return [this, life = request.life, loaded, status] {
      ShardOutput out;
      if (status.ok()) {
        load_error_ = shard_->ImagesLoaded(life, std::move(*loaded), &out);
      } else {
        load_error_ = shard_->ImagesLoaded(life, status, &out);
      }
      Flush(&out);
    };
  });
}

void ServerLoop::PruneAfterCommit() {
  const CommittedEpoch& committed = shard_->view().committed;
  const size_t place = options_.place.value();
  if (place >= committed.images.size() || options_.snapshots_kept == 0) return;
  const ImageName& newest = committed.images[place];
  if (!committed_.empty() && committed_.back() == newest) return;
  committed_.push_back(newest);
  while (committed_.size() > options_.snapshots_kept) committed_.pop_front();
  const std::vector<ImageName> keep(committed_.begin(), committed_.end());
  store_thread_->Add([this, keep]() -> StoreThread::Result {
    const absl::Status status = store_->Prune(options_.place, keep);
    return [status] {
      if (!status.ok()) LogWarning(std::string(status.message()));
    };
  });
}

}  // namespace rubato
