#include "worker/run_file/nearest_key.h"

#include <algorithm>
#include <cstddef>

namespace rubato {
namespace {

// Levenshtein distance, one row of the table at a time.
size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string Leaf(const std::string& key) { return key.substr(key.rfind('.') + 1); }

// A key under the wrong section, or under none, is one slip as well.
size_t KeyDistance(const std::string& unknown, const std::string& known) {
  return std::min(EditDistance(unknown, known), EditDistance(Leaf(unknown), Leaf(known)) + 1);
}

}  // namespace

std::string NearestKey(const std::string& unknown, const std::vector<std::string>& known) {
  std::string nearest;
  size_t least = std::max<size_t>(2, unknown.size() / 3) + 1;
  for (const std::string& key : known) {
    const size_t distance = KeyDistance(unknown, key);
    if (distance < least) {
      least = distance;
      nearest = key;
    }
  }
  return nearest;
}

}  // namespace rubato
