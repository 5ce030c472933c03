#include "server/snapshot/model_weights.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "common/base/status.h"
#include "server/snapshot/image_folder.h"

namespace rubato {
namespace {

// Puts one table together. Of a row that comes more than once the last one counts.
class TableInParts {
 public:
  explicit TableInParts(const TableSpec& spec) : table_{.spec = spec, .keys = {}, .weights = {}} {
    if (spec.kind != TableKind::kDense) return;
    table_.weights.resize(spec.size);
    has_block_.resize(spec.blocks());
  }

  absl::Status Add(const TableImage& rows);
  absl::StatusOr<TableWeights> Finish();

 private:
  absl::Status AddBlock(RowKey key, std::span<const float> block);
  void Sort();

  TableWeights table_;
  std::vector<bool> has_block_;  // dense
};

absl::Status TableInParts::Add(const TableImage& rows) {
  const TableSpec& spec = table_.spec;
  if (rows.row_floats < spec.dim) {
    return absl::DataLossError(
        absl::StrFormat("its table '%s' has rows of %d floats, fewer than the %d weights of one",
                        spec.name, rows.row_floats, spec.dim));
  }
  for (size_t i = 0; i < rows.keys.size(); ++i) {
    const auto row = std::span(rows.rows).subspan(i * rows.row_floats, spec.dim);
    if (spec.kind == TableKind::kDense) {
      RETURN_IF_ERROR(AddBlock(rows.keys[i], row));
    } else {
      table_.keys.push_back(rows.keys[i]);
      table_.weights.insert(table_.weights.end(), row.begin(), row.end());
    }
  }
  return absl::OkStatus();
}

absl::Status TableInParts::AddBlock(RowKey key, std::span<const float> block) {
  const TableSpec& spec = table_.spec;
  if (key.value() >= spec.blocks()) {
    return absl::DataLossError(absl::StrFormat("its table '%s' has a block %d, beyond its %d",
                                               spec.name, key.value(), spec.blocks()));
  }
  has_block_[key.value()] = true;
  const uint64_t first = key.value() * spec.dim;  // of the last block a part is padding
  std::ranges::copy(block.first(std::min<uint64_t>(spec.dim, spec.size - first)),
                    table_.weights.begin() + static_cast<std::ptrdiff_t>(first));
  return absl::OkStatus();
}

void TableInParts::Sort() {
  const uint32_t dim = table_.spec.dim;
  std::vector<size_t> order(table_.keys.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [this](size_t a, size_t b) { return table_.keys[a] < table_.keys[b]; });
  std::vector<RowKey> keys;
  std::vector<float> weights;
  keys.reserve(order.size());
  weights.reserve(order.size() * dim);
  for (size_t i = 0; i < order.size(); ++i) {
    const RowKey key = table_.keys[order[i]];
    if (i + 1 < order.size() && table_.keys[order[i + 1]] == key) continue;  // replaced
    keys.push_back(key);
    const auto row = std::span(table_.weights).subspan(order[i] * dim, dim);
    weights.insert(weights.end(), row.begin(), row.end());
  }
  table_.keys = std::move(keys);
  table_.weights = std::move(weights);
}

absl::StatusOr<TableWeights> TableInParts::Finish() {
  if (table_.spec.kind != TableKind::kDense) {
    Sort();
    return std::move(table_);
  }
  const auto missing = std::ranges::find(has_block_, false);
  if (missing == has_block_.end()) return std::move(table_);
  return absl::DataLossError(absl::StrFormat("no image of the snapshot has block %d of table '%s'",
                                             missing - has_block_.begin(), table_.spec.name));
}

absl::Status AddImage(const Image& image, const Job& job, std::vector<TableInParts>* tables) {
  if (image.job_fingerprint != job.Fingerprint()) {
    return absl::FailedPreconditionError("it is of another model than job.json");
  }
  for (const TableImage& rows : image.tables) {
    const auto spec = std::ranges::find(job.tables, rows.table, &TableSpec::id);
    if (spec == job.tables.end()) {
      return absl::DataLossError(
          absl::StrFormat("it has a table %d that job.json has not", rows.table.value()));
    }
    RETURN_IF_ERROR((*tables)[static_cast<size_t>(spec - job.tables.begin())].Add(rows));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<TableWeights>> ReadWeights(const Job& job,
                                                      const std::vector<ImageName>& images,
                                                      SnapshotStore* store) {
  std::vector<TableInParts> parts(job.tables.begin(), job.tables.end());
  for (const ImageName& name : images) {
    ASSIGN_OR_RETURN(const Image image, store->Read(name));
    const absl::Status status = AddImage(image, job, &parts);
    if (!status.ok()) return Annotate(status, "image " + ImageFolderName(name));
  }
  std::vector<TableWeights> tables;
  for (TableInParts& table : parts) {
    ASSIGN_OR_RETURN(tables.emplace_back(), table.Finish());
  }
  return tables;
}

}  // namespace rubato
