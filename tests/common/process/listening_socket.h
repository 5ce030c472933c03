// A service manager's end of NOTIFY_SOCKET.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace rubato {

// At `name`: a path, or @NAME.
class ListeningSocket {
 public:
  explicit ListeningSocket(const std::string& name) : socket_(socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), size), 0);
  }
  ~ListeningSocket() { close(socket_); }
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  // What has come, a datagram each.
  std::vector<std::string> Heard() const {
    std::vector<std::string> heard;
    std::array<char, 512> datagram;
    for (;;) {
      const ssize_t size = recv(socket_, datagram.data(), datagram.size(), MSG_DONTWAIT);
      if (size < 0) return heard;
      heard.emplace_back(datagram.data(), static_cast<size_t>(size));
    }
  }

 private:
  const int socket_;
};

}  // namespace rubato
