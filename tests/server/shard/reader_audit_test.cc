#include "server/shard/reader_audit.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "gtest/gtest.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

using Json = nlohmann::json;

class ReaderAuditTest : public testing::Test {
 protected:
  ReaderAuditTest() { view_.readers = {{Life(7), Nonce(70)}, {Life(8), Nonce(80)}}; }

  void Send(Nonce to, uint32_t rows) {
    PullReply reply;
    reply.rows = {{TableId(0), rows, ValueCodec::kF32, Buffer(),
                   Buffer::Own(std::vector<float>(rows * size_t{2}))}};
    audit_.Count(view_, {to, reply}, [](Nonce) { return std::string("rq:rM>}U?@Lns47E1"); });
  }
  std::vector<Json> Told() const {
    std::ifstream file(path_);
    std::vector<Json> told;
    for (std::string line; std::getline(file, line);) told.push_back(Json::parse(line));
    return told;
  }

  ScratchFolder folder_;
  const std::string path_ = folder_.path() + "/events.jsonl";
  std::unique_ptr<EventLog> events_ = *EventLog::Open({.path = path_, .process = "server-0"});
  ReaderAudit audit_{PlaceId(3), events_.get()};
  View view_;
};

TEST_F(ReaderAuditTest, TellsWhatAReaderHasTakenWhenItGoes) {
  Send(Nonce(70), 10);
  Send(Nonce(70), 5);
  Send(Nonce(80), 1);
  audit_.Look(view_, Instant());
  EXPECT_TRUE(Told().empty());
  view_.readers.erase(view_.readers.begin());
  audit_.Look(view_, Instant());
  audit_.Look(view_, Instant());
  ASSERT_EQ(Told().size(), 1u);
  const Json first = Told()[0];
  EXPECT_EQ(first["event"], "read");
  EXPECT_EQ(first["place"], 3);
  EXPECT_EQ(first["life"], 7);
  EXPECT_EQ(first["key"], "rq:rM>}U");
  EXPECT_EQ(first["replies"], 2);
  EXPECT_EQ(first["rows"], 15);
  EXPECT_EQ(first["bytes"], 15 * 2 * 4);
  audit_.End();
  ASSERT_EQ(Told().size(), 2u);
  EXPECT_EQ(Told()[1]["life"], 8);
}

TEST_F(ReaderAuditTest, WhoGoesOnReadingIsToldOfEveryMinuteThatHeDoes) {
  const auto look = [&](int seconds) {
    audit_.Look(view_, Instant() + Duration::Seconds(seconds));
  };
  Send(Nonce(70), 10);
  look(0);
  look(59);
  EXPECT_TRUE(Told().empty());
  look(60);
  ASSERT_EQ(Told().size(), 1u);
  EXPECT_EQ(Told()[0]["rows"], 10);
  look(120);  // he has taken nothing
  EXPECT_EQ(Told().size(), 1u);
  Send(Nonce(70), 5);
  look(180);
  ASSERT_EQ(Told().size(), 2u);
  EXPECT_EQ(Told()[1]["rows"], 15);
  audit_.End();
  EXPECT_EQ(Told().size(), 2u);
}

TEST_F(ReaderAuditTest, WorkersAndOtherAnswersAreNotCounted) {
  Send(Nonce(90), 10);
  audit_.Count(view_, {Nonce(70), Parked{}}, [](Nonce) { return std::string(); });
  audit_.End();
  EXPECT_TRUE(Told().empty());
}

}  // namespace
}  // namespace rubato
