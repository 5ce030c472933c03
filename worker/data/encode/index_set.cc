#include "worker/data/encode/index_set.h"

#include <algorithm>

#include "common/base/status.h"

namespace rubato {
namespace {

bool Holds(std::span<const IndexRange> ranges, uint64_t index) {
  const auto above = std::upper_bound(
      ranges.begin(), ranges.end(), index,
      [](uint64_t wanted, const IndexRange& range) { return wanted < range.first; });
  return above != ranges.begin() && index <= std::prev(above)->last;
}

// Puts an index, larger than all before, behind them.
void Append(uint64_t index, std::vector<IndexRange>* ranges) {
  const bool joins = !ranges->empty() && ranges->back().last + 1 == index;
  if (joins || ranges->size() == kMaxIndexRanges) {
    ranges->back().last = index;
  } else {
    ranges->push_back({index, index});
  }
}

}  // namespace

void IndexRange::Widen(std::span<const uint64_t> indices) {
  if (indices.empty()) return;
  first = std::min(first, indices.front());
  last = std::max(last, indices.back());
}

void IndexSet::Add(std::span<const uint64_t> indices) {
  const auto end = std::lower_bound(indices.begin(), indices.end(), kToldIndices);
  if (end != indices.begin() && *std::prev(end) >= told_.size()) told_.resize(*std::prev(end) + 1);
  for (auto index = indices.begin(); index != end; ++index) told_[*index] = true;
  beyond_.Widen({end, indices.end()});
}

std::vector<IndexRange> IndexSet::Ranges() const {
  std::vector<IndexRange> ranges;
  for (uint64_t index = 0; index < told_.size(); ++index) {
    if (told_[index]) Append(index, &ranges);
  }
  if (beyond_.first > beyond_.last) return ranges;
  Append(beyond_.first, &ranges);
  ranges.back().last = beyond_.last;
  return ranges;
}

void CountIndices(std::span<const IndexRange> seen, std::span<const uint64_t> indices,
                  uint64_t line, ColumnNovelty* novelty) {
  novelty->cells += indices.size();
  for (const uint64_t index : indices) {
    if (!Holds(seen, index)) novelty->levels.Count(absl::StrCat(index), line);
  }
}

absl::Status CheckSameFirstIndex(const IndexRange& training, const IndexRange& file) {
  const bool from_zero = training.first == 1 && file.first == 0 && file.last < training.last;
  const bool from_one = training.first == 0 && file.first == 1 && file.last == training.last + 1;
  if (!from_zero && !from_one) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "its indices begin at %d and those of the training file at %d, so that each would be taken "
      "for its neighbour; write both from the same number",
      file.first, training.first));
}

}  // namespace rubato
