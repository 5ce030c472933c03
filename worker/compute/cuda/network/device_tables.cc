#include "worker/compute/cuda/network/device_tables.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/base/status.h"
#include "common/job/initial_weights.h"
#include "worker/compute/cuda/kernels/table_rows.h"

namespace rubato {
namespace {

// Of first weights, made on the host and sent up piece by piece.
constexpr uint64_t kStagedFloats = uint64_t{1} << 20;

absl::StatusOr<DeviceArray<uint64_t>> Ascending(const Stream& stream, uint64_t count) {
  ASSIGN_OR_RETURN(auto staged, PinnedArray<uint64_t>::Make(count));
  ASSIGN_OR_RETURN(auto keys, DeviceArray<uint64_t>::Make(count));
  std::iota(staged.data(), staged.data() + count, uint64_t{0});
  RETURN_IF_ERROR(CopyAsync(stream.view(), keys.data(), staged.data(), count));
  RETURN_IF_ERROR(stream.Wait());
  return keys;
}

absl::StatusOr<DeviceArray<uint32_t>> One(const Stream& stream, uint32_t value) {
  ASSIGN_OR_RETURN(auto staged, PinnedArray<uint32_t>::Make(1));
  ASSIGN_OR_RETURN(auto on_device, DeviceArray<uint32_t>::Make(1));
  staged[0] = value;
  RETURN_IF_ERROR(CopyAsync(stream.view(), on_device.data(), staged.data(), 1));
  RETURN_IF_ERROR(stream.Wait());
  return on_device;
}

// Rows a table has when all are there.
absl::StatusOr<uint64_t> WholeRows(const NetworkShape& shape, size_t table) {
  if (shape.IsDense(table)) return shape.tables()[table].blocks();
  const uint64_t first = shape.FirstKey(table);
  if (shape.ranges().end >= kNoRow - first) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "table '%s' has a key space of %d, and without servers (fleet.servers = 0) there is room "
        "for %d rows; train with servers, which keep only the rows that occur",
        shape.tables()[table].name, shape.ranges().end, kNoRow - 1));
  }
  return first + shape.ranges().end;
}

}  // namespace

absl::StatusOr<DeviceTables> DeviceTables::Make(const NetworkShape& shape, uint64_t seed,
                                                const Stream& stream) {
  DeviceTables tables;
  for (size_t t = 0; t < shape.tables().size(); ++t) {
    const TableSpec& spec = shape.tables()[t];
    ASSIGN_OR_RETURN(const uint64_t rows, WholeRows(shape, t));
    const absl::Status added = tables.Add(spec, rows, stream);
    if (!added.ok()) return Annotate(added, absl::StrCat("table '", spec.name, "'"));
    RETURN_IF_ERROR(Fill(spec, seed, stream, &tables.tables_.back()));
    RETURN_IF_ERROR(InitSlots(spec, stream.view(), &tables.tables_.back()));
  }
  if (shape.model.Find<LinearTerm>() != nullptr && shape.numeric() > 0) {
    ASSIGN_OR_RETURN(tables.numeric_keys_, Ascending(stream, shape.numeric()));
    ASSIGN_OR_RETURN(tables.numeric_count_, One(stream, shape.numeric()));
  }
  return tables;
}

absl::Status DeviceTables::Add(const TableSpec& spec, uint64_t rows, const Stream& stream) {
  ASSIGN_OR_RETURN(DeviceOptimizer optimizer, DeviceOptimizer::Make(spec.optimizer, stream));
  ASSIGN_OR_RETURN(auto weights, DeviceArray<float>::Make(rows * spec.dim));
  const bool dense = spec.kind == TableKind::kDense;
  ASSIGN_OR_RETURN(auto slots,
                   DeviceArray<float>::Make(dense ? optimizer.DenseSlots(spec.size)
                                                  : rows * optimizer.SlotStride(spec.dim)));
  tables_.push_back({.dim = spec.dim,
                     .rows = rows,
                     .optimizer = std::move(optimizer),
                     .weights = std::move(weights),
                     .slots = std::move(slots)});
  return absl::OkStatus();
}

// From the first weights: ftrl keeps them in its slots.
absl::Status DeviceTables::InitSlots(const TableSpec& spec, StreamView stream, Table* table) {
  if (spec.kind == TableKind::kDense) {
    return table->optimizer.Init(stream, DeviceWeights{.weights = table->weights.data(),
                                                       .slots = table->slots.data(),
                                                       .size = spec.size});
  }
  return table->optimizer.Init(stream, DeviceRows{.weights = table->weights.data(),
                                                  .slots = table->slots.data(),
                                                  .rows = table->rows,
                                                  .dim = spec.dim});
}

