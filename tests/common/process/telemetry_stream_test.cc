// A process's events on their way to a scheduler that the test plays.
#include "common/process/telemetry_stream.h"

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "common/telemetry/events.h"
#include "common/wire/endpoint.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

class TelemetryStreamTest : public testing::Test {
 protected:
  TelemetryStreamTest() {
    events_ = *EventLog::Open({.path = path_, .process = "worker-1", .sends = true});
    stream_ = std::make_unique<TelemetryStream>(events_.get(), /*alone=*/true);
  }

  void Open() {
    stream_->Open(
        {.scheduler = address_, .role = Role::kWorker, .index = 1, .job_fingerprint = 77});
  }

  // Takes lines, and acknowledges them if it is to, until the test stops it.
  void Play(bool acknowledges) {
    scheduler_ = *Endpoint::Open({.self = kSchedulerNonce, .listen = address_});
    thread_ = std::thread([this, acknowledges] {
      while (!stop_) {
        for (const Decoded& decoded : scheduler_->Receive(Duration::Millis(5))) {
          const auto* told = std::get_if<Telemetry>(&decoded.message);
          if (told == nullptr) continue;
          taken_.push_back(*told);
          heard_ = true;
          heard_.notify_all();
          const uint64_t next = told->first + told->lines.size();
          if (acknowledges) scheduler_->Send(decoded.from, TelemetryAck{next});
        }
      }
    });
  }
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  ~TelemetryStreamTest() override { Stop(); }

  std::vector<std::string> Written() const {
    std::ifstream file(path_);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  ScratchFolder folder_;
  const std::string path_ = folder_.path() + "/events.jsonl";
  const std::string address_ = "ipc://" + folder_.path() + "/scheduler";
  std::unique_ptr<EventLog> events_;
  std::unique_ptr<TelemetryStream> stream_;
  std::unique_ptr<Endpoint> scheduler_;
  std::vector<Telemetry> taken_;
  std::atomic<bool> heard_ = false;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST_F(TelemetryStreamTest, AllThatWasToldHasArrivedAtTheEnd) {
  Play(/*acknowledges=*/true);
  events_->Write(WarningEvent{"before it knows its fleet"});
  Open();
  for (int i = 0; i < 1000; ++i) events_->Write(WarningEvent{"later"});
  stream_->End();
  Stop();
  EXPECT_TRUE(events_->AllSent());
  std::vector<std::string> lines;
  for (const Telemetry& message : taken_) {
    EXPECT_EQ(message.role, Role::kWorker);
    EXPECT_EQ(message.index, 1u);
    EXPECT_EQ(message.job_fingerprint, 77u);
    EXPECT_TRUE(message.alone);
    if (message.first < lines.size()) continue;  // again, on a busy machine
    lines.insert(lines.end(), message.lines.begin(), message.lines.end());
  }
  EXPECT_EQ(lines, Written());
}

TEST_F(TelemetryStreamTest, ASchedulerThatSaysNothingIsNotWaitedForLong) {
  Play(/*acknowledges=*/false);
  Open();
  events_->Write(WarningEvent{"a"});
  stream_->End();
  EXPECT_FALSE(events_->AllSent());
}

TEST_F(TelemetryStreamTest, NorIsOneThatIsNotThere) {
  Open();
  events_->Write(WarningEvent{"a"});
  stream_->End();
  EXPECT_FALSE(events_->AllSent());
}

TEST_F(TelemetryStreamTest, WhoHasNothingToTellIsHeardAllTheSame) {
  Play(/*acknowledges=*/true);
  Open();
  heard_.wait(false);
  stream_->End();
  Stop();
  EXPECT_TRUE(taken_.at(0).alone);
  EXPECT_TRUE(taken_.at(0).lines.empty());
}

TEST_F(TelemetryStreamTest, WorkComesFirstWhereOpenFilesAreFew) {
  Play(/*acknowledges=*/true);
  stream_->Open({.scheduler = address_, .files_needed = uint64_t{1} << 40});
  events_->Write(WarningEvent{"a"});
  stream_->End();
  Stop();
  EXPECT_TRUE(taken_.empty());
}

TEST_F(TelemetryStreamTest, AProcessThatNeverKnewItsFleetEnds) {
  events_->Write(WarningEvent{"a"});
  stream_->End();
  EXPECT_EQ(Written().size(), 1u);
}

}  // namespace
}  // namespace rubato
