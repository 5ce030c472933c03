#include "common/wire/address.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace rubato {
namespace {

constexpr size_t kMaxIpcPath = 107;  // sockaddr_un

absl::Status BadAddress(const std::string& address, const char* why) {
  return absl::InvalidArgumentError(
      absl::StrFormat("address \"%s\" %s; use ipc:///PATH or tcp://127.0.0.1:PORT", address, why));
}

bool IsLoopback(absl::string_view host) {
  const std::vector<absl::string_view> parts = absl::StrSplit(host, '.');
  const auto is_byte = [](absl::string_view part) {
    int value = 0;
    return part.size() <= 3 && absl::SimpleAtoi(part, &value) && value >= 0 && value <= 255;
  };
  return parts.size() == 4 && parts[0] == "127" && std::all_of(parts.begin(), parts.end(), is_byte);
}

// Of a tcp address; -1: it has none.
int PortOf(absl::string_view address) {
  const size_t colon = address.rfind(':');
  int port = 0;
  const bool is_port = colon != absl::string_view::npos &&
                       absl::SimpleAtoi(address.substr(colon + 1), &port) && port >= 0 &&
                       port <= 65535;
  return is_port ? port : -1;
}

}  // namespace

absl::Status CheckAddress(const std::string& address) {
  absl::string_view rest = address;
  if (absl::ConsumePrefix(&rest, "ipc://")) {
    if (!absl::StartsWith(rest, "/")) return BadAddress(address, "needs an absolute path");
    if (rest.size() <= kMaxIpcPath) return absl::OkStatus();
    return BadAddress(address, "is longer than the 107 bytes a socket's path can have");
  }
  if (!absl::ConsumePrefix(&rest, "tcp://")) return BadAddress(address, "is of no known kind");
  if (PortOf(rest) < 0) return BadAddress(address, "has no port");
  if (IsLoopback(rest.substr(0, rest.rfind(':')))) return absl::OkStatus();
  return BadAddress(address, "is not of this host, and peers are not authenticated yet");
}

absl::Status CheckAdvertised(const std::string& address) {
  RETURN_IF_ERROR(CheckAddress(address));
  const bool any_port = absl::StartsWith(address, "tcp://") && PortOf(address) == 0;
  if (!any_port) return absl::OkStatus();
  return BadAddress(address, "names no port that others could connect to");
}

std::string AddressBeside(const std::string& address, uint32_t index) {
  const int port = absl::StartsWith(address, "tcp://") ? PortOf(address) : 0;
  if (port <= 0) return address;
  return absl::StrCat(address.substr(0, address.rfind(':') + 1), int64_t{port} + index);
}

}  // namespace rubato
