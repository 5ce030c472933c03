// Runs a LinkProxy for tests/chaos until its standard input ends. On the Unix socket that its
// argument names it takes a wish a line and answers each with a line (tests/faults/links.py):
//   open GROUP LISTEN_HOST TO_HOST TO_PORT PORTS  the first port
//   count                                         "GROUP LINKS" of each group, side by side
//   bend GROUPS MS DELAY_MS BYTES_PER_S HELD      HELD: letters of "tbr": to, back, refuses
//   reset GROUPS                                  links
//   truncate GROUPS DIRECTION DRAWN               links
//   flood HOST PORT CONNECTIONS MS                connections
// GROUPS are names with commas between.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/faults/link_proxy.h"

namespace rubato {
namespace {

std::string Open(std::istringstream* words, LinkProxy* proxy) {
  ProxyRoute route;
  *words >> route.group >> route.listen_host >> route.to_host >> route.to_port >> route.ports;
  const absl::StatusOr<uint16_t> port = proxy->Open(route);
  return port.ok() ? absl::StrCat(*port) : std::string(port.status().message());
}

std::string Count(const LinkProxy& proxy) {
  std::string text;
  for (const auto& [group, links] : proxy.Count()) absl::StrAppend(&text, group, " ", links, " ");
  return text;
}

std::string SetBend(const LinkProxy::Groups& groups, std::istringstream* words, LinkProxy* proxy) {
  int64_t ms = 0, delay_ms = 0;
  Bend bend;
  std::string held;
  *words >> ms >> delay_ms >> bend.bytes_per_second >> held;
  bend.until = MonotonicNow() + Duration::Millis(ms);
  bend.delay = Duration::Millis(delay_ms);
  bend.holds = {held.find('t') != std::string::npos, held.find('b') != std::string::npos};
  bend.refuses = held.find('r') != std::string::npos;
  proxy->SetBend(groups, bend);
  return absl::StrCat(groups.size());
}

std::string Flood(std::istringstream* words, LinkProxy* proxy) {
  std::string host;
  uint16_t port = 0;
  int connections = 0;
  int64_t ms = 0;
  *words >> host >> port >> connections >> ms;
  return absl::StrCat(proxy->Flood(host, port, connections, MonotonicNow() + Duration::Millis(ms)));
}

std::string Answer(const std::string& line, LinkProxy* proxy) {
  std::istringstream words(line);
  std::string wish;
  words >> wish;
  if (wish == "open") return Open(&words, proxy);
  if (wish == "count") return Count(*proxy);
  if (wish == "flood") return Flood(&words, proxy);
  std::string names;
  words >> names;
  const LinkProxy::Groups groups = absl::StrSplit(names, ',');
  if (wish == "bend") return SetBend(groups, &words, proxy);
  if (wish == "reset") return absl::StrCat(proxy->Reset(groups));
  size_t direction = 0;
  uint64_t drawn = 0;
  words >> direction >> drawn;
  return absl::StrCat(proxy->Truncate(groups, direction, drawn));
}

// A wish is short, and comes at once.
void Serve(int listener, LinkProxy* proxy) {
  const int client = accept(listener, nullptr, nullptr);
  if (client < 0) return;
  std::string line(1 << 16, '\0');
  const ssize_t size = recv(client, line.data(), line.size(), 0);
  if (size > 0) {
    const std::string answer =
        absl::StrCat(Answer(line.substr(0, static_cast<size_t>(size)), proxy), "\n");
    send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
  }
  close(client);
}

int Main(const char* path) {
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener, SOMAXCONN) != 0) {
    std::perror(path);
    return 2;
  }
  LinkProxy proxy;
  for (;;) {
    std::vector<pollfd> files = {{listener, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    std::vector<pollfd> of_links;
    proxy.Await(&of_links);
    files.insert(files.end(), of_links.begin(), of_links.end());
    poll(files.data(), files.size(), proxy.Patience());
    proxy.Step(MonotonicNow(), {files.begin() + 2, files.end()});
    if (files[0].revents != 0) Serve(listener, &proxy);
    if (files[1].revents != 0) return 0;
  }
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) {
  if (argc == 2) return rubato::Main(argv[1]);
  std::fputs("usage: chaos_proxy SOCKET\n", stderr);
  return 2;
}
