// Steps on the device against those of the servers, to the bit.
#include <bit>
#include <limits>
#include <memory>
#include <numeric>
#include <vector>

#include "common/base/env.h"
#include "server/table/optimizer.h"
#include "tests/worker/compute/cuda/cuda_fixture.h"
#include "worker/compute/cuda/kernels/features.h"
#include "worker/compute/cuda/kernels/optimizer.h"

namespace rubato {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// A table as a server has it: rows of weights with their slots.
class ServerTable {
 public:
  ServerTable(const OptimizerSpec& spec, size_t dim) : optimizer_(MakeOptimizer(spec)), dim_(dim) {}

  void AddRow(std::vector<float> weights) {
    rows_.push_back(std::move(weights));
    rows_.back().resize(dim_ + optimizer_->SlotFloats(dim_));
    const std::span<float> row(rows_.back());
    optimizer_->Init(row.first(dim_), row.subspan(dim_));
  }
  void Step(size_t row, std::span<const float> gradient) {
    float* const begin = rows_[row].data();
    optimizer_->StepRows({&begin, 1}, dim_, gradient.data());
  }
  // Of every row, as Adam's last slot.
  void SetSteps(float steps) {
    for (std::vector<float>& row : rows_) row.back() = steps;
  }
  std::span<const float> weights(size_t row) const { return std::span(rows_[row]).first(dim_); }
  std::span<const float> slots(size_t row) const { return std::span(rows_[row]).subspan(dim_); }
  size_t rows() const { return rows_.size(); }

 private:
  std::unique_ptr<Optimizer> optimizer_;
  size_t dim_;
  std::vector<std::vector<float>> rows_;  // [rows][dim + SlotFloats(dim)]
};

// About a tenth are zero.
std::vector<float> RandomFloats(size_t size, Rng* rng) {
  std::vector<float> values(size);
  for (float& value : values) {
    value = rng->Chance(0.1) ? 0.0F : static_cast<float>(rng->Normal());
  }
  return values;
}

void ExpectSameBits(std::span<const float> got, std::span<const float> expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(std::bit_cast<uint32_t>(got[i]), std::bit_cast<uint32_t>(expected[i]))
        << "float " << i << ": " << got[i] << " instead of " << expected[i];
  }
}

OptimizerSpec Spec(OptimizerKind kind, float l1, float l2) {
  OptimizerSpec spec;
  spec.kind = kind;
  spec.learning_rate = 0.05F;
  spec.l1 = l1;
  spec.l2 = l2;
  return spec;
}

class OptimizerTest : public CudaTest, public testing::WithParamInterface<UpdateRule> {
 protected:
  DeviceOptimizer Make(const OptimizerSpec& spec) {
    const absl::StatusOr<Stream> own = Stream::Make();
    EXPECT_TRUE(own.ok()) << own.status();
    absl::StatusOr<DeviceOptimizer> optimizer = DeviceOptimizer::Make(spec, *own);
    EXPECT_TRUE(optimizer.ok()) << optimizer.status();
    return *std::move(optimizer);
  }
};

// A sparse table on both sides.
class RowsOnBothSides {
 public:
  RowsOnBothSides(const OptimizerSpec& spec, uint32_t dim, Rng* rng)
      : server_(spec, dim), dim_(dim), rng_(rng) {}

  static constexpr uint32_t kRows = 50;
  static constexpr uint32_t kCapacity = 40;

  // All rows of weights, new on the server too.
  std::vector<float> Begin() {
    std::vector<float> all;
    for (uint32_t row = 0; row < kRows; ++row) {
      std::vector<float> weights = RandomFloats(dim_, rng_);
      all.insert(all.end(), weights.begin(), weights.end());
      server_.AddRow(std::move(weights));
    }
    return all;
  }

