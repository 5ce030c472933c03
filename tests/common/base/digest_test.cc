#include "common/base/digest.h"

#include <string>

#include "gtest/gtest.h"

namespace rubato {
namespace {

// FIPS 180-2, appendix B.
TEST(Sha256Test, GivesThePublishedDigestsAlsoOfPieces) {
  EXPECT_EQ(Sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256OfPieces million;
  for (int i = 0; i < 1000; ++i) million.Add(std::string(1000, 'a'));
  EXPECT_EQ(million.Finish(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(Sha256OfPieces().Finish(), Sha256(""));
}

}  // namespace
}  // namespace rubato
