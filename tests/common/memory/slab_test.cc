#include "common/memory/slab.h"

#include <algorithm>
#include <vector>

#include "common/memory/frozen_rows.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

// Bytes of all rows: pages below 2 MiB and beyond it, some of which end within a huge page.
constexpr size_t kBytes = size_t{40} << 20;

class RowSlabTest : public ::testing::TestWithParam<size_t> {
 protected:
  const size_t floats_ = GetParam();
  const size_t count_ = kBytes / (floats_ * sizeof(float)) + 1;
  RowSlab slab_{floats_};
  Freezer freezer_;
  std::vector<float*> rows_;

  // Each row has its number in its first float and, negative, in its last one.
  void SetUp() override {
    for (size_t i = 0; i < count_; ++i) {
      rows_.push_back(slab_.NewRow(RowKey(i)));
      Fill(i, static_cast<float>(i));
    }
  }
  void Fill(size_t i, float value) {
    rows_[i][floats_ - 1] = -value;
    rows_[i][0] = value;
  }
  void Change(size_t i) {
    const Changes changes = freezer_.Change();
    slab_.PrefetchTouch(rows_[i]);
    slab_.Touch(rows_[i]);
    Fill(i, 0.5F);
  }
  // Of all rows that are frozen, as they were made.
  std::vector<size_t> Take(FrozenRows* frozen) const {
    std::vector<size_t> numbers;
    std::vector<RowKey> keys;
    std::vector<float> rows;
    while (frozen->TakeBlock({&keys, &rows}) == FrozenRows::Taken::kSome) {
      for (size_t i = 0; i < keys.size(); ++i) {
        const float* row = rows.data() + i * floats_;
        const auto number = static_cast<float>(keys[i].value());
        EXPECT_EQ(row[0], number);
        EXPECT_EQ(row[floats_ - 1], -number);
        numbers.push_back(keys[i].value());
      }
      keys.clear();
      rows.clear();
    }
    return numbers;
  }
};

INSTANTIATE_TEST_SUITE_P(RowFloats, RowSlabTest,
                         ::testing::Values(5, 32, 4097, 20'000, 300'001, 524'288, 600'001),
                         ::testing::PrintToStringParamName());

TEST_P(RowSlabTest, FindsTheRowThatChangesWhateverItsPage) {
  slab_.Cut();
  slab_.SetBase();
  std::vector<size_t> changed;
  for (size_t i = 0; i < count_; i += 3) changed.push_back(i);
  for (const size_t i : changed) slab_.Touch(rows_[i]);
  EXPECT_EQ(slab_.Cut(), changed.size());
  const auto frozen = freezer_.Freeze(floats_, changed.size());
  slab_.Freeze(FrozenExtent::kChanged, frozen.get());
  EXPECT_EQ(Take(frozen.get()), changed);
}

TEST_P(RowSlabTest, KeepsFrozenRowsAsTheyWere) {
  slab_.Cut();
  const auto frozen = freezer_.Freeze(floats_, count_);
  slab_.Freeze(FrozenExtent::kAll, frozen.get());
  for (size_t i = count_; i > 0; --i) Change(i - 1);
  const std::vector<size_t> taken = Take(frozen.get());
  EXPECT_EQ(taken.size(), count_);
  EXPECT_TRUE(std::ranges::is_sorted(taken));
}

}  // namespace
}  // namespace rubato
