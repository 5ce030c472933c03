#include "common/wire/address.h"

#include "gtest/gtest.h"

namespace rubato {
namespace {

TEST(Address, OfSeveralSideBySideTcpPortsCountUp) {
  EXPECT_EQ(AddressBeside("tcp://127.0.0.1:7000", 0), "tcp://127.0.0.1:7000");
  EXPECT_EQ(AddressBeside("tcp://127.0.0.1:7000", 3), "tcp://127.0.0.1:7003");
  EXPECT_EQ(AddressBeside("tcp://127.0.0.1:0", 3), "tcp://127.0.0.1:0");
  EXPECT_EQ(AddressBeside("ipc:///tmp/x:1", 3), "ipc:///tmp/x:1");
  EXPECT_EQ(AddressBeside("tcp://127.0.0.1", 3), "tcp://127.0.0.1");
  EXPECT_EQ(AddressBeside("", 3), "");
  EXPECT_FALSE(CheckAddress(AddressBeside("tcp://127.0.0.1:65535", 1)).ok());
}

TEST(Address, AnAdvertisedOneCanBeConnectedTo) {
  EXPECT_TRUE(CheckAdvertised("tcp://127.0.0.2:7000").ok());
  EXPECT_TRUE(CheckAdvertised("ipc:///tmp/x:0").ok());
  EXPECT_FALSE(CheckAdvertised("tcp://10.0.0.1:7000").ok());
  EXPECT_EQ(CheckAdvertised("tcp://127.0.0.1:0").message(),
            "address \"tcp://127.0.0.1:0\" names no port that others could connect to; "
            "use ipc:///PATH or tcp://127.0.0.1:PORT");
}

}  // namespace
}  // namespace rubato
