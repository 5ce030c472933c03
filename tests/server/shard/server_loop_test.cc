// A server's loop against a scheduler that the test plays.
#include "server/shard/server_loop.h"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/snapshot/memory_snapshot_store.h"
#include "tests/server/snapshot/snapshot_fixture.h"

namespace rubato {
namespace {

// A write takes as long as the test wants: it is done in pieces, each of which waits until it may.
class GatedStore : public MemorySnapshotStore {
 public:
  static constexpr int kPieces = 3;
  using SnapshotStore::Write;
  absl::Status Write(ImageSource* image) override {
    for (int piece = 1; piece <= kPieces; ++piece) {
      writing_ = true;
      for (int allowed = allowed_; allowed < piece; allowed = allowed_) allowed_.wait(allowed);
      NoteWork(1);
    }
    return MemorySnapshotStore::Write(image);
  }
  absl::Status Check(const ImageName& name) override {
    if (bad_checks_ == 0) return MemorySnapshotStore::Check(name);
    --bad_checks_;
    return absl::DataLossError("what was written is not what is read");
  }
  // So many images are not read back as they were written.
  void FailChecks(int images) { bad_checks_ = images; }
  bool failed_checks() const { return bad_checks_ == 0; }
  // Writes stop before piece pieces + 1.
  void Allow(int pieces) {
    allowed_ = pieces;
    allowed_.notify_all();
  }
  bool writing() const { return writing_; }

 private:
  std::atomic<int> allowed_ = kPieces;
  std::atomic<bool> writing_ = false;
  std::atomic<int> bad_checks_ = 0;
};

class ServerLoopTest : public ::testing::Test {
 protected:
  void SetUp() override { Start(false); }

  void Start(bool serves) {
    const std::string here = "ipc://" + folder_.path();
    scheduler_ = Endpoint::Open({.self = kSchedulerNonce, .listen = here + "/scheduler"}).value();
    ServerLoopOptions options;
    options.job.tables.resize(1);
    options.job.last_clock = Clock(100);
    options.listen = here + "/shard";
    options.advertise = advertise_;
    options.scheduler = scheduler_->address();
    options.serves = serves;
    options.events = events_.get();
    loop_ = ServerLoop::Open(std::move(options), &store_).value();
    thread_ = std::thread([this] { end_ = loop_->Run(stop_); });
    while (shard_ == kSchedulerNonce) Receive();
    view_.shards = {{Life(1), shard_, loop_->address()}};
    view_.members = {{Life(2), SeatId(0), Nonce(7), Clock(0)}};
  }

  void TearDown() override {
    Stop();
    EXPECT_TRUE(end_.ok()) << end_;
  }

  void Stop() {
    store_.Allow(GatedStore::kPieces);
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }

  void Restart(bool serves) {
    Stop();
    loop_.reset();
    scheduler_.reset();
    stop_ = false;
    shard_ = kSchedulerNonce;
    view_ = View{};
    Start(serves);
  }

  void Keep(uint64_t snapshot) {
    Image image = ImageWithoutTables(NameOf(snapshot, 0, 1));
    Job job;
    job.tables.resize(1);
    image.job_fingerprint = job.Fingerprint();
    ASSERT_TRUE(store_.Write(image).ok());
  }

  // Shows a view until the shard has said that it serves under it, or for a minute in vain.
  void ShowUntilServed() {
    view_.version = ViewVersion(view_.version.value() + 1);
    const Instant began = MonotonicNow();
    bool seen = false;
    while (!seen && MonotonicNow() - began < Duration::Seconds(60)) {
      scheduler_->Send(shard_, view_);
      for (const Decoded& decoded : scheduler_->Receive(Duration::Millis(10))) {
        const auto* report = std::get_if<ShardReport>(&decoded.message);
        seen |= report != nullptr && report->seen == view_.version;
      }
    }
    ASSERT_TRUE(seen);
  }

  void Receive() {
    for (const Decoded& decoded : scheduler_->Receive(Duration::Millis(10))) {
      shard_ = decoded.from;
      if (const auto* hello = std::get_if<Hello>(&decoded.message)) address_ = hello->address;
      if (const auto* report = std::get_if<ShardReport>(&decoded.message)) report_ = *report;
    }
  }

  // Sends the view as a new one until what the store holds is `images`, or for a minute in vain.
  void ShowUntil(const std::vector<ImageName>& images) {
    view_.version = ViewVersion(view_.version.value() + 1);
    const Instant began = MonotonicNow();
    while (store_.List().value() != images && MonotonicNow() - began < Duration::Seconds(60)) {
      scheduler_->Send(shard_, view_);
      Receive();
    }
    ASSERT_EQ(store_.List().value(), images);
  }

