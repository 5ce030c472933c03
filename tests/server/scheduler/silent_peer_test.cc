// A process that is stopped, and a host that dies, leave a connection behind that looks alive: no
// transport says a word. The lease of the life at its other end does.
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

  ScratchFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(Transports, SilentPeerTest, testing::Values("ipc", "tcp"),
                         [](const auto& transport) { return std::string(transport.param); });

TEST_P(SilentPeerTest, AWorkerThatGoesSilentIsEvictedWithItsLease) {
  auto signals = StopSignals::Catch().value();
  auto events = EventLog::Open({.path = folder_.path() + "/events.jsonl", .process = "scheduler"});
  SchedulerOptions options;
  options.job.last_clock = Clock(100);
  options.lease = Duration::Millis(200);
  auto loop = SchedulerLoop::Open(
                  {.listen = ListenAddress(), .state_path = folder_.path() + "/scheduler.state"},
                  options, Scheduler::FirstState(options.job), events->get())
                  .value();
  auto worker = Endpoint::Open({.self = kWorker, .listen = ""}).value();
  ASSERT_TRUE(worker->Connect(kSchedulerNonce, loop->address()).ok());
  absl::Status end;
  std::thread scheduler([&] { end = loop->Run(signals.get()).status(); });
  Hello hello;
  hello.job_fingerprint = options.job.Fingerprint();
  std::vector<Decoded> answers;
  for (int i = 0; i < 1000 && answers.empty(); ++i) {
    worker->Send(kSchedulerNonce, hello);
    answers = worker->Receive(Duration::Millis(20));
  }
  scheduler.join();  // the worker's end of the connection is open all the while
  ASSERT_FALSE(answers.empty());
  EXPECT_EQ(std::get<View>(answers[0].message).members.size(), 1u);
  EXPECT_EQ(end.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(absl::StrContains(end.message(), "no heartbeat")) << end;
}

}  // namespace
}  // namespace rubato
