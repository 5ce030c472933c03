#include "worker/data/prepare/shared_groups.h"

#include <xxhash.h>

#include "absl/strings/str_format.h"
#include "worker/data/text/show_text.h"

namespace rubato {

void SharedGroups::Add(absl::string_view group, TestFile file) {
  const uint64_t hash = XXH3_64bits(group.data(), group.size());
  if (file == TestFile::kNone) {
    training_.insert(hash);
    return;
  }
  ++test_rows_;
  if (!training_.contains(hash)) return;
  ++shared_rows_;
  shared_.insert(hash);
}

void SharedGroups::Warn(const RunConfig& config, std::vector<Warning>* warnings) const {
  if (shared_rows_ == 0) return;
  const std::string& name = config.split.group;
  warnings->push_back(
      {name, "shared_groups",
       absl::StrFormat("%s: %d of %s are of groups ('%s', %d of them) that %s has too, "
                       "so that the test is "
                       "partly on what the model knows; leave these rows out of one of the files",
                       config.data.test_path, shared_rows_, ShowRows(test_rows_), ShowText(name),
                       shared_.size(), config.data.path)});
}

}  // namespace rubato
