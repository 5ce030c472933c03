// What a stranger makes ZeroMQ allocate. It keeps the frames of a message until its last one is
// there, 64 bytes for each, and no option bounds how many: two bytes sent take 64 here.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "common/wire/endpoint.h"
#include "gtest/gtest.h"
#include "tests/resident_memory.h"
#include "tests/sanitizers.h"

namespace rubato {
namespace {

constexpr size_t kMore = 4 << 20;  // frames: 256 MiB there
constexpr Duration kLong = Duration::Seconds(60);

// A ZMTP 3.0 DEALER, by hand.
class Stranger {
 public:
  explicit Stranger(const std::string& address) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
    std::string greeting = "\xff" + std::string(8, '\0') + "\x7f\x03" + std::string(1, '\0');
    greeting += "NULL" + std::string(16, '\0') + std::string(32, '\0');
    Send(greeting);
    char theirs[64];
    EXPECT_EQ(recv(socket_, theirs, sizeof(theirs), MSG_WAITALL), 64);
    Send(
        std::string("\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06"
                    "DEALER",
                    30));
  }
  ~Stranger() { close(socket_); }

  void Send(const std::string& bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t now = send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      ASSERT_GT(now, 0);
      sent += static_cast<size_t>(now);
    }
  }

 private:
  const int socket_;
};

class EndpointMemoryTest : public testing::Test {
 protected:
  void SetUp() override {
#if defined(RUBATO_ASAN) || defined(RUBATO_TSAN)
    GTEST_SKIP() << "a sanitizer's allocator returns nothing";
#endif
    endpoint_ = *Endpoint::Open({.self = Nonce(11), .listen = "tcp://127.0.0.1:0"});
  }
  // Until `done`, as the loop of a process would.
  template <class Done>
  bool ReceiveUntil(Done done) {
    const Instant deadline = MonotonicNow() + kLong;
    while (!done() && MonotonicNow() < deadline) endpoint_->Receive(Duration::Millis(20));
    return done();
  }

  std::unique_ptr<Endpoint> endpoint_;
};

std::string EmptyFrames(size_t count) {
  std::string frames(2 * count, '\0');
  for (size_t i = 0; i < frames.size(); i += 2) frames[i] = 1;  // MORE
  return frames;
}

TEST_F(EndpointMemoryTest, WhatAMessageOfTooManyFramesTookIsReturned) {
  const size_t before = ResidentMib();
  Stranger stranger(endpoint_->address());
  stranger.Send(EmptyFrames(kMore) + std::string(2, '\0'));
  EXPECT_TRUE(ReceiveUntil([&] { return endpoint_->counts().refused == 1; }));
  EXPECT_TRUE(ReceiveUntil([&] { return ResidentMib() < before + 64; })) << ResidentMib();
}

TEST_F(EndpointMemoryTest, WhatAMessageThatNeverEndsTookIsReturnedWithItsConnection) {
  const size_t before = ResidentMib();
  {
    Stranger stranger(endpoint_->address());
    stranger.Send(EmptyFrames(kMore));
    EXPECT_TRUE(ReceiveUntil([&] { return ResidentMib() > before + 128; }));
  }
  EXPECT_TRUE(ReceiveUntil([&] { return ResidentMib() < before + 64; })) << ResidentMib();
}

}  // namespace
}  // namespace rubato
