#include "common/base/host_names.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace rubato {
namespace {

TEST(HostNames, LocalhostIsLoopback) {
  const auto numbers = ResolveHost("localhost");
  ASSERT_TRUE(numbers.ok()) << numbers.status();
  EXPECT_EQ(numbers->at(0), "127.0.0.1");  // IPv4 is first
  std::vector<std::string> once = *numbers;
  std::sort(once.begin(), once.end());
  EXPECT_EQ(std::unique(once.begin(), once.end()), once.end());
}

TEST(HostNames, ANumberIsItself) {
  EXPECT_EQ(*ResolveHost("10.0.0.5"), std::vector<std::string>{"10.0.0.5"});
  EXPECT_EQ(*ResolveHost("2001:DB8:0::7"), std::vector<std::string>{"2001:db8::7"});
}

TEST(HostNames, WhatIsNoNameOfAHostHasWords) {
  const auto none = ResolveHost("no such host");
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.status().message(), "");
}

TEST(HostNames, ThisHostHasLoopbackAndNoDocumentationAddress) {
  EXPECT_TRUE(IsOwnAddress("127.0.0.1"));
  EXPECT_FALSE(IsOwnAddress("192.0.2.1"));  // RFC 5737
  EXPECT_TRUE(IsInterface("lo"));
  EXPECT_FALSE(IsInterface("nosuch0"));
}

}  // namespace
}  // namespace rubato
