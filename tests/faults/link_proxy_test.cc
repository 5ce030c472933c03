// The proxy of tests/chaos does what it is asked for, and no more: with connections of this host,
// and a time that the test holds.
#include "tests/faults/link_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "gtest/gtest.h"

namespace rubato {
namespace {

constexpr const char* kHost = "127.0.0.1";
constexpr int kMostSteps = 3000;  // of 10 ms: of a test that fails
constexpr int kFewSteps = 20;     // enough for what may pass to pass

sockaddr_in At(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, kHost, &address.sin_addr);
  return address;
}

class LinkProxyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    sockaddr_in address = At(0);
    socklen_t size = sizeof(address);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    listen(listener_, 8);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = proxy_.Open({"group", kHost, kHost, ntohs(address.sin_port), 1}).value();
  }
  void TearDown() override {
    for (const int file : {listener_, client_, server_}) close(file);
  }

  void Connect() {
    client_ = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = At(port_);
    ASSERT_EQ(connect(client_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  // A link that stands.
  void Link() {
    ASSERT_NO_FATAL_FAILURE(Connect());
    StepUntil([this] { return proxy_.Count()["group"] == 1; });
    server_ = accept(listener_, nullptr, nullptr);
  }
  void Step() {
    std::vector<pollfd> files;
    proxy_.Await(&files);
    poll(files.data(), files.size(), 10);
    proxy_.Step(now_, files);
  }
  template <typename Condition>
  void StepUntil(Condition condition) {
    for (int i = 0; i < kMostSteps && !condition(); ++i) Step();
    ASSERT_TRUE(condition());
  }
  // What has come, after a few steps; then `end` is "open", "end", or "reset".
  std::string Heard(int file) {
    for (int i = 0; i < kFewSteps; ++i) Step();
    std::string all;
    for (;;) {
      char bytes[4096];
      const ssize_t size = recv(file, bytes, sizeof(bytes), MSG_DONTWAIT);
      end_ = size == 0 ? "end" : size > 0 || errno == EAGAIN ? "open" : "reset";
      if (size <= 0) return all;
      all.append(bytes, static_cast<size_t>(size));
    }
  }
  static void Say(int file, const std::string& words) {
    ASSERT_EQ(send(file, words.data(), words.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(words.size()));
  }
  void SetBend(Bend bend) {
    bend.until = now_ + Duration::Seconds(100);
    proxy_.SetBend({"group"}, bend);
  }

  const int listener_ = socket(AF_INET, SOCK_STREAM, 0);
  int client_ = -1, server_ = -1;
  LinkProxy proxy_;
  uint16_t port_ = 0;
  Instant now_ = Instant::FromNanos(1'000'000'000);
  std::string end_;
};

TEST_F(LinkProxyTest, PassesAllBothWays) {
  ASSERT_NO_FATAL_FAILURE(Link());
  Say(client_, "to");
  Say(server_, "back");
  EXPECT_EQ(Heard(server_), "to");
  EXPECT_EQ(Heard(client_), "back");
  EXPECT_EQ(end_, "open");
  shutdown(client_, SHUT_WR);
  EXPECT_EQ(Heard(server_), "");
  EXPECT_EQ(end_, "end");
  EXPECT_EQ(proxy_.Count()["group"], 0);
}

TEST_F(LinkProxyTest, WhatIsHeldInOneDirectionPassesOnceItIsOver) {
  ASSERT_NO_FATAL_FAILURE(Link());
  SetBend({.until = {}, .delay = {}, .holds = {true, false}});
  Say(client_, "to");
  Say(server_, "back");
  EXPECT_EQ(Heard(client_), "back");
  EXPECT_EQ(Heard(server_), "");
  now_ = now_ + Duration::Seconds(101);
  EXPECT_EQ(Heard(server_), "to");
  EXPECT_EQ(end_, "open");
}

TEST_F(LinkProxyTest, LateBytesAreLateAndInOrder) {
  ASSERT_NO_FATAL_FAILURE(Link());
  SetBend({.until = {}, .delay = Duration::Seconds(5)});
  Say(client_, "first ");
  EXPECT_EQ(Heard(server_), "");
  now_ = now_ + Duration::Seconds(4);
  Say(client_, "second");
  EXPECT_EQ(Heard(server_), "");
  now_ = now_ + Duration::Seconds(1);
  EXPECT_EQ(Heard(server_), "first ");
  now_ = now_ + Duration::Seconds(4);
  EXPECT_EQ(Heard(server_), "second");
}

TEST_F(LinkProxyTest, ANarrowLinkPassesWhatItsRateAllows) {
  ASSERT_NO_FATAL_FAILURE(Link());
  SetBend({.until = {}, .delay = {}, .bytes_per_second = 1024});
  Say(client_, std::string(5000, 'x'));
  EXPECT_EQ(Heard(server_).size(), 2048u);
  now_ = now_ + Duration::Seconds(1);
  EXPECT_EQ(Heard(server_).size(), 0u);
  now_ = now_ + Duration::Seconds(1);
  EXPECT_EQ(Heard(server_).size(), 2048u);
  now_ = now_ + Duration::Seconds(2);
  EXPECT_EQ(Heard(server_).size(), 904u);
}

TEST_F(LinkProxyTest, AMessageThatIsCutShortEndsWithinAndTheLinkWithIt) {
  ASSERT_NO_FATAL_FAILURE(Link());
  Say(client_, "whole");
  EXPECT_EQ(Heard(server_), "whole");
  EXPECT_EQ(proxy_.Truncate({"group"}, 0, 7), 1);
  Say(client_, std::string(1000, 'x'));
  const std::string heard = Heard(server_);
  EXPECT_GE(heard.size(), 1u);
  EXPECT_LT(heard.size(), 1000u);
  EXPECT_NE(end_, "open");
  EXPECT_EQ(proxy_.Count()["group"], 0);
}

TEST_F(LinkProxyTest, AResetIsNoOrderlyEnd) {
  ASSERT_NO_FATAL_FAILURE(Link());
  EXPECT_EQ(proxy_.Reset({"another"}), 0);
  EXPECT_EQ(proxy_.Reset({"group"}), 1);
  EXPECT_EQ(Heard(client_), "");
  EXPECT_EQ(end_, "reset");
  EXPECT_EQ(Heard(server_), "");
  EXPECT_EQ(end_, "reset");
}

TEST_F(LinkProxyTest, NobodyIsLetInWhileConnectionsAreRefused) {
  SetBend({.until = {}, .delay = {}, .refuses = true});
  Step();
  ASSERT_NO_FATAL_FAILURE(Connect());
  EXPECT_EQ(Heard(client_), "");
  EXPECT_EQ(end_, "reset");
  close(client_);
  now_ = now_ + Duration::Seconds(101);
  ASSERT_NO_FATAL_FAILURE(Link());
}

}  // namespace
}  // namespace rubato
