#include "common/wire/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace rubato {
namespace {

constexpr size_t kMaxIpcPath = 107;  // sockaddr_un
constexpr size_t kMaxName = 253;     // RFC 1035
constexpr int kMaxPort = 65535;

absl::Status BadAddress(const std::string& address, const char* why) {
  return absl::InvalidArgumentError(
      absl::StrFormat("address \"%s\" %s; use ipc:///PATH or tcp://HOST:PORT", address, why));
}

struct TcpAddress {
  std::string host;  // as it stands there, with its brackets
  int first = 0;     // port
  int last = 0;      // the same, but for a range
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::optional<int> ParsePort(absl::string_view text) {
  int port = 0;
  const bool is_port = !text.empty() && text.size() <= 5 && IsDigit(text[0]) &&
                       absl::SimpleAtoi(text, &port) && port <= kMaxPort;
  return is_port ? std::optional(port) : std::nullopt;
}

// Of "tcp://HOST:PORT" or "tcp://HOST:PORT-PORT"; nothing is known of the host.
std::optional<TcpAddress> ParseTcp(absl::string_view address) {
  if (!absl::ConsumePrefix(&address, "tcp://")) return std::nullopt;
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  const std::vector<absl::string_view> ports = absl::StrSplit(address.substr(colon + 1), '-');
  const std::optional<int> first = ParsePort(ports.front());
  const std::optional<int> last = ParsePort(ports.back());
  if (ports.size() > 2 || !first || !last || *last < *first) return std::nullopt;
  if (ports.size() == 2 && *first == 0) return std::nullopt;
  return TcpAddress{std::string(address.substr(0, colon)), *first, *last};
}

bool IsBracketed(absl::string_view host) {
  return host.size() > 2 && host.front() == '[' && host.back() == ']';
}

bool IsIpv6Literal(absl::string_view host) {
  if (!IsBracketed(host)) return false;
  in6_addr parsed;
  // A link-local address has its interface behind a %.
  const std::vector<std::string> parts = absl::StrSplit(host.substr(1, host.size() - 2), '%');
  return parts.size() <= 2 && inet_pton(AF_INET6, parts[0].c_str(), &parsed) == 1;
}

bool IsIpv4Literal(const std::string& host) {
  in_addr parsed;
  return inet_pton(AF_INET, host.c_str(), &parsed) == 1;
}

bool IsName(absl::string_view host) {
  const auto fits = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
  };
  const bool digits =
      std::all_of(host.begin(), host.end(), [](char c) { return IsDigit(c) || c == '.'; });
  return !host.empty() && host.size() <= kMaxName && !digits && host[0] != '-' &&
         std::all_of(host.begin(), host.end(), fits);
}

bool IsLoopback(const std::string& host) {
  if (host == "localhost" || host == "lo" || host == "[::1]") return true;
  return IsIpv4Literal(host) && absl::StartsWith(host, "127.");
}

bool IsAnyInterface(const std::string& host) {
  return host == "*" || host == "0.0.0.0" || host == "[::]";
}

absl::Status CheckIpc(const std::string& address, absl::string_view path) {
  if (!absl::StartsWith(path, "/")) return BadAddress(address, "needs an absolute path");
  if (path.size() <= kMaxIpcPath) return absl::OkStatus();
  return BadAddress(address, "is longer than the 107 bytes a socket's path can have");
}

absl::Status CheckProtected(const std::string& address, const TcpAddress& tcp,
                            Protection protection) {
  if (IsLoopback(tcp.host) || protection == Protection::kKeys) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "address \"%s\" can be reached from other hosts, and there are no keys; make some with "
      "`rubato keygen DIR` and give --keys DIR to all processes, or use 127.0.0.1",
      address));
}

absl::Status CheckKind(const std::string& address) {
  absl::string_view rest = address;
  if (absl::ConsumePrefix(&rest, "ipc://")) return CheckIpc(address, rest);
  if (!absl::StartsWith(rest, "tcp://")) return BadAddress(address, "is of no known kind");
  const std::optional<TcpAddress> tcp = ParseTcp(rest);
  if (!tcp) return BadAddress(address, "has no port");
  if (IsIpv6Literal(tcp->host) || IsIpv4Literal(tcp->host) || IsName(tcp->host) ||
      tcp->host == "*") {
    return absl::OkStatus();
  }
  return BadAddress(address, "has no host");
}

