#include "common/wire/address.h"

#include "gtest/gtest.h"

namespace rubato {
namespace {

std::string Listen(const std::string& address, Protection protection = Protection::kKeys) {
  return std::string(CheckListen(address, protection).message());
}
std::string Connect(const std::string& address, Protection protection = Protection::kKeys) {
  return std::string(CheckConnect(address, protection).message());
}

TEST(Address, OfSeveralSideBySideTcpPortsCountUp) {
  EXPECT_EQ(AddressBeside("tcp://127.0.0.1:7000", 0), "tcp://127.0.0.1:7000");
  EXPECT_EQ(AddressBeside("tcp://[::1]:7000", 3), "tcp://[::1]:7003");
  EXPECT_EQ(AddressBeside("tcp://127.0.0.1:0", 3), "tcp://127.0.0.1:0");
  EXPECT_EQ(AddressBeside("tcp://127.0.0.1:7000-7010", 3), "tcp://127.0.0.1:7000-7010");
  EXPECT_EQ(AddressBeside("ipc:///tmp/x:1", 3), "ipc:///tmp/x:1");
  EXPECT_EQ(AddressBeside("tcp://127.0.0.1", 3), "tcp://127.0.0.1");
  EXPECT_EQ(AddressBeside("", 3), "");
  EXPECT_NE(Listen(AddressBeside("tcp://127.0.0.1:65535", 1)), "");
}

TEST(Address, WithoutKeysOnlyWhatNoOtherHostReaches) {
  for (const char* address : {"ipc:///tmp/x", "tcp://127.0.0.1:0", "tcp://127.7.0.9:7000-7001",
                              "tcp://[::1]:0", "tcp://localhost:5", "tcp://lo:5"}) {
    EXPECT_EQ(Listen(address, Protection::kNone), "") << address;
    EXPECT_TRUE(IsLocal(address)) << address;
  }
  for (const char* address : {"tcp://10.0.0.1:5", "tcp://*:0", "tcp://0.0.0.0:0", "tcp://[::]:5",
                              "tcp://[fe80::1%eth0]:5", "tcp://h1.example:5", "tcp://eth0:5",
                              "tcp://127.evil.example:5"}) {
    EXPECT_EQ(Listen(address, Protection::kNone),
              "address \"" + std::string(address) +
                  "\" can be reached from other hosts, and there are no keys; make some with "
                  "`rubato keygen DIR` and give --keys DIR to all processes, or use 127.0.0.1");
    EXPECT_NE(Connect(address, Protection::kNone), "") << address;
    EXPECT_EQ(Listen(address), "") << address;
    EXPECT_FALSE(IsLocal(address)) << address;
  }
}

TEST(Address, WhatIsNoAddressIsRefused) {
  for (const char* address : {"",
                              "tcp://",
                              "tcp://:5",
                              "tcp://h1",
                              "tcp://h1:",
                              "tcp://h1:x",
                              "tcp://h1:-1",
                              "tcp://h1:+5",
                              "tcp://h1:70000",
                              "tcp://h1:5-",
                              "tcp://h1:9-5",
                              "tcp://h1:5-6-7",
                              "tcp://h1:0-5",
                              "tcp://[::1:5",
                              "tcp://::1:5",
                              "tcp://[zz]:5",
                              "tcp://1.2.3:5",
                              "tcp://1.2.3.400:5",
                              "tcp://-h:5",
                              "tcp://h 1:5",
                              "inproc://x",
                              "ipc://x",
                              "ipc://@x",
                              "pgm://h1:5"}) {
    EXPECT_NE(Listen(address), "") << address;
    EXPECT_NE(Connect(address), "") << address;
  }
  EXPECT_NE(Listen("tcp://" + std::string(254, 'h') + ":5"), "");
  EXPECT_NE(Listen("ipc:///" + std::string(107, 'x')), "");
}

TEST(Address, ToConnectItTakesOneHostAndOnePort) {
  EXPECT_EQ(Connect("tcp://h1.example:7000"), "");
  EXPECT_EQ(Connect("tcp://[2001:db8::7]:7000"), "");
  EXPECT_EQ(Connect("tcp://h1:0"),
            "address \"tcp://h1:0\" names no port that others could connect to; use ipc:///PATH or "
            "tcp://HOST:PORT");
  EXPECT_NE(Connect("tcp://h1:7000-7100"), "");
  EXPECT_NE(Connect("tcp://*:7000"), "");
  EXPECT_NE(Connect("tcp://0.0.0.0:7000"), "");
}

TEST(Address, OnlyAHostThatIsNoNumberIsAName) {
  EXPECT_EQ(NameIn("tcp://h1.example:7000"), "h1.example");
  EXPECT_EQ(NameIn("tcp://eth0:0"), "eth0");
  for (const char* address : {"tcp://10.0.0.1:5", "tcp://[::1]:5", "tcp://*:5", "ipc:///tmp/x",
                              "tcp://1.2.3:5", "tcp://h1"}) {
    EXPECT_EQ(NameIn(address), "") << address;
  }
}

TEST(Address, AtAnotherHostThePortsStay) {
  EXPECT_EQ(WithHost("tcp://h1:7000-7100", "10.0.0.1"), "tcp://10.0.0.1:7000-7100");
  EXPECT_EQ(WithHost("tcp://[::1]:5", "2001:db8::7"), "tcp://[2001:db8::7]:5");
}

TEST(Address, ARangeIsItsPortsInTurn) {
  EXPECT_EQ(EachPort("tcp://eth0:7000-7002"),
            (std::vector<std::string>{"tcp://eth0:7000", "tcp://eth0:7001", "tcp://eth0:7002"}));
  EXPECT_EQ(EachPort("tcp://h1:0"), std::vector<std::string>{"tcp://h1:0"});
  EXPECT_EQ(EachPort("ipc:///tmp/x"), std::vector<std::string>{"ipc:///tmp/x"});
}

std::string Advertised(const std::string& listening, const std::string& advertise) {
  const auto address = AdvertisedAddress(listening, advertise);
  return address.ok() ? *address : std::string(address.status().message());
}

TEST(Address, AnAdvertisedOneCanBeConnectedTo) {
  EXPECT_EQ(Advertised("tcp://10.0.0.1:7000", ""), "tcp://10.0.0.1:7000");
  EXPECT_EQ(Advertised("ipc:///tmp/x:0", ""), "ipc:///tmp/x:0");
  EXPECT_EQ(Advertised("tcp://0.0.0.0:7000", "server-0.servers"), "tcp://server-0.servers:7000");
  EXPECT_EQ(Advertised("tcp://[::]:7000", "2001:db8::7"), "tcp://[2001:db8::7]:7000");
  EXPECT_EQ(Advertised("tcp://0.0.0.0:7000", "tcp://gate:9000"), "tcp://gate:9000");
  EXPECT_EQ(
      Advertised("tcp://0.0.0.0:7000", ""),
      "\"tcp://0.0.0.0:7000\" is no address that others can connect to; say which one is with "
      "--advertise HOST");
  EXPECT_EQ(Advertised("tcp://10.0.0.1:7000", "tcp://gate:0"), "tcp://gate:7000");
  EXPECT_NE(Advertised("tcp://10.0.0.1:7000", "tcp://gate:7-9"), "");
  EXPECT_EQ(Advertised("ipc:///tmp/x", "h1"),
            "\"ipc:///tmp/x\" has no port that the advertised host \"h1\" could get; listen on "
            "tcp");
}

}  // namespace
}  // namespace rubato
