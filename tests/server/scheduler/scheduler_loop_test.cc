// How a scheduler's run ends, and what it tells: with real sockets and signals, and peers that are
// played by hand.
#include "server/scheduler/scheduler_loop.h"

#include <signal.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "gtest/gtest.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

using Json = nlohmann::json;

constexpr Nonce kWorker{7};
const absl::Status kStoppedAtOnce = absl::CancelledError("stopped at once by a second signal");

class SchedulerLoopTest : public testing::Test {
 protected:
  SchedulerLoopTest() {
    for (const int number : {SIGTERM, SIGINT}) signal(number, SIG_DFL);
    signals_ = *StopSignals::Catch();
    events_ = *EventLog::Open({.path = events_path_, .process = "scheduler"});
    options_.job.last_clock = Clock(100);
    state_ = Scheduler::FirstState(options_.job);
    state_.view.members = {Member(9, Nonce(99))};  // so that there is something to be saved
    state_.view.members[0].start = Clock(0);
    worker_ = *Endpoint::Open({.self = kWorker, .listen = ""});
  }

  // Runs to the end, `meanwhile` on another thread; "" as state path: it only serves.
  absl::StatusOr<RunEnd> Run(const std::string& state_path, std::function<void()> meanwhile) {
    auto loop = SchedulerLoop::Open({.listen = "ipc://" + folder_.path() + "/scheduler",
                                     .state_path = state_path,
                                     .pulse = [this](Clock) { ++pulses_; },
                                     .processes = processes_},
                                    options_, state_, events_.get());
    EXPECT_TRUE(loop.ok()) << loop.status();
    EXPECT_TRUE(worker_->Connect(kSchedulerNonce, {(*loop)->address(), ""}).ok());
    std::thread other(std::move(meanwhile));
    absl::StatusOr<RunEnd> end = (*loop)->Run(signals_.get());
    other.join();
    return end;
  }

  // A worker asks for a place until it is answered: what it was given is on disk then.
  bool Joins() {
    Hello hello;
    hello.job_fingerprint = options_.job.Fingerprint();
    for (int i = 0; i < 100; ++i) {
      worker_->Send(kSchedulerNonce, hello);
      if (!worker_->Receive(Duration::Millis(20)).empty()) return true;
    }
    return false;
  }

  // Speaks as `endpoint` until it is told that the fleet is at its end: with what code. -1: never.
  static int AwaitEnd(Endpoint* endpoint, const Message& message) {
    for (int i = 0; i < 500; ++i) {
      endpoint->Send(kSchedulerNonce, message);
      for (const Decoded& decoded : endpoint->Receive(Duration::Millis(20))) {
        const auto* end = std::get_if<FleetEnd>(&decoded.message);
        if (end != nullptr) return static_cast<int>(end->code);
      }
    }
    return -1;
  }
  static MemberEntry Member(uint32_t seat, Nonce nonce) {
    MemberEntry member;
    member.life = Life(seat + 1);
    member.seat = SeatId(seat);
    member.nonce = nonce;
    return member;
  }
  // Of who has that seat.
  static Heartbeat Beat(uint32_t seat, std::optional<Clock> quarantined = std::nullopt) {
    Heartbeat beat;
    beat.life = Life(seat + 1);
    beat.quarantined = quarantined;
    return beat;
  }
  // What a process whose own number is 0 says last, as line `first` of its stream.
  Telemetry LastWords(Role role, const std::string& process, uint64_t first) const {
    return {.role = role,
            .job_fingerprint = options_.job.Fingerprint(),
            .alone = true,
            .first = first,
            .lines = {R"({"time_ms":1,"process":")" + process + R"(","event":"ended","code":0})"}};
  }

  // Sent once; the answer, or none within a minute.
  OrderReply Ask(OrderKind what) {
    worker_->Send(kSchedulerNonce, Order{what, ""});
    for (int i = 0; i < 3000; ++i) {
      for (const Decoded& decoded : worker_->Receive(Duration::Millis(20))) {
        if (const auto* reply = std::get_if<OrderReply>(&decoded.message)) return *reply;
      }
    }
    return {};
  }

