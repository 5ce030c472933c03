#include "worker/compute/cuda/kernels/unique.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "tests/worker/compute/cuda/feature_batch.h"

namespace rubato {
namespace {

constexpr uint64_t kUntouched = 77;

struct HostUnique {
  std::vector<uint64_t> keys;
  std::vector<uint32_t> positions;
  std::vector<uint32_t> begin;  // [count + 1]
  std::vector<uint32_t> order;
};

HostUnique Expected(const std::vector<uint64_t>& keys) {
  HostUnique unique;
  unique.order.resize(keys.size());
  std::iota(unique.order.begin(), unique.order.end(), 0U);
  // kNoKey is the largest of all.
  std::stable_sort(unique.order.begin(), unique.order.end(),
                   [&](uint32_t a, uint32_t b) { return keys[a] < keys[b]; });
  unique.positions.resize(keys.size(), kNoRow);
  uint32_t filled = 0;
  for (const uint32_t i : unique.order) {
    if (keys[i] == kNoKey) break;
    if (unique.keys.empty() || unique.keys.back() != keys[i]) {
      unique.keys.push_back(keys[i]);
      unique.begin.push_back(filled);
    }
    unique.positions[i] = static_cast<uint32_t>(unique.keys.size() - 1);
    ++filled;
  }
  unique.begin.push_back(filled);
  return unique;
}

class UniqueTest : public FeaturesTest {
 protected:
  struct Output {
    explicit Output(UniqueTest* test, size_t occurrences, size_t capacity)
        : keys(test->Upload(std::vector<uint64_t>(capacity, kUntouched))),
          count(test->Unwritten<uint32_t>(1)),
          positions(test->Unwritten<uint32_t>(occurrences)),
          begin(test->Unwritten<uint32_t>(capacity + 1)),
          order(test->Unwritten<uint32_t>(occurrences)) {}
    UniqueKeys view() {
      return {.keys = keys.data(),
              .count = count.data(),
              .positions = positions.data(),
              .begin = begin.data(),
              .order = order.data()};
    }
    DeviceArray<uint64_t> keys;
    DeviceArray<uint32_t> count, positions, begin, order;
  };

  // Batches of one size through one recorded launch.
  void Check(uint64_t key_space, const std::vector<std::vector<uint64_t>>& batches) {
    const auto occurrences = static_cast<uint32_t>(batches[0].size());
    absl::StatusOr<Unique> unique = Unique::Make(occurrences, key_space);
    ASSERT_TRUE(unique.ok()) << unique.status();
    ASSERT_EQ(unique->capacity(), std::min<uint64_t>(occurrences, key_space));
    DeviceArray<uint64_t> keys = Upload(batches[0]);
    Output out(this, occurrences, unique->capacity());
    const Graph graph =
        Record([&](StreamView stream) { return unique->Run(stream, keys.data(), out.view()); });
    for (const std::vector<uint64_t>& batch : batches) {
      Overwrite(keys, batch);
      Overwrite(out.keys, std::vector<uint64_t>(unique->capacity(), kUntouched));
      Replay(graph);
      CheckOutput(Expected(batch), unique->View(out.view()), out);
    }
  }

  // `n` keys, some of them padding, among `distinct` ones that are spread over the key space, its
  // ends included.
  std::vector<uint64_t> RandomKeys(size_t n, uint64_t key_space, uint64_t distinct) {
    std::vector<uint64_t> pool = {0, key_space - 1};
    while (pool.size() < distinct) pool.push_back(rng_.Below(key_space));
    const double padding = rng_.Uniform();
    std::vector<uint64_t> keys(n);
    for (uint64_t& key : keys) {
      key = rng_.Chance(padding / 2) ? kNoKey : pool[rng_.Below(std::min(distinct, key_space))];
    }
    return keys;
  }

 private:
  void CheckOutput(HostUnique expected, const Segments& segments, const Output& out) {
    ASSERT_EQ(Download(segments.count, 1)[0], expected.keys.size());
    EXPECT_EQ(Download(segments.order, expected.order.size()), expected.order);
    EXPECT_EQ(Download(out.positions), expected.positions);
    expected.begin.resize(segments.capacity + 1, expected.begin.back());
    EXPECT_EQ(Download(segments.begin, segments.capacity + 1), expected.begin);
    expected.keys.resize(segments.capacity, kUntouched);
    EXPECT_EQ(Download(out.keys), expected.keys);
  }

  Rng rng_{12};
};

TEST_F(UniqueTest, EveryKeySpaceAndSize) {
  // From 2^32 - 1 keys on the sort keys are wide.
  for (const uint64_t key_space :
       {uint64_t{1}, uint64_t{2}, uint64_t{255}, uint64_t{256}, uint64_t{1} << 22,
        (uint64_t{1} << 32) - 2, (uint64_t{1} << 32) - 1, (uint64_t{1} << 32) + 5, ~uint64_t{0}}) {
    for (const size_t n : {1U, 2U, 255U, 256U, 257U, 3000U}) {
      SCOPED_TRACE(testing::Message() << n << " keys below " << key_space);
      Check(key_space, {RandomKeys(n, key_space, 2), RandomKeys(n, key_space, n),
                        RandomKeys(n, key_space, n / 7 + 2)});
    }
  }
}

TEST_F(UniqueTest, AllTheSameKey) {
  for (const uint64_t key_space : {uint64_t{1} << 20, uint64_t{1} << 40}) {
    Check(key_space, {std::vector<uint64_t>(700, 5), std::vector<uint64_t>(700, key_space - 1)});
  }
}

TEST_F(UniqueTest, NothingButPaddingAndNoPadding) {
  std::vector<uint64_t> down(700);
  std::iota(down.rbegin(), down.rend(), uint64_t{3});
  Check(1000, {std::vector<uint64_t>(700, kNoKey), down, std::vector<uint64_t>(700, kNoKey)});
}

}  // namespace
}  // namespace rubato
