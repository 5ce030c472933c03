#include "common/wire/name_families.h"

#include <algorithm>

#include "common/wire/address.h"

namespace rubato {
namespace {

constexpr Duration kPause = Duration::Seconds(3);
constexpr int64_t kPauseOfLookups = 10;

}  // namespace

absl::StatusOr<bool> NameFamilies::Find(const std::string& address) {
  const std::string name = NameIn(address);
  if (name.empty()) return NeedsIpv6(address, lookup_);
  const auto known = ipv6_.find(name);
  if (known != ipv6_.end()) return known->second;
  const Instant asked = clock_();
  absl::StatusOr<bool> ipv6 = NeedsIpv6(address, lookup_);
  if (ipv6.ok()) {
    ipv6_.emplace(name, *ipv6);
    return ipv6;
  }
  const Instant answered = clock_();
  const Duration took = Duration::Nanos((answered - asked).nanos() * kPauseOfLookups);
  ask_again_at_ = answered + std::max(kPause, took);
  return ipv6;
}

}  // namespace rubato
