#include "worker/evaluate/untrained_levels.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"

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

UntrainedLevels::UntrainedLevels(const Encoding& encoding, const ModelSpec& model) {
  for (size_t t = 0; t < model.tables.size(); ++t) {
    std::vector<Blank>& blanks = blanks_.emplace_back();
    if (model.tables[t].kind != TableKind::kSparse) continue;
    const uint64_t first = model.keys_of(t).categories;
    for (size_t k = 0; k < encoding.categories.size(); ++k) {
      AddBlanks(encoding.categories[k], first + model.data.level_begin[k], &blanks);
    }
  }
}

// What the mean for the reserved level `blank` is taken of.
std::vector<UntrainedLevels::Level> UntrainedLevels::TrainedLevels(const CategoryEncoding& column,
                                                                   uint64_t first_key,
                                                                   uint64_t blank) {
  std::vector<uint64_t> trained;
  if (blank == kMissingLevel && column.rows[kOtherLevel] >= kTrainedRows) {
    trained.push_back(kOtherLevel);
  }
  for (size_t i = 0; i < std::min(column.levels.size(), kMeanLevels); ++i) {
    trained.push_back(kReservedLevels + i);
  }
  double rows = 0.0;
  for (const uint64_t level : trained) rows += static_cast<double>(column.rows[level]);
  std::vector<Level> levels;
  for (const uint64_t level : trained) {
    const double share = static_cast<double>(column.rows[level]) / rows;
    levels.push_back({RowKey(first_key + level), static_cast<float>(share)});
  }
  return levels;
}

void UntrainedLevels::AddBlanks(const CategoryEncoding& column, uint64_t first_key,
                                std::vector<Blank>* blanks) {
  for (const uint64_t blank : {kOtherLevel, kMissingLevel}) {
    if (column.rows[blank] >= kTrainedRows) continue;
    std::vector<Level> levels = TrainedLevels(column, first_key, blank);
    if (!levels.empty()) blanks->push_back({RowKey(first_key + blank), std::move(levels)});
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
