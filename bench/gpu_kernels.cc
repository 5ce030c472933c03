#include "bench/gpu_kernels.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "bench/gpu_inputs.h"
#include "bench/gpu_timing.h"
#include "common/base/status.h"
#include "worker/compute/cuda/kernels/fm.h"
#include "worker/compute/cuda/kernels/gather_input.h"
#include "worker/compute/cuda/kernels/losses.h"
#include "worker/compute/cuda/kernels/optimizer.h"
#include "worker/compute/cuda/kernels/segment_sum.h"
#include "worker/compute/cuda/kernels/table_rows.h"
#include "worker/compute/cuda/kernels/unique.h"

namespace rubato {
namespace {

constexpr double kFloat = sizeof(float);
// Together several times the 60 MB of an H200's cache.
constexpr size_t kSets = 12;

// Inputs and outputs of one call, in device memory.
struct CallArrays {
  DeviceArray<uint64_t> occurrence_keys;  // [occurrences]
  DeviceArray<uint32_t> table_rows;       // [occurrences] the same as rows of the table
  DeviceArray<uint64_t> keys;             // [occurrences]; the following four as Unique makes them
  DeviceArray<uint32_t> count;            // [1]
  DeviceArray<uint32_t> positions;        // [occurrences]
  DeviceArray<uint32_t> begin;            // [occurrences + 1]
  DeviceArray<uint32_t> order;            // [occurrences]
  DeviceArray<float> numeric;             // [rows, numeric columns]
  DeviceArray<float> x;                   // [rows, width]
  DeviceArray<float> dx;                  // [rows, width]
  DeviceArray<float> gradient;            // [occurrences, dim]
  DeviceArray<float> sums;                // [rows, dim]
  DeviceArray<float> margin;              // [rows]
  DeviceArray<float> label;               // [rows]
  DeviceArray<float> d_margin;            // [rows]

  UniqueKeys unique() {
    return {.keys = keys.data(),
            .count = count.data(),
            .positions = positions.data(),
            .begin = begin.data(),
            .order = order.data()};
  }
};

class KernelBench {
 public:
  KernelBench(const Workload& workload, uint32_t rows)
      : columns_(static_cast<uint32_t>(workload.shape.category_columns)),
        rows_(rows),
        key_space_(workload.shape.levels),
        repeats_{.calls = 2 * kSets},
        layout_{.numeric = static_cast<uint32_t>(workload.shape.numeric_columns),
                .dim = static_cast<uint32_t>(workload.config.model.embedding_dim)} {
    layout_.width = layout_.bag = layout_.numeric + columns_ * layout_.dim;
  }
  absl::Status Allocate();
  absl::StatusOr<std::vector<KernelFigure>> Measure();

 private:
  using PutOnSet = std::function<absl::Status(StreamView, CallArrays*)>;
  absl::Status AllocateTable(Rng* rng);
  absl::StatusOr<CallArrays> MakeCall(Rng* rng);
  absl::Status Add(KernelFigure figure, const PutOnSet& put);
  absl::Status AddFeatures();
  absl::Status AddSparseStep();
  absl::Status AddFactorizationMachine();
  absl::Status AddLoss();

  double occurrences() const { return static_cast<double>(rows_) * columns_; }
  DeviceMatrix<float> Rows(DeviceArray<float>* array) const {
    return {.data = array->data(), .rows = rows_, .cols = layout_.width, .stride = layout_.width};
  }
  DeviceMatrix<const float> ConstRows(const DeviceArray<float>& array) const {
    return {.data = array.data(), .rows = rows_, .cols = layout_.width, .stride = layout_.width};
  }
  Features FeaturesOf(const DeviceArray<uint32_t>& positions) const {
    return {.counts = {.rows = rows_, .columns = columns_, .sparse = 0},
            .filled = filled_.data(),
            .positions = positions.data()};
  }