  // Gradients of distinct rows, some of them no rows of the table, and padding.
  struct Push {
    uint32_t count = 0;
    std::vector<uint64_t> keys = std::vector<uint64_t>(kCapacity, 0);
    std::vector<float> values = {};  // [kCapacity, dim]
  };
  Push NextPush(uint32_t count) {
    std::vector<uint64_t> rows(kRows);
    std::iota(rows.begin(), rows.end(), uint64_t{0});
    Push push{.count = count};
    push.values = RandomFloats(size_t{count} * dim_, rng_);
    push.values.resize(size_t{kCapacity} * dim_, kNan);
    for (uint32_t n = 0; n < count; ++n) {
      std::swap(rows[n], rows[n + rng_->Below(kRows - n)]);
      push.keys[n] = rows[n];
      if (rng_->Chance(0.1)) push.keys[n] = rng_->Chance(0.5) ? kNoKey : kRows;
      if (push.keys[n] < kRows) server_.Step(rows[n], {&push.values[n * dim_], dim_});
    }
    return push;
  }

  ServerTable& server() { return server_; }
  void Check(std::span<const float> weights, std::span<const float> slots, size_t stride) const {
    for (uint32_t row = 0; row < kRows; ++row) {
      SCOPED_TRACE(testing::Message() << "row " << row << " of dim " << dim_);
      ExpectSameBits(weights.subspan(row * size_t{dim_}, dim_), server_.weights(row));
      ExpectSameBits(slots.subspan(row * stride, server_.slots(row).size()), server_.slots(row));
    }
  }

 private:
  ServerTable server_;
  uint32_t dim_;
  Rng* rng_;
};

TEST_P(OptimizerTest, RowsAreThoseOfTheServerToTheBit) {
  const uint64_t seed = RandomSeed();
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (const float penalty : {0.0F, 0.01F}) {
    const OptimizerSpec spec = Spec(GetParam().kind, penalty, penalty / 2);
    const DeviceOptimizer optimizer = Make(spec);
    // Scalars, packs, packs for more than a warp; an odd end.
    for (const uint32_t dim : {1U, 3U, 4U, 16U, 33U, 132U}) {
      RowsOnBothSides table(spec, dim, &rng);
      DeviceArray<float> weights = Upload(table.Begin());
      const uint32_t stride = optimizer.SlotStride(dim);
      DeviceArray<float> slots = Upload(std::vector<float>(size_t{table.kRows} * stride, kNan));
      const DeviceRows rows{weights.data(), slots.data(), table.kRows, dim};
      ASSERT_TRUE(optimizer.Init(stream(), rows).ok());
      table.Check(Download(weights), Download(slots), stride);
      for (const uint32_t count : {40U, 1U, 0U, 27U}) {
        const RowsOnBothSides::Push push = table.NextPush(count);
        const DeviceArray<uint32_t> filled = Upload<uint32_t>({push.count});
        const DeviceArray<uint64_t> keys = Upload(push.keys);
        const DeviceArray<float> values = Upload(push.values);
        ASSERT_TRUE(optimizer
                        .StepRows(stream(), rows,
                                  {table.kCapacity, filled.data(), keys.data(), values.data()})
                        .ok());
        table.Check(Download(weights), Download(slots), stride);
      }
    }
  }
}

