// rubato-admin: orders a fleet to make a snapshot, or to stop. `rubato admin` calls it.
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "CLI/CLI.hpp"
#include "common/base/status.h"
#include "common/process/process.h"
#include "common/process/surroundings.h"
#include "common/start/addresses.h"
#include "common/wire/endpoint.h"

namespace rubato {
namespace {

constexpr Duration kWaitAtMost = Duration::Seconds(15);
constexpr Duration kTick = Duration::Millis(50);

struct Arguments {
  std::optional<std::string> scheduler;
  std::optional<std::string> keys;
  bool now = false;
};

absl::StatusOr<std::string> SchedulerOf(const Arguments& arguments, const Surroundings& around) {
  Starter starter;
  starter.flags.scheduler = arguments.scheduler;
  starter.around = around;
  ASSIGN_OR_RETURN(const std::optional<Said> said, FindScheduler(starter, FleetSection()));
  if (said) return said->value;
  return absl::InvalidArgumentError(
      "nobody says where the scheduler is: give --scheduler, or set RUBATO_SCHEDULER");
}

// nullopt: it is no answer to an order.
std::optional<absl::StatusOr<std::string>> AnswerIn(const Message& message) {
  if (const auto* reply = std::get_if<OrderReply>(&message)) {
    if (reply->accepted) return reply->sentence;
    return absl::FailedPreconditionError(reply->sentence);
  }
  if (const auto* error = std::get_if<ErrorReply>(&message)) {
    return absl::Status(static_cast<absl::StatusCode>(error->code), error->sentence);
  }
  if (std::holds_alternative<FleetEnd>(message)) {
    return absl::FailedPreconditionError("the run is over: there is nobody to order anything");
  }
  return std::nullopt;
}

// Sends it once, so that it is carried out once.
absl::StatusOr<std::string> Say(Order order, const std::string& scheduler, Endpoint* endpoint) {
  RETURN_IF_ERROR(endpoint->Connect(kSchedulerNonce, {.address = scheduler, .key = ""}));
  bool sent = false;
  const Instant until = MonotonicNow() + kWaitAtMost;
  while (MonotonicNow() < until) {
    if (!sent) sent = endpoint->Send(kSchedulerNonce, order) == SendResult::kSent;
    for (const Decoded& decoded : endpoint->Receive(kTick)) {
      if (auto answer = AnswerIn(decoded.message)) return *std::move(answer);
    }
  }
  const std::string& words = endpoint->trouble().words;
  return absl::UnavailableError(absl::StrFormat(
      "the scheduler does not answer at %s: %s", scheduler,
      words.empty() ? "it may have got the order all the same; see what the run tells" : words));
}

absl::StatusOr<std::string> Give(const Order& order, const Arguments& arguments) {
  const Surroundings around = OwnSurroundings();
  ASSIGN_OR_RETURN(const std::string scheduler, SchedulerOf(arguments, around));
  const auto folder = FindFlag(arguments.keys, "--keys", around.environment, "RUBATO_KEYS");
  ASSIGN_OR_RETURN(auto keys, FindKeys(folder ? folder->value : "", KeyRole::kAdmin));
  ASSIGN_OR_RETURN(
      const auto endpoint,
      Endpoint::Open(
          {.self = Nonce(RandomSeed() | 1), .listen = "", .peers = 1, .keys = std::move(keys)}));
  return Say(order, scheduler, endpoint.get());
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Orders to a fleet of Rubato, for who has its admin's key");
  app.require_subcommand(1);
  CLI::App* snapshot = app.add_subcommand("snapshot", "make a snapshot, and go on");
  CLI::App* stop = app.add_subcommand("stop", "stop, with a snapshot to go on from");
  for (CLI::App* verb : {snapshot, stop}) {
    verb->add_option("--scheduler", arguments.scheduler, "its address; else RUBATO_SCHEDULER");
    verb->add_option("--keys", arguments.keys,
                     "folder with admin.key and the list of keys; else RUBATO_KEYS");
  }
  stop->add_flag("--now", arguments.now, "at once, without a snapshot");
  if (const auto code = ParseCommandLine(&app, argc, argv)) return *code;
  const OrderKind what = *snapshot       ? OrderKind::kSnapshot
                         : arguments.now ? OrderKind::kStopAtOnce
                                         : OrderKind::kStop;
  const absl::StatusOr<std::string> answer = Give({.what = what, .key = ""}, arguments);
  if (answer.ok()) {
    std::printf("%s\n", answer->c_str());
    return kExitDone;
  }
  std::fprintf(stderr, "rubato-admin: %s\n", std::string(answer.status().message()).c_str());
  return ExitCode(answer.status());
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
