#include "common/start/addresses.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace rubato {
namespace {

// An address in two variables.
struct HostAndPort {
  const char* host;
  const char* port;
};
constexpr HostAndPort kDmlcRoot = {"DMLC_PS_ROOT_URI", "DMLC_PS_ROOT_PORT"};
constexpr HostAndPort kMaster = {"MASTER_ADDR", "MASTER_PORT"};

constexpr char kDmlcInterface[] = "DMLC_INTERFACE";
constexpr char kDmlcNodeHost[] = "DMLC_NODE_HOST";

std::string TcpAddress(const std::string& host, const std::string& port) {
  const bool bare_ipv6 = absl::StrContains(host, ':') && host[0] != '[';
  return bare_ipv6 ? absl::StrCat("tcp://[", host, "]:", port)
                   : absl::StrCat("tcp://", host, ":", port);
}

// nullopt: it is not said.
absl::StatusOr<std::optional<Said>> FindHostAndPort(const Environment& environment,
                                                    const HostAndPort& names) {
  const std::optional<Said> host = FindVariable(environment, names.host);
  const std::optional<Said> port = FindVariable(environment, names.port);
  if (!host && !port) return std::nullopt;
  if (!host || !port) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s is set and %s is not: set both, or neither",
                        host ? names.host : names.port, host ? names.port : names.host));
  }
  int number = 0;
  if (!absl::SimpleAtoi(port->value, &number) || number < 1 || number > 65535) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s is '%s', which is no port: ports are 1 to 65535", names.port, port->value));
  }
  return Said{TcpAddress(host->value, absl::StrCat(number)),
              absl::StrCat(names.host, " and ", names.port)};
}

bool OnLoopback(absl::string_view address) {
  if (!absl::ConsumePrefix(&address, "tcp://")) return false;
  return absl::StartsWith(address, "127.") || absl::StartsWith(address, "localhost:") ||
         absl::StartsWith(address, "[::1]:");
}

std::string PortOf(const std::string& address) { return address.substr(address.rfind(':') + 1); }

// Of a listening address that engines name by parts. `port`: where it is not any.
std::optional<Said> FindDmlcListen(const Environment& environment, const std::string& port) {
  for (const char* name : {kDmlcInterface, kDmlcNodeHost}) {
    if (const auto host = FindVariable(environment, name)) {
      return Said{TcpAddress(host->value, port), name};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Said> FindVariable(const Environment& environment, const char* name) {
  const std::optional<std::string> value = environment(name);
  if (!value || value->empty()) return std::nullopt;
  return Said{*value, name};
}

std::optional<Said> FindFlag(const std::optional<std::string>& flag, const char* name,
                             const Environment& environment, const char* variable) {
  if (flag) return Said{*flag, name};
  return FindVariable(environment, variable);
}

absl::StatusOr<std::optional<Said>> FindScheduler(const Starter& starter,
                                                  const FleetSection& fleet) {
  const Environment& environment = starter.around.environment;
  if (starter.flags.scheduler) return Said{*starter.flags.scheduler, "--scheduler"};
  if (fleet.port > 0 && fleet.interface.empty()) {
    const std::string host = fleet.host == "localhost" ? "127.0.0.1" : fleet.host;
    return Said{TcpAddress(host, absl::StrCat(fleet.port)), "fleet.host and fleet.port"};
  }
  if (auto own = FindVariable(environment, "RUBATO_SCHEDULER")) return own;
  ASSIGN_OR_RETURN(const auto dmlc, FindHostAndPort(environment, kDmlcRoot));
  if (dmlc) return dmlc;
  return FindHostAndPort(environment, kMaster);
}

absl::Status SchedulerNotSaid() {
  return absl::InvalidArgumentError(absl::StrFormat(
      "nobody says where the scheduler is: give --scheduler, or fleet.host and fleet.port in the "
      "run file, or set RUBATO_SCHEDULER, %s and %s, or %s and %s",
      kDmlcRoot.host, kDmlcRoot.port, kMaster.host, kMaster.port));
}

std::optional<Said> FindListen(const Starter& starter, const FleetSection& fleet,
                               const std::optional<Said>& scheduler) {
  const bool schedules = starter.role == StartRole::kScheduler;
  if (starter.flags.listen) return Said{*starter.flags.listen, "--listen"};
  const std::string ports = fleet.ports.empty() ? "0" : fleet.ports;
  if (!fleet.interface.empty()) {
    const bool fixed = schedules && fleet.port > 0;
    return Said{TcpAddress(fleet.interface, fixed ? absl::StrCat(fleet.port) : ports),
                "fleet.interface"};
  }
  const Environment& environment = starter.around.environment;
  if (auto own = FindVariable(environment, "RUBATO_LISTEN")) return own;
  if (schedules) {
    if (!scheduler || !absl::StartsWith(scheduler->value, "tcp://")) return scheduler;
    auto listen = FindDmlcListen(environment, PortOf(scheduler->value));
    return listen ? listen : scheduler;
  }
  if (auto listen = FindDmlcListen(environment, ports)) return listen;
  if (!scheduler || !OnLoopback(scheduler->value)) return std::nullopt;
  return Said{TcpAddress("127.0.0.1", ports), "the scheduler is on loopback"};
}

absl::Status ListenNotSaid(StartRole role) {
  if (role == StartRole::kScheduler) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "nobody says where this scheduler listens: give --listen, or fleet.host and fleet.port in "
        "the run file, or set RUBATO_LISTEN, RUBATO_SCHEDULER, %s and %s, or %s and %s",
        kDmlcRoot.host, kDmlcRoot.port, kMaster.host, kMaster.port));
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "nobody says where this server listens: give --listen, or fleet.interface in the "
      "run file, or set RUBATO_LISTEN, %s (an interface's name) or %s",
      kDmlcInterface, kDmlcNodeHost));
}

std::optional<Said> FindAdvertise(const Starter& starter, const Said& listen) {
  const Environment& environment = starter.around.environment;
  const auto own =
      FindFlag(starter.flags.advertise, "--advertise", environment, "RUBATO_ADVERTISE");
  if (own || listen.by == kDmlcNodeHost) return own;
  const auto host = FindVariable(environment, kDmlcNodeHost);
  if (!host || !absl::StartsWith(listen.value, "tcp://")) return std::nullopt;
  const std::string port = PortOf(listen.value);
  int number = 0;  // not of a range: which of them it is will be known once it listens
  return Said{TcpAddress(host->value, absl::SimpleAtoi(port, &number) ? port : "0"), kDmlcNodeHost};
}

}  // namespace rubato
