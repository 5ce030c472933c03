#include "worker/untrained_levels.h"

#include <algorithm>
#include <utility>

#include "common/status.h"
#include "worker/model/feature_keys.h"

namespace rubato {
namespace {

bool Holds(const std::vector<RowKey>& keys, RowKey key) {
  return std::binary_search(keys.begin(), keys.end(), key);
}

size_t IndexOf(const std::vector<RowKey>& keys, RowKey key) {
  const auto found = std::lower_bound(keys.begin(), keys.end(), key);
  CHECK(found != keys.end() && *found == key);
  return static_cast<size_t>(found - keys.begin());
}

}  // namespace

UntrainedLevels::UntrainedLevels(const Encoding& encoding, const std::vector<TableSpec>& tables) {
  const DatasetShape shape = encoding.Shape();
  for (const TableSpec& table : tables) {
    std::vector<Blank>& blanks = blanks_.emplace_back();
    if (table.kind != TableKind::kSparse) continue;
    for (size_t k = 0; k < encoding.categories.size(); ++k) {
      AddBlanks(encoding.categories[k], FirstLevelKey(table, shape) + shape.level_begin[k],
                &blanks);
    }
  }
}

void UntrainedLevels::AddBlanks(const CategoryEncoding& column, uint64_t first_key,
                                std::vector<Blank>* blanks) {
  const size_t known = std::min(column.levels.size(), kMeanLevels);
  std::vector<Level> levels;
  double rows = 0.0;
  for (size_t i = kReservedLevels; i < kReservedLevels + known; ++i) {
    rows += static_cast<double>(column.rows[i]);
  }
  for (size_t i = kReservedLevels; i < kReservedLevels + known; ++i) {
    const double share = static_cast<double>(column.rows[i]) / rows;
    levels.push_back({RowKey(first_key + i), static_cast<float>(share)});
  }
  for (const uint64_t level : {kOtherLevel, kMissingLevel}) {
    if (levels.empty() || column.rows[level] >= kTrainedRows) continue;
    blanks->push_back({RowKey(first_key + level), levels});
  }
}

void UntrainedLevels::AddKeys(Parameters* keys) const {
  CHECK(keys->size() == blanks_.size());
  for (size_t t = 0; t < blanks_.size(); ++t) {
    std::vector<RowKey>& wanted = (*keys)[t].keys;
    std::vector<RowKey> more;
    for (const Blank& blank : blanks_[t]) {
      if (!Holds(wanted, blank.key)) continue;
      for (const Level& level : blank.levels) more.push_back(level.key);
    }
    if (more.empty()) continue;
    wanted.insert(wanted.end(), more.begin(), more.end());
    std::sort(wanted.begin(), wanted.end());
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  }
}

void UntrainedLevels::Fill(Parameters* rows) const {
  CHECK(rows->size() == blanks_.size());
  for (size_t t = 0; t < blanks_.size(); ++t) {
    ParameterRows& table = (*rows)[t];
    for (const Blank& blank : blanks_[t]) {
      if (!Holds(table.keys, blank.key)) continue;
      const size_t dim = table.values.size() / table.keys.size();
      float* const mean = &table.values[IndexOf(table.keys, blank.key) * dim];
      std::fill_n(mean, dim, 0.0F);
      for (const Level& level : blank.levels) {
        const float* const row = &table.values[IndexOf(table.keys, level.key) * dim];
        for (size_t j = 0; j < dim; ++j) mean[j] += level.share * row[j];
      }
    }
  }
}

PullRows PullFilled(UntrainedLevels levels, PullRows pull) {
  return [levels = std::move(levels),
          pull = std::move(pull)](Parameters keys) -> absl::StatusOr<Parameters> {
    levels.AddKeys(&keys);
    ASSIGN_OR_RETURN(Parameters rows, pull(std::move(keys)));
    levels.Fill(&rows);
    return rows;
  };
}

}  // namespace rubato