std::string Bracketed(const std::string& host) {
  const bool bare_ipv6 = absl::StrContains(host, ':') && !IsBracketed(host);
  return bare_ipv6 ? absl::StrCat("[", host, "]") : host;
}

// What `advertise` says, with the port of `listening` where it has none.
absl::StatusOr<std::string> WithPort(const std::string& listening, const std::string& advertise) {
  if (advertise.empty()) return listening;
  std::string host = advertise;
  if (absl::StrContains(advertise, "://")) {
    const std::optional<TcpAddress> told = ParseTcp(advertise);
    if (!told || told->first != 0) return advertise;
    host = told->host;
  }
  const std::optional<TcpAddress> tcp = ParseTcp(listening);
  if (!tcp) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "\"%s\" has no port that the advertised host \"%s\" could get; listen on tcp", listening,
        host));
  }
  return absl::StrCat("tcp://", Bracketed(host), ":", tcp->first);
}

}  // namespace

absl::Status CheckListen(const std::string& address, Protection protection) {
  RETURN_IF_ERROR(CheckKind(address));
  const std::optional<TcpAddress> tcp = ParseTcp(address);
  return tcp ? CheckProtected(address, *tcp, protection) : absl::OkStatus();
}

absl::Status CheckConnect(const std::string& address, Protection protection) {
  RETURN_IF_ERROR(CheckKind(address));
  const std::optional<TcpAddress> tcp = ParseTcp(address);
  if (!tcp) return absl::OkStatus();
  if (tcp->first == 0 || tcp->first != tcp->last) {
    return BadAddress(address, "names no port that others could connect to");
  }
  if (IsAnyInterface(tcp->host)) {
    return BadAddress(address, "names no host that others could connect to");
  }
  return CheckProtected(address, *tcp, protection);
}

bool IsLocal(const std::string& address) {
  const std::optional<TcpAddress> tcp = ParseTcp(address);
  return !tcp || IsLoopback(tcp->host);
}

bool IsIpv6(const std::string& address) {
  const std::optional<TcpAddress> tcp = ParseTcp(address);
  return tcp && IsIpv6Literal(tcp->host);
}

std::string NameIn(const std::string& address) {
  const std::optional<TcpAddress> tcp = ParseTcp(address);
  return tcp && IsName(tcp->host) ? tcp->host : "";
}

std::string WithHost(const std::string& address, const std::string& host) {
  return absl::StrCat("tcp://", Bracketed(host), address.substr(address.rfind(':')));
}

std::vector<std::string> EachPort(const std::string& address) {
  const std::optional<TcpAddress> tcp = ParseTcp(address);
  if (!tcp || tcp->first == tcp->last) return {address};
  std::vector<std::string> each;
  for (int port = tcp->first; port <= tcp->last; ++port) {
    each.push_back(absl::StrCat("tcp://", tcp->host, ":", port));
  }
  return each;
}

absl::StatusOr<std::string> AdvertisedAddress(const std::string& listening,
                                              const std::string& advertise) {
  ASSIGN_OR_RETURN(const std::string address, WithPort(listening, advertise));
  absl::Status status = CheckConnect(address, Protection::kKeys);
  if (status.ok()) return address;
  if (!advertise.empty()) return status;
  return absl::InvalidArgumentError(
      absl::StrFormat("\"%s\" is no address that others can connect to; say which one is with "
                      "--advertise HOST",
                      listening));
}

std::string AddressBeside(const std::string& address, uint32_t index) {
  const std::optional<TcpAddress> tcp = ParseTcp(address);
  if (!tcp || tcp->first == 0 || tcp->first != tcp->last) return address;
  return absl::StrCat("tcp://", tcp->host, ":", int64_t{tcp->first} + index);
}

}  // namespace rubato
