// A training step allocates nothing once its largest batch was seen. This program counts every
// operator new of its own.
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include "gtest/gtest.h"
#include "tests/worker/compute/cpu/make_model.h"
#include "tests/worker/compute/cpu/random_batch.h"

namespace {
std::atomic<int64_t> allocations{0};
}  // namespace

// Not inlined: g++ 12 would take malloc and delete, or new and free, for a mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace rubato {
namespace {

class ModelMemoryTest : public testing::TestWithParam<std::string> {};

TEST_P(ModelMemoryTest, ASteadyStepAllocatesNothing) {
  const DatasetShape shape = MakeShape(3, {20, 30}, uint64_t{1} << 40);
  RunConfig config;
  config.model.kind = GetParam();
  auto model = MakeModel(config, shape);
  ASSERT_TRUE(model.ok()) << model.status();
  Rng rng(1);
  const Batch large = RandomBatch(shape, {.rows = 200}, &rng);
  const Batch small = RandomBatch(shape, {.rows = 50}, &rng);
  Parameters large_rows;
  Parameters small_rows;
  Parameters found;
  Parameters gradients;
  std::vector<float> probability(small.rows);
  const auto steps = [&] {
    (*model)->FindKeys(large, &found);
    ASSERT_TRUE((*model)->Gradients(large, large_rows, &gradients).ok());
    (*model)->FindKeys(small, &found);
    ASSERT_TRUE((*model)->Gradients(small, small_rows, &gradients).ok());
    ASSERT_TRUE((*model)->Predict(small, small_rows, probability).ok());
  };
  (*model)->FindKeys(large, &large_rows);
  (*model)->FindKeys(small, &small_rows);
  RandomValues((*model)->tables(), 0.1, &rng, &large_rows);
  RandomValues((*model)->tables(), 0.1, &rng, &small_rows);
  steps();
  const int64_t before = allocations;
  EXPECT_GT(before, 0);
  steps();
  EXPECT_EQ(allocations - before, 0);
}

INSTANTIATE_TEST_SUITE_P(Models, ModelMemoryTest,
                         testing::Values("linear", "mlp", "wide_deep", "deepfm"),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace rubato
