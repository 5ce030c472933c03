#include "bench/processes.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "common/base/status.h"

namespace rubato {

void Must(bool done, const char* what) {
  CHECK(done, absl::StrCat(what, ": ", std::strerror(errno)));
}

Child::Child(const std::function<void()>& work) : process_(fork()) {
  Must(process_ >= 0, "fork");
  if (process_ != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  work();
  _exit(0);
}

Child::~Child() { waitpid(process_, nullptr, 0); }

void Child::Kill() { kill(process_, SIGKILL); }

std::string FreeTcpAddress() {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(at);
  const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Must(file >= 0, "socket");
  Must(bind(file, reinterpret_cast<sockaddr*>(&at), size) == 0, "bind");
  Must(getsockname(file, reinterpret_cast<sockaddr*>(&at), &size) == 0, "getsockname");
  close(file);
  return absl::StrCat("tcp://127.0.0.1:", ntohs(at.sin_port));
}

AddressPipe::AddressPipe() { Must(pipe(ends_) == 0, "pipe"); }

AddressPipe::~AddressPipe() {
  close(ends_[0]);
  close(ends_[1]);
}

void AddressPipe::Send(const std::string& address) {
  Must(write(ends_[1], address.data(), address.size()) > 0, "write");
}

std::string AddressPipe::Receive() {
  char text[256];
  const ssize_t size = read(ends_[0], text, sizeof(text));
  Must(size > 0, "read");
  return std::string(text, static_cast<size_t>(size));
}

std::optional<std::string> AddressPipe::ReceiveWithin(Duration time) {
  pollfd readable{.fd = ends_[0], .events = POLLIN, .revents = 0};
  const int ready = poll(&readable, 1, static_cast<int>(time.nanos() / 1'000'000));
  Must(ready >= 0, "poll");
  if (ready == 0) return std::nullopt;
  return Receive();
}

Folder::Folder() : path_((std::filesystem::temp_directory_path() / "rubato-XXXXXX").string()) {
  Must(mkdtemp(path_.data()) != nullptr, "mkdtemp");
}

Folder::~Folder() { std::filesystem::remove_all(path_); }

}  // namespace rubato
