// A reader that has asked for gigabytes and then stands still (SIGSTOP) costs a shard no more than
// the queue of one peer, and a worker nothing.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "common/wire/codec.h"
#include "gtest/gtest.h"
#include "server/shard/server_loop.h"
#include "tests/resident_memory.h"
#include "tests/sanitizers.h"
#include "tests/scratch_folder.h"
#include "tests/server/snapshot/memory_snapshot_store.h"

namespace rubato {
namespace {

constexpr Nonce kWorker(7);
constexpr Nonce kReader(8);
constexpr uint32_t kDim = 256;
constexpr size_t kRows = 8192;  // an answer of 8 MiB
constexpr int kPulls = 300;     // more than are queued by number alone
constexpr Duration kLong = Duration::Seconds(60);

TableRows Keys(size_t rows) {
  TableRows keys;
  keys.rows = static_cast<uint32_t>(rows);
  std::vector<RowKey> all;
  for (size_t key = 0; key < rows; ++key) all.emplace_back(key);
  keys.keys = EncodeKeys(all);
  return keys;
}

// A process of its own. It begins when `go` says so, and with whom: a shard's nonce.
[[noreturn]] void AskAndStandStill(const std::string& address, int go) {
  uint64_t shard = 0;
  if (read(go, &shard, sizeof(shard)) != sizeof(shard)) _exit(1);
  const auto endpoint = Endpoint::Open({.self = kReader, .listen = ""}).value();
  if (!endpoint->Connect(Nonce(shard), {address, ""}).ok()) _exit(1);
  Pull pull{Life(3), Life(1), RequestId(1), Clock(0), {}, {Keys(kRows)}};
  for (int sent = 0; sent < kPulls;) {
    pull.id = RequestId(static_cast<uint64_t>(sent) + 1);
    if (endpoint->Send(Nonce(shard), pull) == SendResult::kSent) ++sent;
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // they are on their way by then
  raise(SIGSTOP);
  _exit(0);
}

class StoppedReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(pipe(go_), 0);
    reader_ = fork();  // before there is any thread
    if (reader_ == 0) AskAndStandStill(here_ + "/shard", go_[0]);
    scheduler_ = Endpoint::Open({.self = kSchedulerNonce, .listen = here_ + "/scheduler"}).value();
    ServerLoopOptions options;
    options.job.tables.resize(1);
    options.job.tables[0].dim = kDim;
    options.job.last_clock = Clock(1000);
    options.listen = here_ + "/shard";
    options.scheduler = scheduler_->address();
    options.events = events_.get();
    loop_ = ServerLoop::Open(std::move(options), &store_).value();
    thread_ = std::thread([this] { end_ = loop_->Run(stop_); });
    Serve();
    worker_ = Endpoint::Open({.self = kWorker, .listen = ""}).value();
    ASSERT_TRUE(worker_->Connect(shard_, {loop_->address(), ""}).ok());
  }
  void TearDown() override {
    kill(reader_, SIGKILL);
    waitpid(reader_, nullptr, 0);
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    EXPECT_TRUE(end_.ok()) << end_;
  }
  // Until the shard serves a worker and a reader.
  void Serve() {
    bool serves = false;
    const Instant deadline = MonotonicNow() + kLong;
    while (!serves && MonotonicNow() < deadline) {
      for (const Decoded& decoded : scheduler_->Receive(Duration::Millis(10))) {
        shard_ = decoded.from;
        const auto* report = std::get_if<ShardReport>(&decoded.message);
        serves |= report != nullptr && report->seen == ViewVersion(1);
      }
      View view;
      view.version = ViewVersion(1);
      view.shards = {{Life(1), shard_, loop_->address()}};
      view.members = {{Life(2), SeatId(0), kWorker, Clock(0)}};
      view.readers = {{Life(3), kReader}};
      if (shard_ != kSchedulerNonce) scheduler_->Send(shard_, view);
    }
    ASSERT_TRUE(serves);
  }
  template <class Answer>
  bool Ask(const Message& message) {
    const Instant deadline = MonotonicNow() + kLong;
    while (worker_->Send(shard_, message) != SendResult::kSent && MonotonicNow() < deadline) {
      worker_->Receive(Duration::Millis(1));
    }
    while (MonotonicNow() < deadline) {
      for (const Decoded& decoded : worker_->Receive(Duration::Millis(50))) {
        if (std::holds_alternative<Answer>(decoded.message)) return true;
      }
    }
    return false;
  }

  ScratchFolder folder_;
  const std::string here_ = "ipc://" + folder_.path();
  const std::unique_ptr<EventLog> events_ =
      EventLog::Open({.path = folder_.path() + "/events.jsonl", .process = "server-0"}).value();
  MemorySnapshotStore store_;
  int go_[2];
  pid_t reader_ = 0;
  std::unique_ptr<Endpoint> scheduler_;
  std::unique_ptr<ServerLoop> loop_;
  std::unique_ptr<Endpoint> worker_;
  std::atomic<bool> stop_ = false;
  absl::Status end_;
  std::thread thread_;
  Nonce shard_ = kSchedulerNonce;
};

TEST_F(StoppedReaderTest, WorkersGoOnAndItsAnswersStayBounded) {
  [[maybe_unused]] const size_t before = ResidentMib();
  const uint64_t shard = shard_.value();
  ASSERT_EQ(write(go_[1], &shard, sizeof(shard)), ssize_t{sizeof(shard)});
  int status = 0;
  ASSERT_EQ(waitpid(reader_, &status, WUNTRACED), reader_);
  ASSERT_TRUE(WIFSTOPPED(status)) << "the reader ended with " << status;
  for (int64_t c = 0; c < 50; ++c) {
    const auto id = RequestId(static_cast<uint64_t>(c) + 1);
    ASSERT_TRUE(Ask<PullReply>(Pull{Life(2), Life(1), id, Clock(c), {}, {Keys(64)}})) << c;
    TableRows rows = Keys(64);
    rows.values = EncodeValues(ValueCodec::kF32, std::vector<float>(64 * kDim, 1.0F));
    ASSERT_TRUE(Ask<Ack>(Push{Life(2), Life(1), Clock(c), Clock(c), 0, 1, {rows}})) << c;
  }
#if !defined(RUBATO_ASAN) && !defined(RUBATO_TSAN)
  // 300 answers are 2,400 MiB. The rest is for what the allocator keeps.
  EXPECT_LT(ResidentMib(), before + (kMaxQueuedBytes >> 20) + 192);
#endif
}

}  // namespace
}  // namespace rubato