// A dense table on both sides; a server has it in blocks.
struct DenseOnBothSides {
  static constexpr size_t kBlock = 512;
  DenseOnBothSides(const OptimizerSpec& spec, size_t the_size, Rng* rng)
      : size(the_size), server(spec, kBlock), first(RandomFloats(size, rng)) {
    for (size_t begin = 0; begin < size; begin += kBlock) server.AddRow(Block(first, begin));
  }
  static std::vector<float> Block(const std::vector<float>& values, size_t begin) {
    std::vector<float> block(kBlock, 0.0F);
    std::copy_n(values.begin() + static_cast<ptrdiff_t>(begin),
                std::min(kBlock, values.size() - begin), block.begin());
    return block;
  }
  void Step(const std::vector<float>& gradient) {
    for (size_t row = 0; row < server.rows(); ++row)
      server.Step(row, Block(gradient, row * kBlock));
  }
  // `planes`: of slots.
  void Check(std::span<const float> weights, std::span<const float> slots, size_t planes) const {
    SCOPED_TRACE(testing::Message() << "a table of " << size);
    const size_t plane = (size + 3) / 4 * 4;
    for (size_t row = 0; row < server.rows(); ++row) {
      const size_t begin = row * kBlock;
      const size_t used = std::min(kBlock, size - begin);
      ExpectSameBits(weights.subspan(begin, used), server.weights(row).first(used));
      for (size_t k = 0; k < planes; ++k) {
        ExpectSameBits(slots.subspan(k * plane + begin, used),
                       server.slots(row).subspan(k * kBlock, used));
      }
    }
    for (const float steps : slots.subspan(planes * plane)) {
      EXPECT_EQ(steps, server.slots(0).back());
    }
  }

  size_t size;
  ServerTable server;
  std::vector<float> first;
};

// More tables than one launch takes, of sizes around a pack and a block, with and without penalty;
// every third gradient begins at an odd float.
TEST_P(OptimizerTest, DenseTablesAreThoseOfTheServerToTheBit) {
  const uint64_t seed = RandomSeed();
  SCOPED_TRACE(seed);
  Rng rng(seed);
  const OptimizerSpec specs[] = {Spec(GetParam().kind, 0.02F, 0.01F),
                                 Spec(GetParam().kind, 0.0F, 0.0F)};
  const DeviceOptimizer optimizers[] = {Make(specs[0]), Make(specs[1])};
  const size_t sizes[] = {1, 3, 4, 5, 1023, 1024, 1025, 5000};
  std::vector<DenseOnBothSides> tables;
  std::vector<DeviceArray<float>> weights, slots, gradients;
  std::vector<DenseStep> steps;
  for (size_t t = 0; t < kMaxDenseSteps + 3; ++t) {
    tables.emplace_back(specs[t % 2], sizes[t % std::size(sizes)], &rng);
    const size_t size = tables[t].size;
    weights.push_back(Upload(tables[t].first));
    slots.push_back(Upload(std::vector<float>(optimizers[t % 2].DenseSlots(size), kNan)));
    gradients.push_back(Unwritten<float>(size + 1));
    const DeviceWeights table{weights[t].data(), slots[t].data(), size};
    ASSERT_TRUE(optimizers[t % 2].Init(stream(), table).ok());
    steps.push_back({&optimizers[t % 2], table, gradients[t].data() + (t % 3 == 0 ? 1 : 0)});
  }
  const auto check = [&] {
    for (size_t t = 0; t < tables.size(); ++t) {
      tables[t].Check(Download(weights[t]), Download(slots[t]), GetParam().slots);
    }
  };
  check();
  for (int step = 0; step < 3; ++step) {
    for (size_t t = 0; t < tables.size(); ++t) {
      std::vector<float> gradient = RandomFloats(tables[t].size, &rng);
      tables[t].Step(gradient);
      gradient.insert(t % 3 == 0 ? gradient.begin() : gradient.end(), kNan);
      Overwrite(gradients[t], gradient);
    }
    ASSERT_TRUE(StepDense(stream(), steps).ok());
    check();
  }
}

