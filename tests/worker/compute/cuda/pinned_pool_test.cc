#include "worker/compute/cuda/device/pinned_pool.h"

#include <gtest/gtest.h>

#include <thread>
#include <utility>
#include <vector>

#include "tests/worker/compute/cuda/cuda_fixture.h"

namespace rubato {
namespace {

class PinnedPoolTest : public CudaTest {
 protected:
  Floats Pinned(size_t size) { return Floats(size, UninitializedAllocator<float>(&pool_)); }
  PinnedPool pool_;
};

TEST_F(PinnedPoolTest, WhatIsFreedIsGivenAgain) {
  Floats rows = Pinned(1000);
  const float* const address = rows.data();
  rows = Floats();
  EXPECT_EQ(Pinned(1000).data(), address);
  EXPECT_EQ(Pinned(600).data(), address) << "of the same power of two";
  EXPECT_NE(Pinned(3000).data(), address);
}

TEST_F(PinnedPoolTest, MovedRowsStayPinnedAndCopiesAreOnTheHeap) {
  Floats rows = Pinned(300);
  const float* const address = rows.data();
  Floats moved;
  moved = std::move(rows);
  EXPECT_EQ(moved.data(), address);
  EXPECT_EQ(moved.get_allocator().memory(), &pool_);
  const Floats copy = moved;
  EXPECT_EQ(copy.get_allocator().memory(), nullptr);
}

TEST_F(PinnedPoolTest, RowsMayBeFreedByAnotherThread) {
  for (int i = 0; i < 100; ++i) {
    std::vector<Floats> rows;
    for (size_t size = 1; size < 5000; size *= 3) rows.push_back(Pinned(size));
    std::thread([gone = std::move(rows)] {}).join();
  }
  EXPECT_NE(Pinned(1).data(), nullptr);
}

}  // namespace
}  // namespace rubato
