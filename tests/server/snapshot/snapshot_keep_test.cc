// snapshot.keep over any number of starts: fleets that commit, are killed, go on, serve readers and
// find their newest snapshot damaged, in random order, on the store on disk and in the real loop of
// the servers. At every moment all snapshots that should be kept are there, and whole.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/status.h"
#include "gtest/gtest.h"
#include "server/scheduler/run_start.h"
#include "server/scheduler/scheduler_state.h"
#include "server/shard/server_loop.h"
#include "tests/server/snapshot/snapshot_fixture.h"

namespace rubato {
namespace {

constexpr uint32_t kPlaces = 2;

Job SmallJob(int64_t keep) {
  Job job;
  job.tables.resize(1);
  // Torn cuts need no pushes: each shard cuts when it hears of one.
  job.tables[0].staleness = Staleness::Infinite();
  job.tables[0].size = 40'000;  // blocks for both places
  job.places = kPlaces;
  job.last_clock = Clock(1'000'000);
  job.snapshots_kept = keep;
  return job;
}

enum class Purpose { kTrain, kServe };

// One start of a fleet: the servers' loops with threads of their own, and a scheduler driven here.
class Fleet {
 public:
  Fleet(const std::string& run, const Job& job, SchedulerState state, Purpose purpose)
      : run_(run), purpose_(purpose) {
    static int starts = 0;
    const std::string sockets = absl::StrCat("ipc://", run, "/", ++starts);
    endpoint_ = Endpoint::Open({.self = kSchedulerNonce, .listen = sockets + "-scheduler"}).value();
    if (purpose == Purpose::kTrain) Save(state);
    SchedulerOptions options;
    options.job = job;
    options.lease = Duration::Seconds(1000);
    scheduler_ = std::make_unique<Scheduler>(options, std::move(state), MonotonicNow());
    const bool serves = purpose == Purpose::kServe;
    store_ = serves ? OpenSnapshotStoreToRead(SnapshotsOf(run)).value()
                    : OpenSnapshotStore(SnapshotsOf(run)).value();
    for (uint32_t place = 0; place < kPlaces; ++place) {
      ServerLoopOptions server;
      server.job = job;
      server.place = PlaceId(place);
      server.listen = absl::StrCat(sockets, "-", place);
      server.scheduler = endpoint_->address();
      server.serves = serves;
      loops_.push_back(ServerLoop::Open(std::move(server), store_.get()).value());
    }
    for (auto& loop : loops_) {
      threads_.emplace_back([this, &loop] {
        const absl::Status status = loop->Run(stop_);
        EXPECT_TRUE(status.ok()) << status;
      });
    }
  }

  // Whatever they are at.
  ~Fleet() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

  // Every shard has loaded its image.
  void WaitUntilServing() {
    WaitUntil([this] { return serving_.size() == kPlaces; });
  }
  void Join() {
    Hello hello;
    hello.job_fingerprint = scheduler_->job().Fingerprint();
    SchedulerOutput out;
    scheduler_->Receive(MonotonicNow(), Nonce(RandomSeed() | 1), hello, &out);
    Flush(&out);
    ASSERT_EQ(scheduler_->view().members.size(), 1U);
    WaitUntil([this] { return scheduler_->view().members[0].start.has_value(); });
  }
  void AskForSnapshot() {
    SchedulerOutput out;
    scheduler_->RequestSnapshot(MonotonicNow(), &out);
    Flush(&out);
  }
  void Commit() {
    const SnapshotNumber before = scheduler_->view().committed.number;
    AskForSnapshot();
    WaitUntil([&] { return scheduler_->view().committed.number > before; });
  }
  void Step() {
    for (const Decoded& decoded : endpoint_->Receive(Duration::Millis(1))) {
      const auto* report = std::get_if<ShardReport>(&decoded.message);
      if (report != nullptr && report->seen > ViewVersion(0)) serving_[report->place] = true;
      SchedulerOutput out;
      scheduler_->Receive(MonotonicNow(), decoded.from, decoded.message, &out);
      Flush(&out);
    }
    SchedulerOutput out;
    scheduler_->Tick(MonotonicNow(), &out);
    Flush(&out);
  }

 private:
  template <class Condition>
  void WaitUntil(Condition condition) {
    const Instant began = MonotonicNow();
    while (!condition()) {
      ASSERT_LT(MonotonicNow() - began, Duration::Seconds(120)) << "waited in vain";
      Step();
    }
  }
  void Save(const SchedulerState& state) {
    const absl::Status status = WriteSchedulerState(StatePathOf(run_), state);
    EXPECT_TRUE(status.ok()) << status;
  }
  void Flush(SchedulerOutput* out) {
    if (out->persist && purpose_ == Purpose::kTrain) Save(*out->persist);
    for (const Envelope& envelope : out->messages) endpoint_->Send(envelope.to, envelope.message);
  }

  const std::string run_;
  const Purpose purpose_;
  std::unique_ptr<Endpoint> endpoint_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<SnapshotStore> store_;
  std::vector<std::unique_ptr<ServerLoop>> loops_;
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
  std::map<PlaceId, bool> serving_;
};

// A run folder, and what should be in it by what was done to it.
class KeptRun {
 public:
  KeptRun(int64_t keep, uint64_t seed) : job_(SmallJob(keep)), rng_(seed) {
    std::filesystem::create_directory(SnapshotsOf(folder_.path()));
  }

  void TakeARandomStep() {
    switch (rng_.Below(4)) {
      case 0:
      case 1:
        return Train();
      case 2:
        return Predict();
      case 3:
        return Damage();
    }
  }