  const uint32_t columns_;
  const uint32_t rows_;
  const uint64_t key_space_;
  const Repeats repeats_;
  InputLayout layout_;
  std::optional<Stream> stream_;
  std::optional<DeviceOptimizer> adagrad_;
  std::optional<Unique> unique_;
  std::optional<SegmentSum> segment_sum_;
  DeviceArray<BatchCounts> filled_;  // [1]
  DeviceArray<float> table_;         // [key space, dim]
  DeviceArray<float> slots_;         // of all rows
  DeviceArray<double> loss_;         // [1]
  DeviceArray<float> d_bias_;        // [1]
  DeviceArray<double> partials_;
  std::vector<CallArrays> calls_;
  double distinct_ = 0;  // keys of a call, on average
  std::vector<KernelFigure> figures_;
};

absl::Status KernelBench::AllocateTable(Rng* rng) {
  ASSIGN_OR_RETURN(adagrad_, DeviceOptimizer::Make(
                                 {{.learning_rate = 1e-6F}, OptimizerKind::kAdagrad}, *stream_));
  ASSIGN_OR_RETURN(table_, RandomFloats(*stream_, key_space_ * layout_.dim, rng));
  ASSIGN_OR_RETURN(slots_,
                   DeviceArray<float>::Make(key_space_ * adagrad_->SlotStride(layout_.dim)));
  return adagrad_->Init(stream_->view(), DeviceRows{.weights = table_.data(),
                                                    .slots = slots_.data(),
                                                    .rows = key_space_,
                                                    .dim = layout_.dim});
}

absl::Status KernelBench::Allocate() {
  Rng rng(3);
  ASSIGN_OR_RETURN(stream_, Stream::Make());
  RETURN_IF_ERROR(AllocateTable(&rng));
  const uint32_t occurrences = rows_ * columns_;
  ASSIGN_OR_RETURN(unique_, Unique::Make(occurrences, key_space_));
  ASSIGN_OR_RETURN(segment_sum_, SegmentSum::Make(occurrences, layout_.dim));
  ASSIGN_OR_RETURN(filled_,
                   Upload(*stream_, std::vector<BatchCounts>{{.rows = rows_, .sparse = 0}}));
  ASSIGN_OR_RETURN(loss_, DeviceArray<double>::Make(1));
  ASSIGN_OR_RETURN(d_bias_, DeviceArray<float>::Make(1));
  ASSIGN_OR_RETURN(partials_, DeviceArray<double>::Make(LossPartials(rows_, 1)));
  for (size_t i = 0; i < kSets; ++i) {
    ASSIGN_OR_RETURN(calls_.emplace_back(), MakeCall(&rng));
  }
  return absl::OkStatus();
}

absl::StatusOr<CallArrays> KernelBench::MakeCall(Rng* rng) {
  const size_t occurrences = size_t{rows_} * columns_;
  std::vector<uint64_t> keys(occurrences);
  for (uint64_t& key : keys) key = rng->Below(key_space_);
  std::vector<float> labels(rows_);
  for (float& label : labels) label = rng->Chance(0.1) ? 1.0F : 0.0F;
  CallArrays call;
  ASSIGN_OR_RETURN(call.occurrence_keys, Upload(*stream_, keys));
  ASSIGN_OR_RETURN(call.label, Upload(*stream_, labels));
  ASSIGN_OR_RETURN(call.table_rows, DeviceArray<uint32_t>::Make(occurrences));
  ASSIGN_OR_RETURN(call.keys, DeviceArray<uint64_t>::Make(occurrences));
  ASSIGN_OR_RETURN(call.count, DeviceArray<uint32_t>::Make(1));
  ASSIGN_OR_RETURN(call.positions, DeviceArray<uint32_t>::Make(occurrences));
  ASSIGN_OR_RETURN(call.begin, DeviceArray<uint32_t>::Make(occurrences + 1));
  ASSIGN_OR_RETURN(call.order, DeviceArray<uint32_t>::Make(occurrences));
  ASSIGN_OR_RETURN(call.numeric, RandomFloats(*stream_, size_t{rows_} * layout_.numeric, rng));
  ASSIGN_OR_RETURN(call.x, DeviceArray<float>::Make(size_t{rows_} * layout_.width));
  ASSIGN_OR_RETURN(call.dx, RandomFloats(*stream_, size_t{rows_} * layout_.width, rng));
  ASSIGN_OR_RETURN(call.gradient, DeviceArray<float>::Make(occurrences * layout_.dim));
  ASSIGN_OR_RETURN(call.sums, DeviceArray<float>::Make(size_t{rows_} * layout_.dim));
  ASSIGN_OR_RETURN(call.margin, RandomFloats(*stream_, rows_, rng));
  ASSIGN_OR_RETURN(call.d_margin, RandomFloats(*stream_, rows_, rng));
  RETURN_IF_ERROR(PositionsOfKeys(stream_->view(), call.occurrence_keys.data(),
                                  static_cast<uint32_t>(occurrences), call.table_rows.data()));
  std::sort(keys.begin(), keys.end());
  const auto end = std::unique(keys.begin(), keys.end());
  distinct_ += static_cast<double>(end - keys.begin()) / kSets;
  return call;
}

absl::Status KernelBench::Add(KernelFigure figure, const PutOnSet& put) {
  ASSIGN_OR_RETURN(figure.seconds,
                   SecondsOfCall(*stream_, repeats_, [&](StreamView recorded, size_t call) {
                     return put(recorded, &calls_[call % kSets]);
                   }));
  figures_.push_back(std::move(figure));
  return absl::OkStatus();
}

absl::Status KernelBench::AddFeatures() {
  const double rows = rows_;
  const double row_bytes = kFloat * layout_.dim;
  RETURN_IF_ERROR(Add({.name = "distinct keys",
                       .bytes = UniqueBytes(occurrences(), distinct_, key_space_),
                       .aim = Aim::kShareOfCopy},
                      [this](StreamView stream, CallArrays* call) {
                        return unique_->Run(stream, call->occurrence_keys.data(), call->unique());
                      }));
  RETURN_IF_ERROR(Add({.name = "gather of the input",
                       .bytes = 4 * occurrences() + distinct_ * row_bytes +
                                rows * kFloat * (layout_.numeric + layout_.width),
                       .aim = Aim::kShareOfCopy},
                      [this](StreamView stream, CallArrays* call) {
                        return GatherInput<float>(
                            stream, layout_, FeaturesOf(call->table_rows),
                            {.numeric = call->numeric.data(), .weights = table_.data()},
                            Rows(&call->x));
                      }));
  return Add({.name = "scatter: sums of slopes by key",
              .bytes = 4 * (occurrences() + distinct_) + (occurrences() + distinct_) * row_bytes,
              .aim = Aim::kShareOfCopy},
             [this](StreamView stream, CallArrays* call) {
               return segment_sum_->Run<float>(stream, unique_->View(call->unique()),
                                               FeaturesOf(call->positions),
                                               {.slope = ConstRows(call->x),
                                                .first = layout_.numeric,
                                                .step = layout_.dim,
                                                .bag = layout_.bag},
                                               call->gradient.data());
             });
}

absl::Status KernelBench::AddSparseStep() {
  return Add({.name = "scatter: AdaGrad step of rows",
              .bytes = distinct_ * (8 + 5 * kFloat * layout_.dim),
              .aim = Aim::kShareOfCopy},
             [this](StreamView stream, CallArrays* call) {
               return adagrad_->StepRows(stream,
                                         {.weights = table_.data(),
                                          .slots = slots_.data(),
                                          .rows = key_space_,
                                          .dim = layout_.dim},
                                         {.capacity = unique_->capacity(),
                                          .count = call->count.data(),
                                          .keys = call->keys.data(),
                                          .values = call->gradient.data()});
             });
}

absl::Status KernelBench::AddFactorizationMachine() {
  const double row_floats = static_cast<double>(layout_.width - layout_.numeric);
  RETURN_IF_ERROR(Add(
      {.name = "factorization machine", .bytes = rows_ * kFloat * (row_floats + layout_.dim + 2)},
      [this](StreamView stream, CallArrays* call) {
        return FmForwardAsync<float>(stream, layout_, FeaturesOf(call->positions),
                                     {.x = ConstRows(call->x)},
                                     {.sums = call->sums.data(), .margin = call->margin.data()});
      }));
  return Add(
      {.name = "its way back", .bytes = rows_ * kFloat * (3 * row_floats + layout_.dim + 1)},
      [this](StreamView stream, CallArrays* call) {
        return FmBackwardAsync<float>(
            stream, layout_, FeaturesOf(call->positions),
            {.x = ConstRows(call->x), .sums = call->sums.data(), .d_margin = call->d_margin.data()},
            Rows(&call->dx));
      });
}

absl::Status KernelBench::AddLoss() {
  return Add({.name = "logistic loss", .bytes = 4 * kFloat * rows_},
             [this](StreamView stream, CallArrays* call) {
               const DeviceMatrix<float> slopes{
                   .data = call->d_margin.data(), .rows = rows_, .cols = 1, .stride = 1};
               const DeviceMatrix<const float> margin{
                   .data = call->margin.data(), .rows = rows_, .cols = 1, .stride = 1};
               // Labels serve as weights as well: a tenth of them is 1.
               return RowLossAsync(stream, LogisticLoss{},
                                   {.filled = filled_.data(),
                                    .margin = margin,
                                    .label = call->label.data(),
                                    .weight = call->label.data()},
                                   {.d_margin = slopes,
                                    .loss = loss_.data(),
                                    .d_bias = d_bias_.data(),
                                    .partials = partials_.data()});
             });
}

// In the order of a step: each kernel finds what the one before it made.
absl::StatusOr<std::vector<KernelFigure>> KernelBench::Measure() {
  RETURN_IF_ERROR(AddFeatures());
  RETURN_IF_ERROR(AddSparseStep());
  RETURN_IF_ERROR(AddFactorizationMachine());
  RETURN_IF_ERROR(AddLoss());
  return figures_;
}

}  // namespace

absl::StatusOr<std::vector<KernelFigure>> MeasureKernels(Scale scale, uint32_t rows) {
  KernelBench bench(MakeW1(scale), rows);
  RETURN_IF_ERROR(bench.Allocate());
  return bench.Measure();
}

absl::StatusOr<KernelFigure> MeasureDenseStep(Scale scale) {
  const uint64_t size = scale == Scale::kFull ? 7'345'153 : 1001;
  ASSIGN_OR_RETURN(const Stream stream, Stream::Make());
  Rng rng(4);
  ASSIGN_OR_RETURN(const auto adam, DeviceOptimizer::Make({{}, OptimizerKind::kAdam}, stream));
  ASSIGN_OR_RETURN(auto weights, RandomFloats(stream, size, &rng));
  ASSIGN_OR_RETURN(const auto gradient, RandomFloats(stream, size, &rng));
  ASSIGN_OR_RETURN(auto slots, DeviceArray<float>::Make(adam.DenseSlots(size)));
  const DeviceWeights table{.weights = weights.data(), .slots = slots.data(), .size = size};
  RETURN_IF_ERROR(adam.Init(stream.view(), table));
  const std::vector<DenseStep> steps = {
      {.optimizer = &adam, .table = table, .gradient = gradient.data()}};
  ASSIGN_OR_RETURN(const double seconds,
                   SecondsOfCall(stream, {.calls = 10}, [&](StreamView recorded, size_t) {
                     return StepDense(recorded, steps);
                   }));
  return KernelFigure{.name = "Adam step of 7.3 M weights",
                      .bytes = 7 * kFloat * static_cast<double>(size),
                      .seconds = seconds};
}

}  // namespace rubato
