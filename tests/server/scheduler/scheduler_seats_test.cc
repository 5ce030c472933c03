// Whose a seat and a place are when more than one process lives for them, as stories: what each
// process says, and what it is told.
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/scheduler/scheduler.h"

namespace rubato {
namespace {

// Processes are named by letters. What is told to each of one shard and two workers is a line:
// "a: seat 0, life 2", "a: not in the fleet", "a: refused, SENTENCE".
class SchedulerSeatsTest : public ::testing::Test {
 protected:
  SchedulerSeatsTest() {
    options_.job.tables.resize(1);
    options_.job.last_clock = Clock(100);
    options_.job.places = 1;
    options_.job.seats = 2;
    scheduler_.emplace(options_, Scheduler::FirstState(options_.job), now_);
  }
  // As a new life: under a nonce of its own.
  void Hello(char process, Role role, uint32_t index) {
    nonce_of_[process] = Nonce(++nonces_);
    HelloAgain(process, role, index);
  }
  void HelloAgain(char process, Role role, uint32_t index) {
    rubato::Hello hello;
    hello.role = role;
    hello.index = index;
    hello.job_fingerprint = options_.job.Fingerprint();
    hello.process = Nonce(static_cast<uint64_t>(process));
    SchedulerOutput out;
    scheduler_->Receive(now_, nonce_of_[process], hello, &out);
    Hear(process, out);
    Report();
  }
  // A sign of life in the name of the life that it was given last.
  void Beat(char process) {
    Heartbeat beat;
    beat.life = life_of_[process];
    beat.generation = scheduler_->view().generation;
    SchedulerOutput out;
    scheduler_->Receive(now_, nonce_of_[process], beat, &out);
    Hear(process, out);
  }
  // The shard has the newest view.
  void Report() {
    const View& view = scheduler_->view();
    if (view.shards[0].life == kNoLife) return;
    ShardReport report;
    report.life = view.shards[0].life;
    report.generation = view.generation;
    report.seen = view.version;
    for (const MemberEntry& member : view.members) {
      (member.start ? report.positions : report.pending).push_back({member.life, Clock(0)});
    }
    for (const SealedEntry& sealed : view.sealed) {
      report.positions.push_back({sealed.life, Clock(0)});
    }
    SchedulerOutput out;
    scheduler_->Receive(now_, view.shards[0].nonce, report, &out);
  }
  void StartAgain(SchedulerState state) {
    scheduler_.emplace(options_, std::move(state), now_);
    Report();
  }
  void Hear(char process, const SchedulerOutput& out) {
    for (const Envelope& envelope : out.messages) {
      if (envelope.to != nonce_of_[process]) continue;
      if (const auto* error = std::get_if<ErrorReply>(&envelope.message)) {
        EXPECT_EQ(error->code, static_cast<uint32_t>(absl::StatusCode::kAlreadyExists));
        told_.push_back(absl::StrCat(std::string(1, process), ": refused, ", error->sentence));
      } else if (const auto* view = std::get_if<View>(&envelope.message)) {
        told_.push_back(absl::StrCat(std::string(1, process), ": ", SeenIn(*view, process)));
      }
    }
  }
  std::string SeenIn(const View& view, char process) {
    for (const MemberEntry& member : view.members) {
      if (member.nonce != nonce_of_[process]) continue;
      life_of_[process] = member.life;
      return absl::StrCat("seat ", member.seat.value(), ", life ", member.life.value());
    }
    for (const ShardEntry& shard : view.shards) {
      if (shard.nonce == nonce_of_[process])
        return absl::StrCat("place, life ", shard.life.value());
    }
    return "not in the fleet";
  }
  std::vector<std::string> Told() { return std::exchange(told_, {}); }

