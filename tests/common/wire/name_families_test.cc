// What names mean to who connects to them, however well names are known at the time.
#include "common/wire/name_families.h"

#include <string>
#include <vector>

#include "common/base/status.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

using Numbers = std::vector<std::string>;

class NameFamiliesTest : public testing::Test {
 protected:
  bool Ipv6(const std::string& address) { return families_.Find(address).value(); }
  void Pass(double seconds) { now_ = now_ + Duration::Seconds(seconds); }

  absl::StatusOr<Numbers> meaning_ = Numbers{"2001:db8::7"};
  double takes_seconds_ = 0;  // to say so
  int asked_ = 0;
  Instant now_ = Instant() + Duration::Seconds(100);
  NameFamilies families_{{.resolve =
                              [this](const std::string&) {
                                ++asked_;
                                Pass(takes_seconds_);
                                return meaning_;
                              },
                          .is_own = {},
                          .is_interface = {}},
                         [this] { return now_; }};
};

TEST_F(NameFamiliesTest, ANameThatMeantSomethingIsNotAskedForAgain) {
  EXPECT_TRUE(Ipv6("tcp://node1:7000"));
  meaning_ = absl::UnavailableError("nobody answers");
  EXPECT_TRUE(Ipv6("tcp://node1:7001"));
  EXPECT_EQ(asked_, 1);
  EXPECT_FALSE(families_.Find("tcp://node2:7000").ok());
}

TEST_F(NameFamiliesTest, NumbersAndPathsAreNotAskedFor) {
  EXPECT_TRUE(Ipv6("tcp://[::1]:5"));
  EXPECT_FALSE(Ipv6("tcp://10.0.0.1:5"));
  EXPECT_FALSE(Ipv6("ipc:///tmp/x"));
  EXPECT_EQ(asked_, 0);
}

TEST_F(NameFamiliesTest, WhatMeantNothingIsAskedForInATenthOfTheTime) {
  meaning_ = absl::UnavailableError("nobody answers");
  EXPECT_TRUE(families_.MayAskAgain());
  EXPECT_FALSE(families_.Find("tcp://node1:7000").ok());
  Pass(2);
  EXPECT_FALSE(families_.MayAskAgain());
  Pass(1);
  EXPECT_TRUE(families_.MayAskAgain());
  takes_seconds_ = 5;
  EXPECT_FALSE(families_.Find("tcp://node1:7000").ok());
  Pass(49);
  EXPECT_FALSE(families_.MayAskAgain());
  Pass(1);
  EXPECT_TRUE(families_.MayAskAgain());
  meaning_ = Numbers{"10.0.0.1"};
  EXPECT_FALSE(Ipv6("tcp://node1:7000"));
}

}  // namespace
}  // namespace rubato