absl::Status DeviceTables::Fill(const TableSpec& spec, uint64_t seed, const Stream& stream,
                                Table* table) {
  if (spec.initializer.kind == InitializerKind::kZero) {
    return ZeroAsync(stream.view(), table->weights.data(), table->weights.size());
  }
  const uint64_t at_once = std::max<uint64_t>(1, kStagedFloats / spec.dim);
  ASSIGN_OR_RETURN(auto staged, PinnedArray<float>::Make(at_once * spec.dim));
  for (uint64_t begin = 0; begin < table->rows; begin += at_once) {
    const uint64_t rows = std::min(at_once, table->rows - begin);
    for (uint64_t r = 0; r < rows; ++r) {
      InitialWeights(spec, RowKey(begin + r), seed, staged.data() + r * spec.dim);
    }
    RETURN_IF_ERROR(CopyAsync(stream.view(), table->weights.data() + begin * spec.dim,
                              staged.data(), rows * spec.dim));
    RETURN_IF_ERROR(stream.Wait());
  }
  return absl::OkStatus();
}

// The gradient's rows are those of the keys, behind the `first` rows that every batch has.
absl::Status DeviceTables::StepSparse(StreamView stream, size_t index, uint64_t first,
                                      const Gradients& gradients) {
  Table& table = tables_[index];
  const uint32_t stride = table.optimizer.SlotStride(table.dim);
  const float* const values = (*gradients.of_table)[index];
  float* const weights = table.weights.data();
  float* const slots = table.slots.data();
  if (first > 0) {
    RETURN_IF_ERROR(table.optimizer.StepRows(
        stream, {.weights = weights, .slots = slots, .rows = first, .dim = table.dim},
        {.capacity = static_cast<uint32_t>(first),
         .count = numeric_count_.data(),
         .keys = numeric_keys_.data(),
         .values = values}));
  }
  if (gradients.segments.capacity == 0) return absl::OkStatus();
  return table.optimizer.StepRows(stream,
                                  {.weights = weights + first * table.dim,
                                   .slots = slots + first * stride,
                                   .rows = table.rows - first,
                                   .dim = table.dim},
                                  {.capacity = gradients.segments.capacity,
                                   .count = gradients.segments.count,
                                   .keys = gradients.keys,
                                   .values = values + first * table.dim});
}

absl::Status DeviceTables::Step(StreamView stream, const NetworkShape& shape,
                                const Gradients& gradients) {
  std::vector<DenseStep> dense;
  for (size_t t = 0; t < tables_.size(); ++t) {
    if (!shape.IsDense(t)) {
      RETURN_IF_ERROR(StepSparse(stream, t, shape.FirstKey(t), gradients));
      continue;
    }
    dense.push_back({.optimizer = &tables_[t].optimizer,
                     .table = {.weights = tables_[t].weights.data(),
                               .slots = tables_[t].slots.data(),
                               .size = shape.tables()[t].size},
                     .gradient = (*gradients.of_table)[t]});
  }
  return StepDense(stream, dense);
}

absl::Status DeviceTables::Read(const Stream& stream, Parameters* rows) const {
  for (size_t t = 0; t < rows->size(); ++t) {
    const std::vector<RowKey>& keys = (*rows)[t].keys;
    const Table& table = tables_[t];
    const size_t floats = keys.size() * table.dim;
    ASSIGN_OR_RETURN(auto host_keys, PinnedArray<uint64_t>::Make(keys.size()));
    ASSIGN_OR_RETURN(auto device_keys, DeviceArray<uint64_t>::Make(keys.size()));
    ASSIGN_OR_RETURN(auto host, PinnedArray<float>::Make(floats));
    ASSIGN_OR_RETURN(auto device, DeviceArray<float>::Make(floats));
    for (size_t i = 0; i < keys.size(); ++i) {
      CHECK(keys[i].value() < table.rows);
      host_keys[i] = keys[i].value();
    }
    RETURN_IF_ERROR(CopyAsync(stream.view(), device_keys.data(), host_keys.data(), keys.size()));
    RETURN_IF_ERROR(GatherRows(stream.view(),
                               {.weights = table.weights.data(),
                                .dim = table.dim,
                                .keys = device_keys.data(),
                                .count = keys.size()},
                               device.data()));
    RETURN_IF_ERROR(CopyAsync(stream.view(), host.data(), device.data(), floats));
    RETURN_IF_ERROR(stream.Wait());
    (*rows)[t].values.assign(host.data(), host.data() + floats);
  }
  return absl::OkStatus();
}

}  // namespace rubato