  ScratchFolder folder_;
  const std::unique_ptr<EventLog> events_ =
      EventLog::Open({.path = folder_.path() + "/events.jsonl", .process = "server-0"}).value();
  GatedStore store_;
  std::unique_ptr<Endpoint> scheduler_;
  std::unique_ptr<ServerLoop> loop_;
  std::atomic<bool> stop_ = false;
  absl::Status end_;
  std::thread thread_;
  Nonce shard_ = kSchedulerNonce;
  std::string advertise_;
  std::string address_;                // that the shard has said hello with
  std::optional<ShardReport> report_;  // the newest
  View view_;
};

ImageName Of(uint64_t snapshot) { return {SnapshotNumber(snapshot), PlaceId(0), Life(1)}; }

TEST_F(ServerLoopTest, OthersAreToldWhereItListensUnlessAnotherAddressIsAdvertised) {
  EXPECT_EQ(address_, loop_->address());
  advertise_ = "tcp://127.0.0.2:7000";
  Restart(false);
  EXPECT_EQ(address_, "tcp://127.0.0.2:7000");
  EXPECT_NE(address_, loop_->address());
}

// A cut at clock 0 needs no push.
TEST_F(ServerLoopTest, RemovesTheImageOfAWithdrawnCutAndNoCommittedOne) {
  view_.cut = OpenCut{SnapshotNumber(1), Clock(0), true};
  ASSERT_NO_FATAL_FAILURE(ShowUntil({Of(1)}));
  view_.cut = OpenCut{SnapshotNumber(2), Clock(0), true};
  ASSERT_NO_FATAL_FAILURE(ShowUntil({Of(2)}));  // snapshot 1 is withdrawn
  view_.cut.reset();
  view_.committed = {SnapshotNumber(2), Clock(0), view_.generation, {Of(2)}};
  view_.cut = OpenCut{SnapshotNumber(3), Clock(0), true};
  ASSERT_NO_FATAL_FAILURE(ShowUntil({Of(2), Of(3)}));
  view_.cut.reset();
  ASSERT_NO_FATAL_FAILURE(ShowUntil({Of(2)}));
}

// The scheduler commits what every shard has reported durable.
TEST_F(ServerLoopTest, AnImageIsReportedOnceItIsInTheStoreAndNotBefore) {
  store_.Allow(0);
  view_.version = ViewVersion(1);
  view_.cut = OpenCut{SnapshotNumber(1), Clock(0), true};
  scheduler_->Send(shard_, view_);
  while (!store_.writing()) Receive();
  for (int reports = 0; reports < 3;) {
    report_.reset();
    Receive();
    if (!report_) continue;
    ++reports;
    EXPECT_FALSE(report_->durable);
  }
  EXPECT_TRUE(store_.List().value().empty());
  store_.Allow(GatedStore::kPieces);
  while (!report_ || !report_->durable) Receive();
  EXPECT_EQ(report_->durable, SnapshotNumber(1));
  EXPECT_EQ(store_.List().value(), std::vector<ImageName>{Of(1)});
}

// A disk that lost what it took must not cost the image before.
TEST_F(ServerLoopTest, AnImageThatCannotBeReadBackIsNotThere) {
  view_.cut = OpenCut{SnapshotNumber(1), Clock(0), true};
  ASSERT_NO_FATAL_FAILURE(ShowUntil({Of(1)}));
  view_.committed = {SnapshotNumber(1), Clock(0), view_.generation, {Of(1)}};
  store_.FailChecks(1);
  view_.cut = OpenCut{SnapshotNumber(2), Clock(0), true};
  ASSERT_NO_FATAL_FAILURE(ShowUntilServed());
  while (!store_.failed_checks() || !report_ || !report_->refused) Receive();
  EXPECT_EQ(report_->refused, SnapshotNumber(2));
  EXPECT_EQ(report_->durable, SnapshotNumber(1));
  EXPECT_EQ(store_.List().value(), std::vector{Of(1)});
}

TEST_F(ServerLoopTest, PrunesOnceTheCommittedImageIsReadBack) {
  for (const uint64_t snapshot : {1U, 2U, 3U, 4U}) ASSERT_NO_FATAL_FAILURE(Keep(snapshot));
  view_.committed = {SnapshotNumber(4), Clock(0), view_.generation, {Of(4)}};
  view_.kept = {SnapshotNumber(2)};
  ASSERT_NO_FATAL_FAILURE(ShowUntil({Of(2), Of(4)}));
}

TEST_F(ServerLoopTest, RemovesNothingWhenTheCommittedImageCannotBeRead) {
  for (const uint64_t snapshot : {1U, 2U}) ASSERT_NO_FATAL_FAILURE(Keep(snapshot));
  view_.version = ViewVersion(1);
  view_.committed = {SnapshotNumber(4), Clock(0), view_.generation, {Of(4)}};
  scheduler_->Send(shard_, view_);
  thread_.join();  // it ends by itself
  EXPECT_EQ(end_.code(), absl::StatusCode::kNotFound) << end_;
  EXPECT_EQ(store_.List().value(), (std::vector{Of(1), Of(2)}));
  end_ = absl::OkStatus();
}

// The view says as much as it would to a server of a training fleet.
TEST_F(ServerLoopTest, AFleetThatServesRemovesNothing) {
  Restart(true);
  for (const uint64_t snapshot : {1U, 2U, 3U}) ASSERT_NO_FATAL_FAILURE(Keep(snapshot));
  view_.committed = {SnapshotNumber(3), Clock(0), view_.generation, {Of(3)}};
  ASSERT_NO_FATAL_FAILURE(ShowUntilServed());
  view_.cut.reset();
  ASSERT_NO_FATAL_FAILURE(ShowUntilServed());
  Stop();  // after all that it wanted of the store
  EXPECT_EQ(store_.List().value(), (std::vector{Of(1), Of(2), Of(3)}));
}

// The scheduler leaves a long write to its time as long as it gets on.
TEST_F(ServerLoopTest, ReportsTheStoresWorkWhileAnImageIsBeingWritten) {
  store_.Allow(0);
  view_.version = ViewVersion(1);
  view_.cut = OpenCut{SnapshotNumber(1), Clock(0), true};
  scheduler_->Send(shard_, view_);
  for (int pieces = 1; pieces <= GatedStore::kPieces; ++pieces) {
    EXPECT_TRUE(store_.List()->empty());
    store_.Allow(pieces);
    const auto work = static_cast<uint64_t>(pieces);
    while (!report_ || report_->work < work) Receive();
    ASSERT_EQ(report_->work, work);
  }
  while (!report_->durable) Receive();
}

}  // namespace
}  // namespace rubato
