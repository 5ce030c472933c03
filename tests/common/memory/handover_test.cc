#include "common/memory/handover.h"

#include <array>
#include <thread>
#include <vector>

#include "common/base/env.h"
#include "common/memory/copy_arena.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

TEST(Handover, WhatIsNotClaimedIsCopiedAndWhatIsDoneIsNot) {
  Handover handover;
  ASSERT_TRUE(handover.Claim());
  handover.Done();
  const Changes changes(&handover);
  EXPECT_FALSE(handover.MustCopy(0));
  EXPECT_TRUE(handover.MustCopy(1));
}

TEST(Handover, WhatIsGivenUpIsNeitherReadNorCopied) {
  Handover handover;
  EXPECT_TRUE(handover.MustCopy(0));
  handover.Close();
  EXPECT_FALSE(handover.MustCopy(0));
  EXPECT_FALSE(handover.Claim());
}

TEST(Handover, TheOwnerWaitsForAStretchThatIsRead) {
  Handover handover;
  int row = 1;
  int read = 0;
  ASSERT_TRUE(handover.Claim());
  std::thread writer([&] {
    read = row;
    handover.Done();
  });
  {
    const Changes changes(&handover);
    EXPECT_FALSE(handover.MustCopy(0));
    row = 2;
  }
  writer.join();
  EXPECT_EQ(read, 1);
}

TEST(Handover, WhoClosesWaitsForTheWriter) {
  Handover handover;
  int read = 0;
  ASSERT_TRUE(handover.Claim());
  std::thread writer([&] {
    read = 1;
    handover.Done();
  });
  handover.Close();
  EXPECT_EQ(read, 1);
  writer.join();
}

// The owner has changed that stretch without a copy meanwhile.
TEST(Handover, WhoWaitsForTheOwnerReadsNothingOnceItIsGivenUp) {
  Handover handover;
  bool claimed = true;
  std::thread writer;
  std::thread closer;
  {
    const Changes changes(&handover);
    writer = std::thread([&] {
      claimed = handover.Claim();
      if (claimed) handover.Done();
    });
    for (int i = 0; i < 1000; ++i) std::this_thread::yield();  // it waits by now, as a rule
    closer = std::thread([&] { handover.Close(); });
    while (handover.MustCopy(0)) std::this_thread::yield();
  }
  writer.join();
  closer.join();
  EXPECT_FALSE(claimed);
}

// A number for each stretch: all 0 at first, raised by the owner, and read by the writer in place
// or copied.
template <size_t kStretches>
struct Stretches {
  Handover handover;
  std::array<uint64_t, kStretches> rows = {};
  std::array<uint64_t, kStretches> copies = {};
  std::array<bool, kStretches> changed = {};
  std::array<bool, kStretches> copied = {};
  std::vector<uint64_t> read;

  void TakeAll() {
    for (size_t i = 0; i < kStretches && handover.Claim(); ++i) {
      read.push_back(copied[i] ? copies[i] : rows[i]);
      handover.Done();
    }
  }
  void Push(int count, Rng* rng) {
    const Changes changes(&handover);
    for (int n = 0; n < count; ++n) {
      changes.Look();
      const size_t i = rng->Below(kStretches);
      if (!changed[i] && handover.MustCopy(i)) {
        copies[i] = rows[i];
        copied[i] = true;
      }
      changed[i] = true;
      rows[i] += 7;
    }
  }
};

TEST(Handover, TheWriterSeesWhatWas) {
  for (uint64_t round = 0; round < 20; ++round) {
    Stretches<500> all;
    std::thread writer([&] { all.TakeAll(); });
    Rng rng(round);
    for (int push = 0; push < 300; ++push) all.Push(20, &rng);
    writer.join();
    EXPECT_EQ(all.read, std::vector<uint64_t>(500, 0)) << "round " << round;
  }
}

// The owner gives up in the middle, and uses the memory of rows and copies for something else.
TEST(Handover, TheWriterReadsNothingThatWasGivenUp) {
  for (uint64_t round = 0; round < 500; ++round) {
    Stretches<16> all;
    std::thread writer([&] { all.TakeAll(); });
    Rng rng(round);
    const uint64_t pushes = rng.Below(5);
    for (uint64_t push = 0; push < pushes; ++push) all.Push(4, &rng);
    all.handover.Close();
    all.rows.fill(1);
    all.copies.fill(2);
    writer.join();
    EXPECT_EQ(all.read, std::vector<uint64_t>(all.read.size(), 0)) << "round " << round;
  }
}

TEST(CopyArena, GivesAgainWhatWasTakenSinceTheLastTime) {
  CopyArena arena;
  std::vector<void*> first;
  for (int i = 0; i < 100; ++i) first.push_back(arena.Take(10'000));
  for (const void* memory : first) EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % 64, 0U);
  arena.Reset();
  std::vector<void*> second;
  for (int i = 0; i < 100; ++i) second.push_back(arena.Take(10'000));
  EXPECT_EQ(second, first);
}

TEST(CopyArena, HasRoomForWhatIsLargerThanItsSlabs) {
  CopyArena arena;
  std::vector<std::pair<char*, size_t>> taken;
  for (const size_t bytes : {size_t{1}, size_t{5} << 20, size_t{100}, size_t{3} << 20}) {
    taken.emplace_back(static_cast<char*>(arena.Take(bytes)), bytes);
  }
  for (const auto& [memory, bytes] : taken) std::fill_n(memory, bytes, 'x');
}

}  // namespace
}  // namespace rubato