  using Lines = std::vector<std::string>;
  Instant now_;
  SchedulerOptions options_;
  std::optional<Scheduler> scheduler_;
  std::map<char, Nonce> nonce_of_;
  std::map<char, Life> life_of_;
  uint64_t nonces_ = 10;
  std::vector<std::string> told_;
};

TEST_F(SchedulerSeatsTest, TheSeatOfALivingProcessGoesToTheNewOneForGood) {
  Hello('s', Role::kShard, 0);
  Hello('a', Role::kWorker, 0);
  Hello('b', Role::kWorker, 0);
  Beat('b');
  Beat('a');                     // it learns that its life is over
  Hello('a', Role::kWorker, 0);  // and wants another
  HelloAgain('b', Role::kWorker, 0);
  EXPECT_EQ(Told(), (Lines{"s: place, life 1", "a: seat 0, life 2", "b: seat 0, life 3",
                           "a: not in the fleet",
                           "a: refused, a newer process has taken seat 0: nothing is left for this "
                           "one to do",
                           "b: seat 0, life 3"}));
  EXPECT_TRUE(scheduler_->Superseded(Nonce('a')));
  EXPECT_FALSE(scheduler_->Superseded(Nonce('b')));
}

// It was never told of its life, so its nonce is all that it knows of itself.
TEST_F(SchedulerSeatsTest, WhoNeverHeardOfItsLifeIsRefusedAsWell) {
  Hello('s', Role::kShard, 0);
  Hello('a', Role::kWorker, 0);
  Hello('b', Role::kWorker, 0);
  Beat('b');
  Told();
  HelloAgain('a', Role::kWorker, 0);
  EXPECT_EQ(Told(), (Lines{"a: refused, a newer process has taken seat 0: nothing is left for this "
                           "one to do"}));
}

// The Hello of a process that has died since, or that came late: it costs the living one a life,
// and the seat is its own again. Once somebody newer answers both are over, whoever started the
// scheduler last.
TEST_F(SchedulerSeatsTest, OneThatNeverAnswersIsNobodysSuccessor) {
  Hello('s', Role::kShard, 0);
  Hello('a', Role::kWorker, 0);
  Hello('b', Role::kWorker, 0);
  Beat('a');
  Hello('a', Role::kWorker, 0);
  Beat('a');  // it came before b, and makes nobody's end
  StartAgain(scheduler_->state());
  Hello('c', Role::kWorker, 0);
  Beat('c');
  EXPECT_EQ(Told(), (Lines{"s: place, life 1", "a: seat 0, life 2", "b: seat 0, life 3",
                           "a: not in the fleet", "a: seat 0, life 4", "c: seat 0, life 5"}));
  for (const char process : {'a', 'b'}) {
    EXPECT_TRUE(scheduler_->Superseded(Nonce(static_cast<uint64_t>(process))));
  }
  EXPECT_FALSE(scheduler_->Superseded(Nonce('c')));
}

TEST_F(SchedulerSeatsTest, OfStrangersThatNeverAnswerFewAreRemembered) {
  Hello('s', Role::kShard, 0);
  for (char process = 'A'; process <= 'Z'; ++process) Hello(process, Role::kWorker, 0);
  EXPECT_EQ(scheduler_->state().contenders.size(), 16u);
  Beat('Z');
  EXPECT_EQ(scheduler_->state().contenders.size(), 1u);
  EXPECT_EQ(scheduler_->state().superseded.size(), 15u);
}

TEST_F(SchedulerSeatsTest, AProcessThatWasEvictedComesBackIfNobodyCameMeanwhile) {
  Hello('s', Role::kShard, 0);
  Hello('a', Role::kWorker, 0);
  now_ = now_ + Duration::Millis(10);
  for (int i = 0; i < 2000 && !scheduler_->view().members.empty(); ++i) {
    now_ = now_ + Duration::Millis(20);
    SchedulerOutput out;
    scheduler_->Tick(now_, &out);
  }
  Beat('a');
  Hello('a', Role::kWorker, 0);
  EXPECT_EQ(Told(), (Lines{"s: place, life 1", "a: seat 0, life 2", "a: not in the fleet",
                           "a: seat 0, life 3"}));
}

// Also the one that was evicted in the meantime, and whoever comes when the newer one is gone.
TEST_F(SchedulerSeatsTest, AnEmptySeatIsNotTheOldProcesssEither) {
  Hello('s', Role::kShard, 0);
  Hello('a', Role::kWorker, 0);
  Hello('b', Role::kWorker, 0);
  Beat('b');
  for (int i = 0; i < 2000 && !scheduler_->view().members.empty(); ++i) {
    now_ = now_ + Duration::Millis(20);
    SchedulerOutput out;
    scheduler_->Tick(now_, &out);
  }
  Told();
  Hello('a', Role::kWorker, 0);
  Hello('b', Role::kWorker, 0);
  Hello('c', Role::kWorker, 0);
  Beat('c');
  Hello('b', Role::kWorker, 0);
  EXPECT_EQ(Told(), (Lines{"a: refused, a newer process has taken seat 0: nothing is left for this "
                           "one to do",
                           "b: seat 0, life 4", "c: seat 0, life 5",
                           "b: refused, a newer process has taken seat 0: nothing is left for this "
                           "one to do"}));
}

TEST_F(SchedulerSeatsTest, ASchedulerThatStartsAgainKnowsThemStill) {
  Hello('s', Role::kShard, 0);
  Hello('a', Role::kWorker, 1);
  Hello('b', Role::kWorker, 1);
  Beat('b');
  Told();
  StartAgain(scheduler_->state());
  Hello('a', Role::kWorker, 1);
  EXPECT_EQ(Told(), (Lines{"a: refused, a newer process has taken seat 1: nothing is left for this "
                           "one to do"}));
}

// As when a node is lost, its job is queued again, and what lives on there finds the next fleet.
TEST_F(SchedulerSeatsTest, InTheNextFleetTheOldProcessHasTheSeatUntilTheNewOneComes) {
  Hello('s', Role::kShard, 0);
  Hello('a', Role::kWorker, 0);
  StartAgain(Scheduler::ResumedState(scheduler_->state(), 1));
  Told();
  Hello('t', Role::kShard, 0);
  Hello('a', Role::kWorker, 0);
  Hello('b', Role::kWorker, 0);
  Beat('b');
  Beat('a');
  Hello('a', Role::kWorker, 0);
  EXPECT_EQ(Told(), (Lines{"t: place, life 3", "a: seat 0, life 4", "b: seat 0, life 5",
                           "a: not in the fleet",
                           "a: refused, a newer process has taken seat 0: nothing is left for this "
                           "one to do"}));
}

}  // namespace
}  // namespace rubato
