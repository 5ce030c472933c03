#include "common/base/host_names.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>

namespace rubato {
namespace {

// "" where it is neither IPv4 nor IPv6.
std::string NumberOf(const sockaddr* address) {
  if (address == nullptr) return "";
  const socklen_t size = address->sa_family == AF_INET    ? sizeof(sockaddr_in)
                         : address->sa_family == AF_INET6 ? sizeof(sockaddr_in6)
                                                          : 0;
  char text[NI_MAXHOST];
  if (size == 0) return "";
  if (getnameinfo(address, size, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) != 0) return "";
  return text;
}

void AddOf(int family, const addrinfo* found, std::vector<std::string>* out) {
  for (; found != nullptr; found = found->ai_next) {
    if (found->ai_family != family) continue;
    std::string number = NumberOf(found->ai_addr);
    if (number.empty() || std::find(out->begin(), out->end(), number) != out->end()) continue;
    out->push_back(std::move(number));
  }
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ResolveHost(const std::string& name) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (error == EAI_AGAIN) return absl::UnavailableError(gai_strerror(error));
  if (error != 0) return absl::NotFoundError(gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  std::vector<std::string> addresses;
  for (const int family : {AF_INET, AF_INET6}) AddOf(family, found, &addresses);
  if (addresses.empty()) return absl::NotFoundError("it has no address");
  return addresses;
}

bool IsOwnAddress(const std::string& address) {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return false;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(all, &freeifaddrs);
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (NumberOf(one->ifa_addr) == address) return true;
  }
  return false;
}

bool IsInterface(const std::string& name) { return if_nametoindex(name.c_str()) != 0; }

}  // namespace rubato