  // Of what should be there everything is whole, and nothing older is there.
  void Check() {
    const auto state = FindState(folder_.path());
    ASSERT_TRUE(state.ok()) << state.status();
    std::vector<CommittedSnapshot> kept;
    if (*state) {
      kept = (*state)->earlier;
      kept.push_back((*state)->view.committed);
    }
    size_t whole = 0;
    for (const Expected& expected : expected_) {
      if (expected.damaged) continue;
      for (const CommittedSnapshot& snapshot : kept) {
        if (snapshot.number != expected.number) continue;
        for (const ImageName& image : snapshot.images) {
          const absl::Status status = VerifyImage(SnapshotsOf(folder_.path()), image);
          EXPECT_TRUE(status.ok()) << status;
        }
        ++whole;
      }
    }
    EXPECT_EQ(whole, Whole());
    if (damaged_ == 0) {
      EXPECT_GE(whole, std::min(committed_, static_cast<size_t>(job_.snapshots_kept)));
    }
  }

 private:
  struct Expected {
    SnapshotNumber number;
    bool damaged;
  };

  size_t Whole() const {
    return static_cast<size_t>(std::count_if(expected_.begin(), expected_.end(),
                                             [](const Expected& e) { return !e.damaged; }));
  }

  // nullopt: there is nothing whole to begin with, and it says so.
  std::optional<WholeSnapshot> FindStart() {
    const auto whole = FindWholeSnapshot(folder_.path(), std::nullopt);
    if (!expected_.empty() && Whole() == 0) {
      EXPECT_EQ(whole.status().code(), absl::StatusCode::kDataLoss) << whole.status();
      return std::nullopt;
    }
    EXPECT_TRUE(whole.ok()) << whole.status();
    size_t newer = 0;
    while (newer < expected_.size() && expected_[expected_.size() - 1 - newer].damaged) ++newer;
    EXPECT_EQ(whole->damaged.size(), newer);
    if (!expected_.empty()) {
      EXPECT_EQ(whole->snapshot.number, expected_[expected_.size() - 1 - newer].number);
    }
    return *whole;
  }

  void Train() {
    const auto start = FindStart();
    if (!start) return;
    const bool first = expected_.empty();
    auto state = StateToTrain(folder_.path(), job_, StartMode::kResume,
                              first ? std::nullopt : std::optional(start->snapshot.number));
    ASSERT_TRUE(state.ok()) << state.status();
    while (!expected_.empty() && expected_.back().damaged) expected_.pop_back();
    {
      Fleet fleet(folder_.path(), job_, *std::move(state), Purpose::kTrain);
      const bool killed_at_once = rng_.Chance(0.3);
      if (!killed_at_once) {
        fleet.WaitUntilServing();
        fleet.Join();
        for (uint64_t i = rng_.Below(3); i > 0; --i) {
          fleet.Commit();
          NoteCommit();
        }
        fleet.AskForSnapshot();  // and is killed over it
      }
      for (uint64_t i = rng_.Below(30); i > 0; --i) fleet.Step();
    }
    NoteCommit();
  }

  // What is committed by now, once.
  void NoteCommit() {
    const auto state = FindState(folder_.path());
    ASSERT_TRUE(state.ok() && *state);
    const SnapshotNumber number = (*state)->view.committed.number;
    if (number == SnapshotNumber(0) || (!expected_.empty() && expected_.back().number == number)) {
      return;
    }
    ++committed_;
    expected_.push_back({number, false});
    if (expected_.size() > static_cast<size_t>(job_.snapshots_kept)) {
      expected_.erase(expected_.begin());
    }
  }

  void Predict() {
    const auto start = FindStart();
    if (!start || expected_.empty()) return;
    const auto before = Listed();
    auto state = StateToServe(folder_.path(), job_, start->snapshot.number);
    ASSERT_TRUE(state.ok()) << state.status();
    {
      Fleet fleet(folder_.path(), job_, *std::move(state), Purpose::kServe);
      fleet.WaitUntilServing();
    }
    EXPECT_EQ(Listed(), before);
  }

  // One byte of one file of the newest snapshot.
  void Damage() {
    if (expected_.empty() || expected_.back().damaged) return;
    const CommittedSnapshot committed = (*FindState(folder_.path()))->view.committed;
    const ImageName& image = committed.images[rng_.Below(kPlaces)];
    const std::vector<std::string> files =
        FilesIn(absl::StrFormat("%s/%d-%d-%d", SnapshotsOf(folder_.path()), image.snapshot.value(),
                                image.place.value(), image.life.value()));
    const std::string& path = files[rng_.Below(files.size())];
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    ASSERT_TRUE(file.is_open()) << path;
    const auto place = static_cast<std::streamoff>(rng_.Below(std::filesystem::file_size(path)));
    file.seekg(place);
    const int byte = file.get();
    file.seekp(place);
    file.put(static_cast<char>(byte ^ 1));
    expected_.back().damaged = true;
    ++damaged_;
  }

  static std::vector<std::string> FilesIn(const std::string& path) {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  std::vector<std::string> Listed() const { return FilesIn(SnapshotsOf(folder_.path())); }

  ScratchFolder folder_;
  const Job job_;
  Rng rng_;
  std::vector<Expected> expected_;  // the newest commits that are not behind a damaged one
  size_t committed_ = 0;
  size_t damaged_ = 0;
};

class SnapshotKeepTest : public ::testing::TestWithParam<int64_t> {};

// 25 sequences for each of four: a hundred.
TEST_P(SnapshotKeepTest, IsTrueOverAnyNumberOfStarts) {
  for (uint64_t seed = 0; seed < 25; ++seed) {
    KeptRun run(GetParam(), seed);
    for (int step = 0; step < 8 && !HasFailure(); ++step) {
      SCOPED_TRACE(absl::StrFormat("seed %d, step %d", seed, step));
      run.TakeARandomStep();
      run.Check();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Keep, SnapshotKeepTest, ::testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace rubato
