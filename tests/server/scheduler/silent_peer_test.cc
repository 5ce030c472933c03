// A process that is stopped, and a host that dies, leave a connection behind that looks alive: no
// transport says a word. The lease of the life at its other end does.
#include <signal.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "server/scheduler/scheduler_loop.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

constexpr Nonce kWorker{7};

class SilentPeerTest : public testing::TestWithParam<const char*> {
 protected:
  std::string ListenAddress() const {
    return std::string(GetParam()) == "ipc" ? "ipc://" + folder_.path() + "/scheduler"
                                            : "tcp://127.0.0.1:0";
  }

  // The first line that tells of an eviction; "" if none comes.
  std::string AwaitEvicted() const {
    for (int i = 0; i < 1000; ++i) {
      std::ifstream file(events_path_);
      for (std::string line; std::getline(file, line);) {
        if (absl::StrContains(line, "\"event\":\"evicted\"")) return line;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return "";
  }

  ScratchFolder folder_;
  const std::string events_path_ = folder_.path() + "/events.jsonl";
};

INSTANTIATE_TEST_SUITE_P(Transports, SilentPeerTest, testing::Values("ipc", "tcp"),
                         [](const auto& transport) { return std::string(transport.param); });

TEST_P(SilentPeerTest, AWorkerThatGoesSilentIsEvictedWithItsLease) {
  for (const int number : {SIGTERM, SIGINT}) signal(number, SIG_DFL);  // they may be ignored
  auto signals = StopSignals::Catch().value();
  auto events = EventLog::Open({.path = events_path_, .process = "scheduler"});
  SchedulerOptions options;
  options.job.last_clock = Clock(100);
  options.lease = Duration::Millis(200);
  auto loop = SchedulerLoop::Open(
                  {.listen = ListenAddress(), .state_path = folder_.path() + "/scheduler.state"},
                  options, Scheduler::FirstState(options.job), events->get())
                  .value();
  auto worker = Endpoint::Open({.self = kWorker, .listen = ""}).value();
  ASSERT_TRUE(worker->Connect(kSchedulerNonce, {loop->address(), ""}).ok());
  std::thread scheduler([&] { loop->Run(signals.get()).status().IgnoreError(); });
  Hello hello;
  hello.job_fingerprint = options.job.Fingerprint();
  std::vector<Decoded> answers;
  for (int i = 0; i < 1000 && answers.empty(); ++i) {
    worker->Send(kSchedulerNonce, hello);
    answers = worker->Receive(Duration::Millis(20));
  }
  const std::string evicted = AwaitEvicted();  // the worker's end of the connection is open yet
  raise(SIGTERM);
  raise(SIGINT);
  scheduler.join();
  ASSERT_FALSE(answers.empty());
  EXPECT_EQ(std::get<View>(answers[0].message).members.size(), 1u);
  EXPECT_TRUE(absl::StrContains(evicted, "\"replaced\":false")) << evicted;
  EXPECT_TRUE(absl::StrContains(evicted, "no heartbeat")) << evicted;
}

}  // namespace
}  // namespace rubato
