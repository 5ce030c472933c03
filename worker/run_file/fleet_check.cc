#include "worker/run_file/fleet_check.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/base/limits.h"
#include "common/base/status.h"

namespace rubato {
namespace {

constexpr size_t kMaxHost = 253;  // RFC 1035
constexpr int kMaxPort = 65535;

// As far as it can be told without asking the network.
bool IsHostOrInterface(const std::string& text) {
  const auto fits = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_' ||
           c == ':' || c == '%';
  };
  return !text.empty() && text.size() <= kMaxHost && text[0] != '-' &&
         std::all_of(text.begin(), text.end(), fits);
}

bool IsRangeOfPorts(const std::string& text) {
  const std::vector<std::string> ends = absl::StrSplit(text, '-');
  int first = 0;
  int last = 0;
  return ends.size() == 2 && absl::SimpleAtoi(ends[0], &first) &&
         absl::SimpleAtoi(ends[1], &last) && 0 < first && first <= last && last <= kMaxPort;
}

absl::Status CheckHost(const FleetConfig& fleet, const KeyLocator& locate) {
  if (!IsHostOrInterface(fleet.host) || fleet.host == "0.0.0.0" || fleet.host == "::") {
    return BadKey(
        locate("fleet.host"),
        absl::StrFormat("fleet.host '%s' is no host that others could connect to; give an "
                        "address, or fleet.interface",
                        fleet.host));
  }
  if (fleet.interface.empty() || IsHostOrInterface(fleet.interface)) return absl::OkStatus();
  return BadKey(locate("fleet.interface"),
                absl::StrFormat("fleet.interface '%s' is no interface; give its name, as in "
                                "\"eth0\"",
                                fleet.interface));
}

absl::Status CheckPorts(const FleetConfig& fleet, const KeyLocator& locate) {
  if (!fleet.ports.empty() && !IsRangeOfPorts(fleet.ports)) {
    return BadKey(locate("fleet.ports"),
                  absl::StrFormat("fleet.ports '%s' is no range of ports; write it as in "
                                  "\"7000-7100\"",
                                  fleet.ports));
  }
  if (fleet.transport != "ipc") return absl::OkStatus();
  const std::pair<const char*, bool> of_tcp[] = {{"port", fleet.port != 0},
                                                 {"ports", !fleet.ports.empty()},
                                                 {"interface", !fleet.interface.empty()}};
  for (const auto& [key, is_given] : of_tcp) {
    if (!is_given) continue;
    return BadKey(locate(absl::StrCat("fleet.", key)),
                  absl::StrFormat("fleet.%s has no meaning with fleet.transport = \"ipc\"; use "
                                  "\"tcp\", or leave it out",
                                  key));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckFleet(const FleetConfig& fleet, const KeyLocator& locate) {
  RETURN_IF_ERROR(CheckHost(fleet, locate));
  RETURN_IF_ERROR(CheckPorts(fleet, locate));
  if (fleet.servers * fleet.shards_per_server > static_cast<int64_t>(kMaxPlaces)) {
    return BadKey(
        locate("fleet.shards_per_server"),
        absl::StrFormat("fleet.servers = %d of fleet.shards_per_server = %d are %d shards; "
                        "%d is the most",
                        fleet.servers, fleet.shards_per_server,
                        fleet.servers * fleet.shards_per_server, kMaxPlaces));
  }
  return absl::OkStatus();
}

}  // namespace rubato
