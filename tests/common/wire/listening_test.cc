#include "common/wire/listening.h"

#include "common/base/status.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

using Numbers = std::vector<std::string>;

// A host that has the addresses 10.0.0.1, 10.0.0.2 and 2001:db8::7, and an interface eth0.
NameLookup Host(const absl::StatusOr<Numbers>& meaning) {
  return {.resolve = [meaning](const std::string&) { return meaning; },
          .is_own =
              [](const std::string& number) {
                return number == "10.0.0.1" || number == "10.0.0.2" || number == "2001:db8::7";
              },
          .is_interface = [](const std::string& name) { return name == "eth0"; }};
}

Binding BindingWhere(const std::string& address, const absl::StatusOr<Numbers>& meaning) {
  const absl::StatusOr<Binding> binding = BindingOf(address, Host(meaning));
  EXPECT_TRUE(binding.ok()) << binding.status();
  return binding.value_or(Binding{});
}

TEST(Listening, WhatZeroMqTakesStaysAsItIs) {
  const absl::Status unasked = absl::InternalError("asked");
  for (const char* address : {"ipc:///tmp/x", "tcp://10.0.0.9:0", "tcp://*:7000-7009",
                              "tcp://0.0.0.0:5", "tcp://eth0:7000"}) {
    EXPECT_EQ(BindingWhere(address, unasked), (Binding{address, "", false})) << address;
  }
  EXPECT_EQ(BindingWhere("tcp://[::1]:5", unasked), (Binding{"tcp://[::1]:5", "", true}));
  EXPECT_EQ(BindingWhere("tcp://localhost:5", unasked), (Binding{"tcp://127.0.0.1:5", "", false}));
}

TEST(Listening, ANameIsTheOneAddressOfThisHostThatItMeans) {
  EXPECT_EQ(BindingWhere("tcp://node1:7000-7009", Numbers{"10.0.0.1"}),
            (Binding{"tcp://10.0.0.1:7000-7009", "node1", false}));
  EXPECT_EQ(BindingWhere("tcp://nodes:0", Numbers{"10.0.0.8", "10.0.0.2"}),
            (Binding{"tcp://10.0.0.2:0", "nodes", false}));
  EXPECT_EQ(BindingWhere("tcp://node1:0", Numbers{"2001:db8::7"}),
            (Binding{"tcp://[2001:db8::7]:0", "node1", true}));
}

// Who listened on what it means here would be met by nobody, or by some.
TEST(Listening, ANameThatMeansLoopbackOrSeveralAddressesIsAllInterfaces) {
  for (const Numbers& meaning :
       {Numbers{"127.0.1.1"}, Numbers{"127.0.0.1", "10.0.0.1"}, Numbers{"::1"},
        Numbers{"10.0.0.1", "10.0.0.2"}, Numbers{"10.0.0.1", "2001:db8::7"}}) {
    EXPECT_EQ(BindingWhere("tcp://node1:7000", meaning), (Binding{"tcp://*:7000", "node1", true}));
  }
}

std::string Refusal(const std::string& address, const absl::StatusOr<Numbers>& meaning, int code) {
  const absl::StatusOr<Binding> binding = BindingOf(address, Host(meaning));
  EXPECT_EQ(ExitCode(binding.status()), code);
  return std::string(binding.status().message());
}

TEST(Listening, ANameOfNobodyAndOneOfAnotherHostAreSentences) {
  const std::string nobody =
      "cannot listen on tcp://node1:0: node1 is no interface of this host, and no name that it "
      "knows (why); enter it in /etc/hosts or DNS, or give an address or interface of this host";
  EXPECT_EQ(Refusal("tcp://node1:0", absl::NotFoundError("why"), kExitUsage), nobody);
  EXPECT_EQ(Refusal("tcp://node1:0", absl::UnavailableError("why"), kExitRetryable), nobody);
  EXPECT_EQ(Refusal("tcp://node1:0", Numbers{"10.0.0.8", "2001:db8::8"}, kExitUsage),
            "cannot listen on tcp://node1:0: node1 is 10.0.0.8, 2001:db8::8, which is no address "
            "of this host; listen on one of its addresses or interfaces, and say --advertise node1 "
            "if others reach it by that name");
}

TEST(Listening, ANameIsConnectedToByIpv6WhereItHasNothingElse) {
  const auto needs = [](const std::string& address, const Numbers& meaning) {
    return *NeedsIpv6(address, Host(meaning));
  };
  EXPECT_FALSE(needs("tcp://node1:5", {"10.0.0.8", "2001:db8::8"}));
  EXPECT_TRUE(needs("tcp://node1:5", {"2001:db8::8"}));
  EXPECT_TRUE(needs("tcp://[2001:db8::8]:5", {}));
  EXPECT_FALSE(needs("ipc:///tmp/x", {}));
  EXPECT_FALSE(NeedsIpv6("tcp://node1:5", Host(absl::NotFoundError("why"))).ok());
}

}  // namespace
}  // namespace rubato
