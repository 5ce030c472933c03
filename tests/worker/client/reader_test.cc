// A reader before a fleet that is played by hand: what it is given, and every way in which it ends.
#include "worker/client/reader.h"

#include <signal.h>

#include <atomic>
#include <functional>
#include <thread>
#include <utility>
#include <variant>

#include "gtest/gtest.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

constexpr Nonce kShard{5};
constexpr Life kShardLife{1};
constexpr float kWeight = 0.5F;

// A scheduler and a shard on a thread of their own, as a reader waits for them.
class PlayedFleet {
 public:
  PlayedFleet() {
    const std::string mine = "ipc://" + folder_.path();
    scheduler_ = *Endpoint::Open({.self = kSchedulerNonce, .listen = mine + "/scheduler"});
    shard_ = *Endpoint::Open({.self = kShard, .listen = mine + "/shard"});
    address_ = scheduler_->address();
  }
  ~PlayedFleet() {
    end_ = true;
    if (thread_.joinable()) thread_.join();
  }

  void Begin() {
    thread_ = std::thread([this] {
      while (!end_) Serve();
    });
  }
  const std::string& address() const { return address_; }
  bool left() const { return left_; }

  // All from the fleet's thread.
  void Welcome(Nonce reader) {
    life_ = Life(life_.value() + 1);
    SendView(reader, {{life_, reader}});
  }
  void PutOut(Nonce reader) { SendView(reader, {}); }
  void Refuse(Nonce reader) { scheduler_->Send(reader, ErrorReply{9, "another job is trained"}); }
  void Park(Nonce reader, const Pull& pull) {
    shard_->Send(reader, Parked{kShardLife, life_, pull.id, Clock(0), kNoLife});
  }
  void Answer(Nonce reader, const Pull& pull) {
    PullReply reply{kShardLife, life_, pull.id, ViewVersion(version_), Clock(0), {}};
    for (const TableRows& asked : pull.rows) {
      TableRows rows{asked.table, asked.rows, ValueCodec::kF32, {}, {}};
      rows.values = Buffer::Own(std::vector<float>(asked.rows, kWeight));
      reply.rows.push_back(std::move(rows));
    }
    shard_->Send(reader, reply);
  }

  // What is done when a reader says Hello, and when it pulls. To be set before Begin.
  std::function<void(Nonce)> on_hello = [this](Nonce reader) { Welcome(reader); };
  std::function<void(Nonce, const Pull&)> on_pull = [this](Nonce reader, const Pull& pull) {
    Answer(reader, pull);
  };

 private:
  void Serve() {
    for (const Decoded& decoded : scheduler_->Receive(Duration::Millis(5))) {
      if (std::holds_alternative<Hello>(decoded.message)) on_hello(decoded.from);
      const auto* beat = std::get_if<Heartbeat>(&decoded.message);
      if (beat != nullptr && beat->leaving) left_ = true;
    }
    for (const Decoded& decoded : shard_->Receive(Duration::Millis(5))) {
      if (const auto* pull = std::get_if<Pull>(&decoded.message)) on_pull(decoded.from, *pull);
    }
  }
  void SendView(Nonce to, std::vector<ReaderEntry> readers) {
    View view;
    view.version = ViewVersion(++version_);
    view.shards = {{kShardLife, kShard, shard_->address()}};
    view.readers = std::move(readers);
    scheduler_->Send(to, view);
  }

  ScratchFolder folder_;
  std::string address_;
  std::unique_ptr<Endpoint> scheduler_;
  std::unique_ptr<Endpoint> shard_;
  uint64_t version_ = 0;
  Life life_ = kShardLife;  // of the reader: the newest
  std::atomic<bool> end_{false};
  std::atomic<bool> left_{false};
  std::thread thread_;
};

class ReaderTest : public testing::Test {
 protected:
  ReaderTest() {
    signal(SIGTERM, SIG_DFL);  // whoever runs the tests may ignore it
    signals_ = *StopSignals::Catch();
    job_.tables.resize(1);
    job_.tables[0].name = "weights";
    job_.tables[0].dim = 1;
  }