  // Those of one kind that have been told so far.
  std::vector<Json> Told(const std::string& kind) const {
    std::ifstream file(events_path_);
    std::vector<Json> told;
    for (std::string line; std::getline(file, line);) {
      Json event = Json::parse(line, nullptr, false);
      if (!event.is_discarded() && event["event"] == kind) told.push_back(std::move(event));
    }
    return told;
  }
  void AwaitTold(const std::string& kind) const {
    for (int i = 0; i < 1000 && Told(kind).empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  static void RaiseTwice() {
    raise(SIGTERM);
    raise(SIGINT);
  }

  ScratchFolder folder_;
  const std::string events_path_ = folder_.path() + "/events.jsonl";
  const std::string state_path_ = folder_.path() + "/scheduler.state";
  std::unique_ptr<StopSignals> signals_;
  std::unique_ptr<EventLog> events_;
  SchedulerOptions options_;
  SchedulerState state_;
  std::unique_ptr<Endpoint> worker_;
  uint32_t processes_ = 0;
  std::atomic<int> pulses_ = 0;
};

TEST_F(SchedulerLoopTest, AFleetThatOnlyServesEndsWithTheFirstSignal) {
  const auto end = Run("", [this] {
    AwaitTold("view");
    raise(SIGTERM);
  });
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(*end, RunEnd::kFinished);
  EXPECT_EQ(Told("listening").at(0)["address"], "ipc://" + folder_.path() + "/scheduler");
  EXPECT_TRUE(Told("done").empty());
}

TEST_F(SchedulerLoopTest, ARunWhoseLastClockIsCommittedIsOver) {
  state_.view.committed.number = SnapshotNumber(4);
  state_.view.committed.clock = options_.job.last_clock;
  const auto end = Run(state_path_, [] {});
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(*end, RunEnd::kFinished);
  const std::vector<Json> done = Told("done");
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0]["clock"], 100);
  EXPECT_EQ(done[0]["snapshot"], 4);
  EXPECT_EQ(done[0]["lost"], 0);
}

