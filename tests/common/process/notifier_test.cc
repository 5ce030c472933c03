// What a service manager hears, through real sockets.
#include "common/process/notifier.h"

#include <unistd.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/common/process/listening_socket.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

constexpr int64_t kPid = 77;

Environment In(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

using Heard = std::vector<std::string>;

Instant At(double seconds) { return Instant() + Duration::Seconds(100 + seconds); }

std::unique_ptr<Notifier> Open(std::map<std::string, std::string> variables) {
  auto notifier = Notifier::Open(In(std::move(variables)), kPid);
  EXPECT_TRUE(notifier.ok()) << notifier.status();
  return *std::move(notifier);
}

void CheckTold(const std::string& name) {
  const ListeningSocket manager(name);
  const auto notifier = Open({{"NOTIFY_SOCKET", name}});
  notifier->Ready();
  notifier->Stopping("");
  notifier->Stopping("the fleet\nis gone");
  EXPECT_EQ(manager.Heard(),
            (Heard{"READY=1", "STOPPING=1", "STOPPING=1\nSTATUS=the fleet is gone"}));
}

TEST(Notifier, TellsASocketWithAPath) {
  const ScratchFolder folder;
  CheckTold(folder.path() + "/notify");
}

TEST(Notifier, TellsAnAbstractSocket) { CheckTold(absl::StrCat("@rubato-notifier-", getpid())); }

TEST(Notifier, NobodyListens) {
  for (const auto& variables : {std::map<std::string, std::string>{}, {{"NOTIFY_SOCKET", ""}}}) {
    const auto notifier = Open(variables);
    notifier->Ready();
    notifier->Stopping("done");
    EXPECT_EQ(notifier->Watch(Clock(7)), nullptr);
  }
}

TEST(Notifier, ManagerIsGone) {
  const ScratchFolder folder;
  const auto notifier = Open({{"NOTIFY_SOCKET", folder.path() + "/nobody"}});
  notifier->Ready();
  notifier->Watch(Clock(7))(Clock(3));
}

class WatchdogTest : public testing::Test {
 protected:
  std::map<std::string, std::string> Variables() const {
    return {{"NOTIFY_SOCKET", name_}, {"WATCHDOG_USEC", "4000000"}};
  }
  // Times that the watchdog was fed since this was asked for last.
  int Fed() const {
    int fed = 0;
    for (const std::string& text : manager_.Heard()) fed += text == "WATCHDOG=1" ? 1 : 0;
    return fed;
  }

  const std::string name_ = absl::StrCat("@rubato-watchdog-", getpid());
  const ListeningSocket manager_{name_};
};

TEST_F(WatchdogTest, IsFedAtHalfItsTime) {
  const auto notifier = Open(Variables());
  notifier->Watch(Clock(7));
  for (int tenths = 0; tenths < 100; ++tenths) notifier->Beat(0, Clock(0), At(0.1 * tenths));
  EXPECT_EQ(Fed(), 5);
}

TEST_F(WatchdogTest, IsNotFedWhileOneThreadHangs) {
  const auto notifier = Open(Variables());
  notifier->Watch(Clock(7));
  notifier->Watch(Clock(7));
  notifier->Beat(0, Clock(0), At(0));
  EXPECT_EQ(Fed(), 0);
  notifier->Beat(1, Clock(0), At(0));
  EXPECT_EQ(Fed(), 1);
  for (int seconds = 1; seconds < 60; ++seconds) notifier->Beat(0, Clock(0), At(seconds));
  EXPECT_EQ(Fed(), 0);
  notifier->Beat(1, Clock(0), At(60));
  EXPECT_EQ(Fed(), 1);
}

TEST_F(WatchdogTest, OfAnotherProcessIsNotFed) {
  auto variables = Variables();
  variables["WATCHDOG_PID"] = absl::StrCat(kPid + 1);
  const auto notifier = Open(variables);
  notifier->Watch(Clock(7));
  for (int seconds = 0; seconds < 10; ++seconds) notifier->Beat(0, Clock(0), At(seconds));
  EXPECT_EQ(Fed(), 0);
  variables["WATCHDOG_PID"] = absl::StrCat(kPid);
  const auto own = Open(variables);
  own->Watch(Clock(7));
  own->Beat(0, Clock(0), At(0));
  EXPECT_EQ(Fed(), 1);
}

TEST_F(WatchdogTest, IsFedAgainOnceThereIsRoom) {
  const auto notifier = Open(Variables());
  notifier->Watch(Clock(7));
  int sent = 0;  // the manager takes nothing, until no more can wait
  for (; sent < 10'000; ++sent) notifier->Stopping("");
  notifier->Beat(0, Clock(0), At(0));
  EXPECT_EQ(Fed(), 0);
  notifier->Beat(0, Clock(0), At(0.1));
  EXPECT_EQ(Fed(), 1);
}

TEST(Notifier, SaysHowFarTheSlowestIs) {
  const std::string name = absl::StrCat("@rubato-status-", getpid());
  const ListeningSocket manager(name);
  const auto notifier = Open({{"NOTIFY_SOCKET", name}});
  notifier->Watch(Clock(70));
  notifier->Watch(Clock(70));
  notifier->Beat(0, Clock(9), At(0));
  EXPECT_EQ(manager.Heard(), Heard{"STATUS=clock 0 of 70"});
  notifier->Beat(1, Clock(8), At(1));
  EXPECT_EQ(manager.Heard(), Heard{});  // too soon
  notifier->Beat(0, Clock(9), At(6));
  EXPECT_EQ(manager.Heard(), Heard{"STATUS=clock 8 of 70"});
  notifier->Beat(0, Clock(10), At(12));
  EXPECT_EQ(manager.Heard(), Heard{});  // nothing new
}

TEST(Notifier, VariablesThatAreNoGood) {
  const auto sentence = [](const Environment& environment) {
    return std::string(Notifier::Open(environment, kPid).status().message());
  };
  for (const std::string& bad : {std::string("x"), std::string("/"), std::string("vsock:2:1"),
                                 "/" + std::string(107, 'x')}) {
    EXPECT_TRUE(absl::StartsWith(
        sentence(In({{"NOTIFY_SOCKET", bad}})),
        absl::StrCat("NOTIFY_SOCKET is '", bad, "': it must be the path of a socket, or @NAME")));
  }
  for (const char* bad : {"x", "0", "-1", "9223372036854775807"}) {
    EXPECT_TRUE(absl::StartsWith(
        sentence(In({{"NOTIFY_SOCKET", "@x"}, {"WATCHDOG_USEC", bad}})),
        absl::StrCat("WATCHDOG_USEC is '", bad, "', which is no number of microseconds")));
  }
}

}  // namespace
}  // namespace rubato
