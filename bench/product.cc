#include "bench/product.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "bench/fleet.h"
#include "bench/processes.h"
#include "common/base/status.h"
#include "common/job/job.h"
#include "worker/client/session.h"

namespace rubato {
namespace {

constexpr int64_t kWarmUp = 16;  // iterations: connections, first rows, cache
constexpr int64_t kAhead = 2;    // pulls under way while one is used
constexpr int64_t kWindow = 8;   // pushes between two waits for all to be applied
constexpr uint64_t kKeySpace = 1u << 20;
constexpr uint64_t kKeySets = 8;

Job JobOf(const ProductShape& shape) {
  TableSpec table;
  table.name = "rows";
  table.kind = shape.kind;
  table.dim = shape.dim();
  table.size = shape.kind == TableKind::kDense ? shape.rows * kBlockFloats : 0;
  table.optimizer.kind = OptimizerKind::kSgd;
  // Pushes: never waits, and what was read once may be used to the end.
  const bool pulls = shape.direction == Direction::kPull;
  table.staleness = pulls ? Staleness::Infinite() : Staleness(1'000'000);
  Job job;
  job.tables = {table};
  job.last_clock = Clock(1'000'000);             // the processes are killed long before
  job.retention_soft_bytes = uint64_t{1} << 48;  // no snapshots
  job.retention_hard_bytes = 2 * kWindow * shape.iteration_bytes();
  return job;
}

template <class Wanted>
Wanted Await(Session* session) {
  for (;;) {
    std::optional<ClientEvent> event = session->Next(Duration::Seconds(20));
    CHECK(event.has_value(), "the fleet is silent");
    if (auto* wanted = std::get_if<Wanted>(&*event)) return std::move(*wanted);
  }
}

// A worker's iterations, with the same rows again and again, or kKeySets sets of keys in turn.
class Client {
 public:
  Client(const ProductShape& shape, const Job& job, const std::string& scheduler) : shape_(shape) {
    PsClientOptions options;
    options.job = job;
    options.cache = shape.direction == Direction::kPush ? CacheMode::kOn : CacheMode::kOff;
    auto session = Session::Open(options, scheduler);
    CHECK(session.ok(), session.status().ToString());
    session_ = *std::move(session);
    MakeKeys();
    clock_ = prefetched_ = Await<Started>(session_.get()).start;
  }

  // Runs `iterations`; returns when the last of them is done, pushes applied.
  void Run(int64_t iterations) {
    const Clock end = clock_ + ClockDelta(iterations);
    while (clock_ < end) {
      const Clock last = std::min(end - ClockDelta(1), clock_ + ClockDelta(Ahead()));
      for (; prefetched_ <= last; prefetched_ = prefetched_.Next()) Prefetch(prefetched_);
      session_->Start(clock_);
      Ready ready = Await<Ready>(session_.get());
      const bool gradients = shape_.direction == Direction::kPush && !IsWait(clock_);
      session_->Push(clock_, gradients ? std::move(ready.rows) : Parameters{});
      clock_ = clock_.Next();
    }
  }

 private:
  // Pushes do not fetch ahead: nothing is fetched.
  int64_t Ahead() const { return shape_.direction == Direction::kPull ? kAhead : 0; }

  // Iterations that wait, with one row, until all before them are applied.
  bool IsWait(Clock clock) const {
    return shape_.direction == Direction::kPush && clock.value() % (kWindow + 1) == kWindow;
  }

  void Prefetch(Clock clock) {
    const auto set = static_cast<size_t>(clock.value() % (kWindow + 1)) % keys_.size();
    if (!IsWait(clock)) {
      return session_->Prefetch(clock, {{TableId(0), keys_[set], {}}},
                                PsClient::Freshness::kBounded);
    }
    session_->Prefetch(clock, {{TableId(0), {keys_[0][0]}, {}}}, PsClient::Freshness::kExact);
  }

  void MakeKeys() {
    const bool dense = shape_.kind == TableKind::kDense;
    Rng rng(1);
    keys_.resize(dense ? 1 : kKeySets);
    for (std::vector<RowKey>& keys : keys_) {
      for (uint64_t i = 0; i < shape_.rows; ++i) {
        keys.push_back(RowKey(dense ? i : rng.Next() % kKeySpace));
      }
      std::sort(keys.begin(), keys.end());
      keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    }
  }

  const ProductShape shape_;
  std::vector<std::vector<RowKey>> keys_;
  std::unique_ptr<Session> session_;
  Clock clock_;
  Clock prefetched_;
};

// A scheduler and a server, each a process.
class BenchFleet {
 public:
  BenchFleet(const Job& job, Transport transport)
      : scheduler_(transport == Transport::kTcp ? FreeTcpAddress()
                                                : "ipc://" + folder_.path() + "/scheduler"),
        first_([&] { RunScheduler(job, scheduler_); }),
        second_([&] {
          RunServer(job,
                    {.place = PlaceId(0),
                     .listen = transport == Transport::kTcp ? "tcp://127.0.0.1:0"
                                                            : "ipc://" + folder_.path() + "/server",
                     .scheduler = scheduler_});
        }) {}
  ~BenchFleet() {
    second_.Kill();
    first_.Kill();
  }
  BenchFleet(const BenchFleet&) = delete;
  BenchFleet& operator=(const BenchFleet&) = delete;

  const std::string& scheduler() const { return scheduler_; }

 private:
  const Folder folder_;
  const std::string scheduler_;
  Child first_;
  Child second_;
};

// One dense table of kSmallBytes, in step.
Job SmallJob() {
  TableSpec table;
  table.name = "weights";
  table.kind = TableKind::kDense;
  table.dim = kSmallBytes / sizeof(float);
  table.size = table.dim;
  table.optimizer.kind = OptimizerKind::kSgd;
  table.staleness = Staleness(0);
  Job job;
  job.tables = {table};
  job.last_clock = Clock(1'000'000);
  return job;
}

}  // namespace

Duration ProductTime(const ProductShape& shape) {
  const Job job = JobOf(shape);
  const BenchFleet fleet(job, shape.transport);
  Client client(shape, job, fleet.scheduler());
  // Whole windows, so that both end with a wait.
  const int64_t unit = shape.direction == Direction::kPush ? kWindow + 1 : kWindow;
  client.Run(kWarmUp / kWindow * unit);
  const Instant start = MonotonicNow();
  client.Run(shape.iterations / kWindow * unit);
  return MonotonicNow() - start;
}

std::vector<Duration> SmallModelRoundTrips(Transport transport, size_t count) {
  const Job job = SmallJob();
  const BenchFleet fleet(job, transport);
  PsClientOptions options;
  options.job = job;
  auto session = Session::Open(options, fleet.scheduler());
  CHECK(session.ok(), session.status().ToString());
  std::vector<Duration> times;
  Clock clock = Await<Started>(session->get()).start;
  const auto ask = [&](Clock at) {
    (*session)->Prefetch(at, {{TableId(0), {RowKey(0)}, {}}}, PsClient::Freshness::kBounded);
  };
  ask(clock);
  (*session)->Start(clock);
  Ready ready = Await<Ready>(session->get());
  for (size_t i = 0; i < count; ++i) {
    ask(clock.Next());
    const Instant start = MonotonicNow();
    (*session)->Push(clock, std::move(ready.rows));
    clock = clock.Next();
    (*session)->Start(clock);
    ready = Await<Ready>(session->get());
    times.push_back(MonotonicNow() - start);
  }
  return times;
}

}  // namespace rubato
