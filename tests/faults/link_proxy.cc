#include "tests/faults/link_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "common/base/status.h"

namespace rubato {
namespace {

constexpr size_t kMostQueued = 256u << 10;  // of one direction: then its sender has to wait
constexpr size_t kReadBytes = 64u << 10;
constexpr size_t kNarrowWriteBytes = 2048;  // at a time, where a rate is kept
constexpr int kPortTries = 200;

sockaddr_in AddressOf(const std::string& host, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return address;
}

int NewSocket() { return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

// -1: the port is in use.
int ListenOn(const std::string& host, uint16_t port) {
  const int file = NewSocket();
  const sockaddr_in address = AddressOf(host, port);
  if (bind(file, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      listen(file, SOMAXCONN) == 0) {
    return file;
  }
  close(file);
  return -1;
}

uint16_t PortOf(int file) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  getsockname(file, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

// `count` listeners on neighbouring ports; empty if there are none.
std::vector<int> ListenSideBySide(const std::string& host, uint16_t count) {
  for (int i = 0; i < kPortTries; ++i) {
    std::vector<int> files = {ListenOn(host, 0)};
    if (files[0] < 0) return {};
    const uint16_t first = PortOf(files[0]);
    while (files.back() >= 0 && files.size() < count) {
      files.push_back(ListenOn(host, static_cast<uint16_t>(first + files.size())));
    }
    if (files.back() >= 0) return files;
    for (const int file : files) close(file);
  }
  return {};
}

// Begins to connect; -1: it cannot even begin. `from`: the host that it comes from, "" for any.
int BeginConnection(const std::string& from, const std::string& host, uint16_t port) {
  const int file = NewSocket();
  if (file < 0) return -1;
  const sockaddr_in source = AddressOf(from, 0);
  if (!from.empty()) bind(file, reinterpret_cast<const sockaddr*>(&source), sizeof(source));
  const sockaddr_in address = AddressOf(host, port);
  if (connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
      errno == EINPROGRESS) {
    return file;
  }
  close(file);
  return -1;
}

void DoNotWaitForMore(int file) {
  const int on = 1;
  setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

// With a reset, not with an orderly end.
void CloseHard(int file) {
  const linger hard{.l_onoff = 1, .l_linger = 0};
  setsockopt(file, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  close(file);
}

}  // namespace

LinkProxy::~LinkProxy() {
  for (const Listener& listener : listeners_) close(listener.file);
  for (const Link& link : links_) Close(link, true);
  for (const Flooder& flooder : flooders_) close(flooder.file);
}

absl::StatusOr<uint16_t> LinkProxy::Open(const ProxyRoute& route) {
  const std::vector<int> files = ListenSideBySide(route.listen_host, route.ports);
  if (files.empty()) {
    return absl::UnavailableError(absl::StrCat("no free ports on ", route.listen_host));
  }
  std::erase_if(listeners_, [&](const Listener& listener) {
    if (listener.group == route.group) close(listener.file);
    return listener.group == route.group;
  });
  for (size_t i = 0; i < files.size(); ++i) {
    listeners_.push_back(
        {route.group, route.to_host, static_cast<uint16_t>(route.to_port + i), files[i]});
  }
  return PortOf(files[0]);
}

std::map<std::string, int> LinkProxy::Count() const {
  std::map<std::string, int> count;
  for (const Link& link : links_) count[link.group] += link.connected ? 1 : 0;
  return count;
}

void LinkProxy::SetBend(const Groups& groups, const Bend& bend) {
  for (const std::string& group : groups) bends_[group] = bend;
}

int LinkProxy::Reset(const Groups& groups) {
  return static_cast<int>(std::erase_if(links_, [&](const Link& link) {
    if (groups.contains(link.group)) Close(link, true);
    return groups.contains(link.group);
  }));
}

int LinkProxy::Truncate(const Groups& groups, size_t direction, uint64_t drawn) {
  uint64_t count = 0;
  for (Link& link : links_) {
    if (!groups.contains(link.group)) continue;
    link.ways[direction].truncate = MixBits(drawn + ++count) | 1;
  }
  return static_cast<int>(count);
}

int LinkProxy::Flood(const std::string& host, uint16_t port, int connections, Instant until) {
  int opened = 0;
  for (int i = 0; i < connections; ++i) {
    const int file = BeginConnection("", host, port);
    if (file < 0) break;
    flooders_.push_back({file, until});
    ++opened;
  }
  return opened;
}

// Bytes -------------------------------------------------------------------------------------------

const Bend* LinkProxy::BendOf(const std::string& group) const {
  const auto bend = bends_.find(group);
  return bend != bends_.end() && bend->second.Lasts(now_) ? &bend->second : nullptr;
}

bool LinkProxy::MayRead(const Link& link, size_t direction) const {
  const Way& way = link.ways[direction];
  const Bend* bend = BendOf(link.group);
  const bool holds = bend != nullptr && bend->holds[direction];
  return link.connected && !way.ended && !holds && way.queued < kMostQueued;
}

bool LinkProxy::MayWrite(const Link& link, size_t direction) const {
  const Way& way = link.ways[direction];
  const Bend* bend = BendOf(link.group);
  const bool holds = bend != nullptr && bend->holds[direction];
  const bool free = bend == nullptr || bend->bytes_per_second == 0 || way.free_at <= now_;
  return link.connected && !holds && free && !way.queue.empty() && way.queue.front().due <= now_;
}

// False: the link is over.
bool LinkProxy::Read(Link* link, size_t direction) {
  Way& way = link->ways[direction];
  std::string bytes(kReadBytes, '\0');
  const ssize_t size = recv(link->files[direction], bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  way.ended = size == 0;
  bytes.resize(static_cast<size_t>(size));
  if (way.truncate != 0 && size > 1) {
    bytes.resize(1 + way.truncate % (static_cast<uint64_t>(size) - 1));
    way.ended = true;
  }
  const Bend* bend = BendOf(link->group);
  if (bytes.empty()) return true;
  way.queued += bytes.size();
  way.queue.push_back({now_ + (bend == nullptr ? Duration() : bend->delay), std::move(bytes)});
  return true;
}

bool LinkProxy::Write(Link* link, size_t direction) {
  Way& way = link->ways[direction];
  const Bend* bend = BendOf(link->group);
  const int64_t rate = bend == nullptr ? 0 : bend->bytes_per_second;
  std::string& bytes = way.queue.front().bytes;
  const size_t most = rate > 0 ? std::min(bytes.size(), kNarrowWriteBytes) : bytes.size();
  const ssize_t sent =
      send(link->files[1 - direction], bytes.data(), most, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  if (rate > 0) way.free_at = now_ + Duration::Nanos(sent * 1'000'000'000 / rate);
  way.queued -= static_cast<size_t>(sent);
  bytes.erase(0, static_cast<size_t>(sent));
  if (bytes.empty()) way.queue.pop_front();
  return true;
}

// False: the link is over, with one of its directions.
bool LinkProxy::Pump(Link* link) {
  if (!link->connected) {
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(link->files[1], SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return false;
    link->connected = true;
  }
  for (const size_t direction : {0u, 1u}) {
    if (MayRead(*link, direction) && !Read(link, direction)) return false;
    if (MayWrite(*link, direction) && !Write(link, direction)) return false;
    const Way& way = link->ways[direction];
    if (way.ended && way.queue.empty()) return false;
  }
  return true;
}

void LinkProxy::Close(const Link& link, bool reset) {
  for (const int file : link.files) reset ? CloseHard(file) : static_cast<void>(close(file));
}

void LinkProxy::Accept(const Listener& listener) {
  const int file = accept4(listener.file, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (file < 0) return;
  const Bend* bend = BendOf(listener.group);
  sockaddr_in here{};
  socklen_t size = sizeof(here);
  getsockname(file, reinterpret_cast<sockaddr*>(&here), &size);
  char host[INET_ADDRSTRLEN] = "";
  inet_ntop(AF_INET, &here.sin_addr, host, sizeof(host));
  const int onward = bend != nullptr && bend->refuses
                         ? -1
                         : BeginConnection(host, listener.to_host, listener.to_port);
  if (onward < 0) return CloseHard(file);
  DoNotWaitForMore(file);
  DoNotWaitForMore(onward);
  links_.push_back({.group = listener.group, .files = {file, onward}, .ways = {}});
}

// The loop ----------------------------------------------------------------------------------------

void LinkProxy::Await(std::vector<pollfd>* files) const {
  for (const Listener& listener : listeners_) files->push_back({listener.file, POLLIN, 0});
  for (const Link& link : links_) {
    for (const size_t side : {0u, 1u}) {
      const bool reads = MayRead(link, side);
      const bool writes = MayWrite(link, 1 - side) || (side == 1 && !link.connected);
      const int events = (reads ? POLLIN : 0) | (writes ? POLLOUT : 0);
      // A negative file is not looked at: of what is held nothing is to be noticed, no end either.
      files->push_back({events == 0 ? -1 : link.files[side], static_cast<short>(events), 0});
    }
  }
}

int LinkProxy::Patience() const {
  const auto waits = [this](const Link& link) {
    return BendOf(link.group) != nullptr || !link.ways[0].queue.empty() ||
           !link.ways[1].queue.empty();
  };
  return std::ranges::any_of(links_, waits) || !flooders_.empty() ? 1 : 100;
}

void LinkProxy::Step(Instant now, const std::vector<pollfd>& files) {
  now_ = now;
  size_t at = 0;
  std::vector<const Listener*> asked;
  for (const Listener& listener : listeners_) {
    if (files[at++].revents != 0) asked.push_back(&listener);
  }
  std::erase_if(links_, [&](Link& link) {
    const bool moves = files[at].revents != 0 || files[at + 1].revents != 0;
    at += 2;
    if (!moves && !MayWrite(link, 0) && !MayWrite(link, 1)) return false;
    if (Pump(&link)) return false;
    Close(link, false);
    return true;
  });
  for (const Listener* listener : asked) Accept(*listener);
  std::erase_if(flooders_, [this](const Flooder& flooder) {
    if (flooder.until <= now_) close(flooder.file);
    return flooder.until <= now_;
  });
}

}  // namespace rubato
