#include "common/wire/listening.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "common/base/host_names.h"
#include "common/base/status.h"
#include "common/wire/address.h"

namespace rubato {
namespace {

bool IsIpv6Number(const std::string& number) { return absl::StrContains(number, ':'); }

bool IsLoopbackNumber(const std::string& number) {
  return number == "::1" || absl::StartsWith(number, "127.");
}

// Of one that ZeroMQ takes as it is.
Binding AsItIs(const std::string& address) { return {address, "", IsIpv6(address)}; }

absl::Status NotKnown(const std::string& address, const std::string& name,
                      const absl::Status& why) {
  return {absl::IsUnavailable(why) ? absl::StatusCode::kUnavailable
                                   : absl::StatusCode::kInvalidArgument,
          absl::StrFormat("cannot listen on %s: %s is no interface of this host, and no name that "
                          "it knows (%s); enter it in /etc/hosts or DNS, or give an address or "
                          "interface of this host",
                          address, name, why.message())};
}

absl::Status OfAnother(const std::string& address, const std::string& name,
                       const std::vector<std::string>& numbers) {
  return absl::InvalidArgumentError(absl::StrFormat(
      "cannot listen on %s: %s is %s, which is no address of this host; listen on one of its "
      "addresses or interfaces, and say --advertise %s if others reach it by that name",
      address, name, absl::StrJoin(numbers, ", "), name));
}

}  // namespace

NameLookup LookupOfThisHost() { return {ResolveHost, IsOwnAddress, IsInterface}; }

absl::StatusOr<Binding> BindingOf(const std::string& address, const NameLookup& lookup) {
  const std::string name = NameIn(address);
  // That one is loopback by what it means everywhere, and may do without keys.
  if (name == "localhost") return AsItIs(WithHost(address, "127.0.0.1"));
  if (name.empty() || lookup.is_interface(name)) return AsItIs(address);
  const absl::StatusOr<std::vector<std::string>> numbers = lookup.resolve(name);
  if (!numbers.ok()) return NotKnown(address, name, numbers.status());
  if (std::any_of(numbers->begin(), numbers->end(), IsLoopbackNumber)) {
    return Binding{WithHost(address, "*"), name, true};
  }
  std::vector<std::string> own;
  std::copy_if(numbers->begin(), numbers->end(), std::back_inserter(own), lookup.is_own);
  if (own.empty()) return OfAnother(address, name, *numbers);
  if (own.size() > 1) return Binding{WithHost(address, "*"), name, true};
  return Binding{WithHost(address, own[0]), name, IsIpv6Number(own[0])};
}

absl::StatusOr<bool> NeedsIpv6(const std::string& address, const NameLookup& lookup) {
  const std::string name = NameIn(address);
  if (name.empty()) return IsIpv6(address);
  ASSIGN_OR_RETURN(const std::vector<std::string> numbers, lookup.resolve(name));
  return IsIpv6Number(numbers[0]);  // IPv4 is first, where there is one
}

}  // namespace rubato