TEST_F(SchedulerLoopTest, ARunThatWasOverTellsAllWhoCome) {
  state_.view.committed.number = SnapshotNumber(4);
  state_.view.committed.clock = options_.job.last_clock;
  processes_ = 2;
  std::vector<int> codes;
  const auto end = Run(state_path_, [&] {
    Hello hello;
    hello.job_fingerprint = options_.job.Fingerprint();
    codes.push_back(AwaitEnd(worker_.get(), hello));
    worker_->Send(kSchedulerNonce, LastWords(Role::kWorker, "worker-0", 0));
    codes.push_back(AwaitEnd(worker_.get(), hello));  // one is not all
    const int pulses = pulses_;
    for (int i = 0; i < 500 && pulses_ == pulses; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_GT(pulses_, pulses);  // who waits has not come to a stand
    worker_->Send(kSchedulerNonce, LastWords(Role::kShard, "server-0", 1));
  });
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(*end, RunEnd::kFinished);
  EXPECT_EQ(codes, std::vector({0, 0}));
}

// A scheduler that has taken the place of another may be at its end before all have come back.
TEST_F(SchedulerLoopTest, WhoIsThereAndNotYetBackIsWaitedForAndToldTheEnd) {
  const Nonce other(8);
  state_.view.members = {Member(0, kWorker), Member(1, other)};
  processes_ = 2;
  int code = -1;
  const auto end = Run(state_path_, [&] {
    auto diverged = *Endpoint::Open({.self = other, .listen = ""});
    ASSERT_TRUE(
        diverged->Connect(kSchedulerNonce, {"ipc://" + folder_.path() + "/scheduler", ""}).ok());
    // In a fleet of one seat: nobody trains any more.
    EXPECT_EQ(AwaitEnd(diverged.get(), Beat(1, Clock(3))), 4);
    code = AwaitEnd(worker_.get(), Beat(0));
  });
  EXPECT_EQ(end.status().code(), absl::StatusCode::kOutOfRange) << end.status();
  EXPECT_EQ(code, 4);
}

TEST_F(SchedulerLoopTest, ASecondSignalDoesNotWaitForASnapshot) {
  EXPECT_EQ(Run(state_path_, RaiseTwice).status(), kStoppedAtOnce);
  EXPECT_TRUE(Told("done").empty());
}

TEST_F(SchedulerLoopTest, WhatNobodyHasTrainedIsNotWaitedFor) {
  state_.view.members.clear();
  const auto end = Run(state_path_, [] { raise(SIGTERM); });
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(*end, RunEnd::kStopped);
  EXPECT_EQ(Told("done").size(), 1u);
}

TEST_F(SchedulerLoopTest, OrdersAreSignalsAndAreTold) {
  OrderReply snapshot, stop, again, now;
  const auto end = Run(state_path_, [&] {
    snapshot = Ask(OrderKind::kSnapshot);
    stop = Ask(OrderKind::kStop);
    again = Ask(OrderKind::kStop);
    now = Ask(OrderKind::kStopAtOnce);
  });
  EXPECT_EQ(end.status(), kStoppedAtOnce);
  EXPECT_EQ(signals_->Wishes(), 1);
  EXPECT_EQ(snapshot, (OrderReply{true, "a snapshot is cut; the run goes on"}));
  EXPECT_EQ(stop, (OrderReply{true, "the run is stopped, with a snapshot"}));
  EXPECT_EQ(again, (OrderReply{true, "the run is being stopped already"}));
  EXPECT_TRUE(now.accepted);
  const std::vector<Json> told = Told("ordered");
  ASSERT_EQ(told.size(), 4u);
  EXPECT_EQ(told[0]["order"], "snapshot");
  EXPECT_EQ(told[0]["key"], "");
  EXPECT_EQ(told[0]["accepted"], true);
  EXPECT_EQ(told[3]["order"], "stop at once");
}

TEST_F(SchedulerLoopTest, AFleetThatOnlyServesMakesNoSnapshotAndIsStopped) {
  OrderReply snapshot, stop;
  const auto end = Run("", [&] {
    snapshot = Ask(OrderKind::kSnapshot);
    stop = Ask(OrderKind::kStop);
  });
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(*end, RunEnd::kFinished);
  EXPECT_FALSE(snapshot.accepted);
  EXPECT_EQ(stop, (OrderReply{true, "the fleet is stopped"}));
}

TEST_F(SchedulerLoopTest, AWorkersPlaceIsOnDiskBeforeItHearsOfIt) {
  bool joined = false, kept = false;
  const auto end = Run(state_path_, [&] {
    std::filesystem::remove(state_path_);  // that of the start
    joined = Joins();
    kept = std::filesystem::exists(state_path_);
    RaiseTwice();
  });
  EXPECT_EQ(end.status(), kStoppedAtOnce);
  EXPECT_TRUE(joined);
  EXPECT_TRUE(kept);
}

TEST_F(SchedulerLoopTest, AStateThatCannotBeWrittenIsOneWarningAndNoAnswer) {
  const std::string place = folder_.path() + "/run";
  std::filesystem::create_directory(place);
  bool joined = false;
  const auto end = Run(place + "/scheduler.state", [&] {
    std::filesystem::remove_all(place);
    joined = Joins();
    RaiseTwice();
  });
  EXPECT_EQ(end.status(), kStoppedAtOnce);
  EXPECT_FALSE(joined);
  const std::vector<Json> warnings = Told("warning");
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0]["message"].get<std::string>().find(
                "nothing can be committed, training goes on: "),
            0u);
}

}  // namespace
}  // namespace rubato
