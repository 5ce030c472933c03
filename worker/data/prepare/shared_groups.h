// Groups (split.group) that both the training file and a test file have: the split keeps a group in
// one part, but whose rows stand in which file is the user's doing, and a model that is tested on
// groups that it knows looks better than it is.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "worker/data/prepare/column_plan.h"
#include "worker/data/prepare/split.h"
#include "worker/run_file/run_config.h"

namespace rubato {

// One thread. Memory: 8 bytes for each group.
class SharedGroups {
 public:
  // The group of a row, not missing, of the training file (kNone) or, after all of these, of the
  // test file.
  void Add(absl::string_view group, TestFile file);
  // Of the files and the group of `config`, if the files share some.
  void Warn(const RunConfig& config, std::vector<Warning>* warnings) const;

 private:
  absl::flat_hash_set<uint64_t> training_;  // hashes
  absl::flat_hash_set<uint64_t> shared_;
  uint64_t test_rows_ = 0;
  uint64_t shared_rows_ = 0;
};

}  // namespace rubato