// One captured graph takes every count, and reads the gradients that are there when it runs.
TEST_P(OptimizerTest, AGraphOfStepsIsTheSteps) {
  const uint64_t seed = RandomSeed();
  SCOPED_TRACE(seed);
  Rng rng(seed);
  const OptimizerSpec spec = Spec(GetParam().kind, 0.01F, 0.01F);
  const DeviceOptimizer optimizer = Make(spec);
  constexpr uint32_t kDim = 8;
  RowsOnBothSides table(spec, kDim, &rng);
  DenseOnBothSides dense(spec, 77, &rng);
  DeviceArray<float> weights = Upload(table.Begin());
  DeviceArray<float> slots = Unwritten<float>(table.kRows * optimizer.SlotStride(kDim));
  DeviceArray<float> dense_weights = Upload(dense.first);
  DeviceArray<float> dense_slots = Unwritten<float>(optimizer.DenseSlots(77));
  DeviceArray<float> dense_gradient = Unwritten<float>(77);
  DeviceArray<uint32_t> count = Unwritten<uint32_t>(1);
  DeviceArray<uint64_t> keys = Unwritten<uint64_t>(table.kCapacity);
  DeviceArray<float> values = Unwritten<float>(size_t{table.kCapacity} * kDim);
  const DeviceRows rows{weights.data(), slots.data(), table.kRows, kDim};
  const DeviceWeights whole{dense_weights.data(), dense_slots.data(), 77};
  ASSERT_TRUE(optimizer.Init(stream(), rows).ok());
  ASSERT_TRUE(optimizer.Init(stream(), whole).ok());
  const absl::StatusOr<Graph> graph = Graph::Capture(stream(), [&](StreamView captured) {
    RETURN_IF_ERROR(optimizer.StepRows(
        captured, rows, {table.kCapacity, count.data(), keys.data(), values.data()}));
    const DenseStep step{&optimizer, whole, dense_gradient.data()};
    return StepDense(captured, {&step, 1});
  });
  ASSERT_TRUE(graph.ok()) << graph.status();
  for (const uint32_t filled : {40U, 0U, 13U}) {
    const RowsOnBothSides::Push push = table.NextPush(filled);
    const std::vector<float> gradient = RandomFloats(77, &rng);
    dense.Step(gradient);
    Overwrite(count, {push.count});
    Overwrite(keys, push.keys);
    Overwrite(values, push.values);
    Overwrite(dense_gradient, gradient);
    ASSERT_TRUE(graph->Launch(stream()).ok());
    table.Check(Download(weights), Download(slots), optimizer.SlotStride(kDim));
    dense.Check(Download(dense_weights), Download(dense_slots), GetParam().slots);
  }
}

INSTANTIATE_TEST_SUITE_P(AllRules, OptimizerTest, testing::ValuesIn(kUpdateRules),
                         [](const auto& param) { return std::string(param.param.name); });

// Where the powers change their table, and where a float stops counting.
TEST_F(OptimizerTest, AdamCountsAsTheServerDoes) {
  const uint64_t seed = RandomSeed();
  SCOPED_TRACE(seed);
  Rng rng(seed);
  const OptimizerSpec spec = Spec(OptimizerKind::kAdam, 0.0F, 0.0F);
  const DeviceOptimizer optimizer = Make(spec);
  for (const float before : {254.0F, 255.0F, 65'535.0F, 70'000.0F, 16'777'215.0F}) {
    SCOPED_TRACE(before);
    RowsOnBothSides table(spec, 4, &rng);
    DeviceArray<float> weights = Upload(table.Begin());
    table.server().SetSteps(before);
    std::vector<float> begin(table.kRows * size_t{optimizer.SlotStride(4)}, 0.0F);
    for (size_t row = 0; row < table.kRows; ++row) {
      begin[row * optimizer.SlotStride(4) + 8] = before;
    }
    DeviceArray<float> slots = Upload(begin);
    for (int step = 0; step < 3; ++step) {
      const RowsOnBothSides::Push push = table.NextPush(table.kCapacity);
      const DeviceArray<uint32_t> count = Upload<uint32_t>({push.count});
      const DeviceArray<uint64_t> keys = Upload(push.keys);
      const DeviceArray<float> values = Upload(push.values);
      ASSERT_TRUE(optimizer
                      .StepRows(stream(), {weights.data(), slots.data(), table.kRows, 4},
                                {table.kCapacity, count.data(), keys.data(), values.data()})
                      .ok());
      table.Check(Download(weights), Download(slots), optimizer.SlotStride(4));
    }
  }
}

}  // namespace
}  // namespace rubato
