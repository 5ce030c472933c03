#include "common/telemetry/telemetry.h"

#include <cstdlib>
#include <fstream>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

struct IterationEvent {
  static constexpr char kEvent[] = "iteration";
  int64_t clock;
  double loss;
  bool last;
  void Fields(auto&& field) const {
    field("clock", clock);
    field("loss", loss);
    field("last", last);
  }
};

struct EndEvent {
  static constexpr char kEvent[] = "end";
  void Fields(auto&&) const {}
};

struct CountEvent {
  static constexpr char kEvent[] = "e";
  int n;
  void Fields(auto&& field) const { field("n", n); }
};

struct TextEvent {
  static constexpr char kEvent[] = "text";
  std::string text;
  void Fields(auto&& field) const { field("text", text); }
};

struct OddEvent {
  static constexpr char kEvent[] = "e";
  void Fields(auto&& field) const {
    field("nan", std::numeric_limits<double>::quiet_NaN());
    field("tiny", 5e-324);
    field("large", -1.7976931348623157e308);
    field("text", "a\"b\\c\nd\x01");
    field("utf8", "\xc3\xa9\xff");
  }
};

class TelemetryTest : public testing::Test {
 protected:
  std::string Path() const { return folder_ + "/events.jsonl"; }

  std::unique_ptr<EventLog> MustOpen() {
    auto log = EventLog::Open(
        {.path = Path(), .process = "worker-0", .wall_millis = [] { return int64_t{1000}; }});
    EXPECT_TRUE(log.ok()) << log.status();
    return *std::move(log);
  }

  std::vector<std::string> Lines() const {
    std::ifstream file(Path());
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  ScratchFolder scratch_;
  const std::string folder_ = scratch_.path();
};

TEST_F(TelemetryTest, OneObjectALine) {
  MustOpen()->Write(IterationEvent{.clock = -3, .loss = 0.1, .last = true});
  MustOpen()->Write(EndEvent{});  // appended, by another life of the log
  EXPECT_EQ(Lines(), (std::vector<std::string>{
                         R"({"time_ms":1000,"process":"worker-0","event":"iteration","clock":-3,)"
                         R"("loss":0.1,"last":true})",
                         R"({"time_ms":1000,"process":"worker-0","event":"end"})"}));
}

TEST_F(TelemetryTest, EveryLineIsJson) {
  MustOpen()->Write(OddEvent{});
  EXPECT_EQ(Lines().at(0),
            R"({"time_ms":1000,"process":"worker-0","event":"e","nan":null,"tiny":5e-324,)"
            R"("large":-1.7976931348623157e+308,"text":"a\"b\\c\nd\u0001",)"
            "\"utf8\":\"\xc3\xa9\xef\xbf\xbd\"}");
}

TEST_F(TelemetryTest, LinesOfThreadsDoNotMix) {
  const auto log = MustOpen();
  constexpr int kThreads = 4;
  constexpr int kEach = 200;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&log, t] {
      for (int i = 0; i < kEach; ++i) log->Write(CountEvent{t * kEach + i});
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> expected;
  for (int n = 0; n < kThreads * kEach; ++n) {
    expected.insert(R"("process":"worker-0","event":"e","n":)" + std::to_string(n) + "}");
  }
  std::set<std::string> told;
  const std::vector<std::string> lines = Lines();
  EXPECT_EQ(lines.size(), expected.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string time = "{\"time_ms\":" + std::to_string(1000 + i) + ",";
    EXPECT_EQ(lines[i].substr(0, time.size()), time);  // in the file's order
    told.insert(lines[i].substr(time.size()));
  }
  EXPECT_EQ(told, expected);
}

TEST_F(TelemetryTest, AFullDiskIsCountedAndSurvived) {
  const auto log = EventLog::Open({.path = "/dev/full", .process = "worker-0"});
  ASSERT_TRUE(log.ok()) << log.status();
  (*log)->Write(EndEvent{});
  EXPECT_EQ((*log)->lost(), 1u);
}

TEST_F(TelemetryTest, AMissingFolderIsASentence) {
  const auto log = EventLog::Open({.path = folder_ + "/none/x", .process = "worker-0"});
  EXPECT_EQ(log.status().message(),
            "opening " + folder_ + "/none/x failed: No such file or directory; check the path");
}

TEST_F(TelemetryTest, NoTwoLinesAreEqualUnlessTheClockIsSetBack) {
  int64_t wall = 5000;
  const auto log =
      *EventLog::Open({.path = Path(), .process = "a", .wall_millis = [&wall] { return wall; }});
  for (const int64_t time : {5000, 5000, 4500, 5003, 5002, 3000, 3000}) {
    wall = time;
    log->Write(EndEvent{});
  }
  std::vector<std::string> expected;
  for (const int time : {5000, 5001, 5002, 5003, 5004, 3000, 3001}) {
    expected.push_back("{\"time_ms\":" + std::to_string(time) +
                       ",\"process\":\"a\",\"event\":\"end\"}");
  }
  EXPECT_EQ(Lines(), expected);
}

// What is kept to be sent is what was written, and what was dropped is told of.
TEST_F(TelemetryTest, ALogThatSendsHandsOutItsLines) {
  const auto log = *EventLog::Open({.path = Path(), .process = "worker-0", .sends = true});
  EXPECT_TRUE(log->AllSent());
  EXPECT_FALSE(log->Due(Instant()));
  log->Write(EndEvent{});
  log->Write(TextEvent{std::string(kMaxLineBytes, 'x')});
  log->Write(CountEvent{3});
  const std::optional<LineBatch> batch = log->Due(Instant());
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->lines.size(), 3u);
  EXPECT_EQ(batch->lines[0].substr(batch->lines[0].find("process")),
            R"(process":"worker-0","event":"lines_dropped","lines":1})");
  EXPECT_EQ(batch->lines[1], Lines().at(0));
  EXPECT_EQ(batch->lines[2], Lines().at(2));
  EXPECT_FALSE(log->AllSent());
  log->Acknowledged(3);
  EXPECT_TRUE(log->AllSent());
}

TEST_F(TelemetryTest, AnotherProcesssLineIsWrittenAsItIs) {
  MustOpen()->Relay("{\"time_ms\":7}");
  EXPECT_EQ(Lines(), std::vector<std::string>{"{\"time_ms\":7}"});
}

TEST(Log, WarningsAndErrorsAreListenedTo) {
  std::vector<std::string> heard;
  ListenToLog([&heard](const char* level, absl::string_view text) {
    heard.push_back(std::string(level) + ": " + std::string(text));
  });
  LogInfo("a");
  LogWarning("b");
  LogError("c");
  ListenToLog(nullptr);
  LogError("d");
  EXPECT_EQ(heard, (std::vector<std::string>{"warning: b", "error: c"}));
}

TEST(Log, NamesProcessAndLevelAndKeepsTheTextAsItIs) {
  testing::internal::CaptureStderr();
  SetLogName("server-%v");
  LogWarning("50% {} done");
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_EQ(line.substr(line.find("server")), "server-%v warning: 50% {} done\n");
}

}  // namespace
}  // namespace rubato
