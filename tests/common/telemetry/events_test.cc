// Each kind of event as the line that it is. The lines are tests/common/telemetry/events.jsonl,
// which tests/launch/events_test.py holds the launcher to.
#include "common/telemetry/events.h"

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "common/telemetry/door_events.h"
#include "common/telemetry/predict_events.h"
#include "common/telemetry/process_events.h"
#include "common/telemetry/telemetry.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

std::vector<std::string> KnownLines() {
  std::ifstream file(RUBATO_SOURCE_DIR "/tests/common/telemetry/events.jsonl");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

class EventsTest : public testing::Test {
 protected:
  template <class T>
  void Tell(const std::string& process, const T& event) {
    lines_.push_back("{\"time_ms\":1000," + EventText(process, event) + "}");
    NoteFields(event);
  }

  // Names of fields that have a value, and of those that have none.
  template <class T>
  void NoteFields(const T& record) {
    record.Fields([&](const char* name, const auto& value) { NoteField(name, value); });
  }
  template <class T>
  void NoteField(const std::string& name, const T& value) {
    told_.insert(name);
    if constexpr (NamesItsFields<T>) NoteFields(value);
  }
  template <class T>
  void NoteField(const std::string& name, const std::optional<T>& value) {
    value ? NoteField(name, *value) : (void)left_out_.insert(name);
  }

  void TellOfKeys() {
    Tell("scheduler", OrderedEvent{"stop", "rq:rM>}U", true, "the run is stopped"});
    Tell("server-0", ReadEvent{PlaceId(1), Life(7), "rq:rM>}U", 3, 200, 3200});
    Tell("server-0", KeyUseEvent{"reader", "rq:rM>}U", 9, 1, 2, 500, 3300});
  }
  void TellOfAnyProcess() {
    Tell("server-0", WarningEvent{"the disk is \"full\""});
    Tell("server-0", RefusedEvent{.connections = 3, .messages = 2, .why = "no"});
    TellOfKeys();
    Tell("server-0", ErrorEvent{"it ends", "UNAVAILABLE"});
    Tell("worker-1", SignalEvent{.name = "SIGTERM", .count = 2});
    Tell("worker-1", ResolvedEvent{{{"seat", "1", "--seat"}}});
    Tell("scheduler", ListeningEvent{"ipc:///s"});
    Tell("server-0", LogEvent{"warning", "the disk is full"});
    Tell("worker-1", LinesDroppedEvent{12});
    Tell("worker-1", EndedEvent{.code = 75, .peak_memory_bytes = 1048576, .cpu_seconds = 1.5});
  }

  void TellOfScheduler() {
    Tell("scheduler", ResumedEvent{Clock(12)});
    Tell("scheduler", ViewEvent{.min_clock = Clock(12),
                                .max_clock = Clock(15),
                                .committed = Clock(9),
                                .quarantined = {SeatId(2)}});
    Tell("scheduler", CommittedEvent{.snapshot = SnapshotNumber(3), .clock = Clock(12)});
    Tell("scheduler", KeptEvent{.snapshot = SnapshotNumber(2), .clock = Clock(6)});
    TellOfDeaths();
    Tell("scheduler",
         SchedulerDoneEvent{.clock = Clock(20), .snapshot = SnapshotNumber(5), .lost = 1});
  }

  void TellOfDeaths() {
    Tell("scheduler", StartedEvent{SeatId(1), Life(7), Clock(12)});
    Tell("scheduler", EvictedEvent{.seat = SeatId(1),
                                   .life = Life(7),
                                   .clock = Clock(15),
                                   .replaced = true,
                                   .why = "gone"});
    Tell("scheduler", QuarantinedEvent{SeatId(2), Life(6), Clock(11), "no numbers"});
    Tell("scheduler", TornEvent{.seat = SeatId(1),
                                .life = Life(7),
                                .begin = Clock(12),
                                .end = Clock(14),
                                .lost = true});
    Tell("scheduler", PossibleLossEvent{Life(7)});
    Tell("scheduler", ServingEvent{PlaceId(2), Life(8)});
    Tell("scheduler", SilentEvent{PlaceId(2), "has said nothing"});
    Tell("scheduler", FleetResumeEvent{Clock(9), "pushes are lost"});
  }

  void TellOfServer() {
    ServerDoneEvent done;
    done.shards.push_back({.place = PlaceId(0),
                           .pushes = 40,
                           .rows = 7,
                           .rows_applied = 90,
                           .pulls = 41,
                           .duplicates_refused = 2,
                           .nonfinite_refused = 3,
                           .cuts = 5,
                           .staleness_histogram = {{0, 30}, {2, 10}},
                           .influences = {{SeatId(1), 4, 2.5, 0.5, 1.5, 0.25}}});
    done.shards.push_back({.place = PlaceId(1)});
    Tell("server-0", done);
  }

  void TellOfWorker() {
    Tell("worker-1", BegunEvent{Life(7), Clock(12)});
    ProgressEvent progress{.clock = Clock(13),
                           .epoch = 1,
                           .rows = 3328,
                           .max_staleness = 2,
                           .samples_per_second = 1234.5,
                           .seconds_since_start = 0.25};
    Tell("worker-1", progress);
    progress.loss = 0.1;
    Tell("worker-1", progress);
    Tell("worker-0", ValidationEvent{.epoch = 1,
                                     .clock = Clock(19),
                                     .seconds = 1.5,
                                     .figures = {{"auc", 0.75}, {"logloss", 0.5}}});
    Tell("worker-1", WorkerDoneEvent{.seat = SeatId(1),
                                     .rows = 3328,
                                     .pushes = 20,
                                     .resent = 1,
                                     .max_staleness = 2,
                                     .nonfinite = 3,
                                     .clipped = 5,
                                     .unprotected = 4,
                                     .rows_pulled = 500,
                                     .rows_cached = 60,
                                     .bytes_pulled = 2000,
                                     .bytes_pushed = 1000,
                                     .samples_per_second = 1234.5,
                                     .seconds = {.compute = Duration::Seconds(1.5),
                                                 .wait = Duration::Seconds(0.25),
                                                 .pull = Duration::Seconds(0.125),
                                                 .push = Duration::Nanos(1400),
                                                 .other = Duration()}});
  }

  void TellOfRest() {
    Tell("local-0", WorkerDoneEvent{.seat = SeatId(0),
                                    .rows = 3328,
                                    .pushes = 20,
                                    .samples_per_second = 1234.5,
                                    .seconds = {.compute = Duration::Seconds(1.5),
                                                .other = Duration::Seconds(0.5)}});
    Tell("predict-0", PredictProgressEvent{65536});
    Tell("predict-0",
         NoveltyEvent{.column = "grade", .cells = 40, .missing = NovelCells{1, "", 9}});
    Tell("predict-0", NoveltyEvent{.column = "income",
                                   .cells = 40,
                                   .levels = NovelCells{3, "H", 2},
                                   .texts = NovelCells{4, "n/a", 3},
                                   .outside = NovelCells{5, "1e9", 4},
                                   .missing = NovelCells{6, "", 5},
                                   .unmatched = NovelCells{7, "P9", 6}});
    Tell("gpus-0", GpuEvent{.index = 0,
                            .name = "NVIDIA H200",
                            .capability = "9.0",
                            .memory_bytes = 150754820096,
                            .free_bytes = 149000000000});
  }

  std::vector<std::string> lines_;
  std::set<std::string> told_;
  std::set<std::string> left_out_;
};

TEST_F(EventsTest, EachIsItsLine) {
  TellOfAnyProcess();
  TellOfScheduler();
  TellOfServer();
  TellOfWorker();
  TellOfRest();
  EXPECT_EQ(lines_, KnownLines());
  for (const std::string& name : left_out_) EXPECT_TRUE(told_.contains(name)) << name;
}

}  // namespace
}  // namespace rubato
