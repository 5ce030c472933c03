// Whether as much happens as is expected in segments of the rows: the levels of a category, the
// quarters of a number. A model may be right on the whole and wrong where it counts.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "worker/data/dataset/dataset.h"
#include "worker/data/encode/encoding.h"
#include "worker/spec/target.h"

namespace rubato {

// Columns that are cut, in the order of the encoding; beyond, a report is no reading matter.
inline constexpr size_t kMostSegmentColumns = 40;
// Levels of a category, the most frequent in these rows; the rest is one segment.
inline constexpr size_t kMostSegmentLevels = 8;

struct Segment {
  std::string name;   // "Paris", "18 to 31"
  double size = 0.0;  // weight, times exposure where rows have one
  double actual = 0.0;
  double expected = 0.0;
};

struct SegmentedColumn {
  std::string column;
  std::vector<Segment> segments;  // two at least
};

// Of means above 0 (a target whose judge tells "actual_expected"); else nothing. prediction:
// [rows].
std::vector<SegmentedColumn> SegmentsOf(const Encoding& encoding, const Target& target,
                                        const Dataset& data, std::span<const float> prediction);

// A JSON array of {column, segments: [{name, size, actual, expected}]}.
std::string FormatSegments(const std::vector<SegmentedColumn>& columns);

}  // namespace rubato