  absl::StatusOr<std::unique_ptr<Reader>> Join() {
    fleet_.Begin();
    return Reader::Join(job_, fleet_.address(), signals_.get());
  }
  static Parameters Keys() { return {{TableId(0), {RowKey(3), RowKey(8)}, {}}}; }
  // Of a pull by a reader that has joined.
  absl::Status PullStatus() {
    const auto reader = Join();
    EXPECT_TRUE(reader.ok()) << reader.status();
    return (*reader)->Pull(Keys()).status();
  }

  std::unique_ptr<StopSignals> signals_;
  Job job_;
  PlayedFleet fleet_;
};

TEST_F(ReaderTest, PullsTheWeightsOfItsKeysAgainAndAgain) {
  auto reader = Join();
  ASSERT_TRUE(reader.ok()) << reader.status();
  for (int i = 0; i < 3; ++i) {
    const auto pulled = (*reader)->Pull(Keys());
    ASSERT_TRUE(pulled.ok()) << pulled.status();
    ASSERT_EQ(pulled->size(), 1u);
    EXPECT_EQ((*pulled)[0].keys, Keys()[0].keys);
    EXPECT_EQ((*pulled)[0].values, Floats(2, kWeight));
    EXPECT_TRUE((*reader)->GoOn().ok());
  }
}

TEST_F(ReaderTest, SaysGoodbye) {
  auto reader = Join();
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_FALSE(fleet_.left());
  reader->reset();
  for (int i = 0; i < 1000 && !fleet_.left(); ++i) signals_->Wait(Duration::Millis(10));
  EXPECT_TRUE(fleet_.left());
}

TEST_F(ReaderTest, ARefusalIsTheFleetsSentence) {
  fleet_.on_hello = [this](Nonce reader) { fleet_.Refuse(reader); };
  EXPECT_EQ(Join().status(), absl::FailedPreconditionError("another job is trained"));
}

TEST_F(ReaderTest, ASignalEndsTheWaitForAPlace) {
  fleet_.on_hello = [](Nonce) { raise(SIGTERM); };
  EXPECT_EQ(Join().status(), absl::CancelledError("stopped by SIGTERM"));
}

TEST_F(ReaderTest, ASignalEndsTheWaitForWeights) {
  fleet_.on_pull = [](Nonce, const Pull&) { raise(SIGTERM); };
  EXPECT_EQ(PullStatus(), absl::CancelledError("stopped by SIGTERM"));
}

TEST_F(ReaderTest, ASignalIsSeenByWhoeverWorksForLong) {
  auto reader = Join();
  ASSERT_TRUE(reader.ok()) << reader.status();
  ASSERT_EQ(raise(SIGTERM), 0);
  EXPECT_EQ((*reader)->GoOn(), absl::CancelledError("stopped by SIGTERM"));
}

TEST_F(ReaderTest, WhoIsPutOutOfTheFleetComesBackAndAsksAgain) {
  Nonce first{};
  fleet_.on_pull = [this, &first](Nonce reader, const Pull& pull) {
    if (first == Nonce()) first = reader;
    reader == first ? fleet_.PutOut(reader) : fleet_.Answer(reader, pull);
  };
  auto reader = Join();
  ASSERT_TRUE(reader.ok()) << reader.status();
  const auto pulled = (*reader)->Pull(Keys());
  ASSERT_TRUE(pulled.ok()) << pulled.status();
  EXPECT_EQ((*pulled)[0].values, Floats(2, kWeight));
}

TEST_F(ReaderTest, AShardThatLoadsIsWaitedFor) {
  fleet_.on_pull = [this](Nonce reader, const Pull& pull) {
    fleet_.Park(reader, pull);
    fleet_.Answer(reader, pull);
  };
  EXPECT_TRUE(PullStatus().ok());
}

}  // namespace
}  // namespace rubato
