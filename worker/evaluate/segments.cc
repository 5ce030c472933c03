#include "worker/evaluate/segments.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/algorithm/container.h"
#include "absl/strings/str_format.h"
#include "common/base/json_text.h"
#include "common/base/status.h"
#include "worker/data/encode/json_fields.h"
#include "worker/evaluate/scoring.h"

namespace rubato {
namespace {

// Rows that the quarters of a number are cut by.
constexpr uint64_t kRowsToCutBy = 20'000;
constexpr size_t kQuarters = 4;

// In the column's own unit.
std::string NumberName(const NumericEncoding& column, float encoded) {
  const double value = static_cast<double>(encoded) * column.deviation + column.mean;
  return absl::StrFormat(
      "%.4g", column.signed_log ? std::copysign(std::expm1(std::abs(value)), value) : value);
}

// Segments of one column while rows are added.
struct ColumnCut {
  SegmentedColumn cut;
  std::vector<float> upper;  // of a number: a segment's largest values, but for the last one's
  uint64_t first_level = 0;  // of a category
};

class SegmentCounter {
 public:
  SegmentCounter(const Encoding& encoding, const Target& target, const Dataset& data)
      : encoding_(encoding), target_(target), data_(data) {
    const size_t numbers = std::min(encoding.numeric.size(), kMostSegmentColumns);
    CutNumbers(numbers);
    CutCategories(std::min(encoding.categories.size(), kMostSegmentColumns - numbers));
  }
  void Add(const Batch& batch, std::span<const float> prediction);
  std::vector<SegmentedColumn> Take() &&;

 private:
  void CutNumbers(size_t columns);
  void CutCategories(size_t columns);
  static void AddTo(const Segment& row, Segment* segment);

  const Encoding& encoding_;
  const Target& target_;
  const Dataset& data_;
  std::vector<ColumnCut> numbers_;
  std::vector<ColumnCut> categories_;
};

void SegmentCounter::CutNumbers(size_t columns) {
  std::vector<uint64_t> sample(std::min(kRowsToCutBy, data_.rows()));
  for (size_t i = 0; i < sample.size(); ++i) sample[i] = i * data_.rows() / sample.size();
  Batch batch;
  data_.Read(sample, &batch);
  std::vector<float> values(batch.rows);
  for (size_t k = 0; k < columns; ++k) {
    const NumericEncoding& column = encoding_.numeric[k];
    ColumnCut& of = numbers_.emplace_back();
    of.cut.column = column.name;
    for (size_t r = 0; r < batch.rows; ++r)
      values[r] = batch.numeric[r * batch.numeric_columns + k];
    std::sort(values.begin(), values.end());
    for (size_t quarter = 1; quarter < kQuarters; ++quarter) {
      const float upper = values[(values.size() - 1) * quarter / kQuarters];
      if (upper >= values.back() || (!of.upper.empty() && upper <= of.upper.back())) continue;
      of.upper.push_back(upper);
      of.cut.segments.push_back({absl::StrCat("up to ", NumberName(column, upper)), 0, 0, 0});
    }
    const std::string last =
        of.upper.empty() ? "all" : absl::StrCat("above ", NumberName(column, of.upper.back()));
    of.cut.segments.push_back({last, 0, 0, 0});
  }
}

void SegmentCounter::CutCategories(size_t columns) {
  uint64_t first = 0;
  for (size_t k = 0; k < columns; ++k) {
    const CategoryEncoding& column = encoding_.categories[k];
    ColumnCut& of = categories_.emplace_back();
    of.cut.column = column.name;
    of.first_level = first;
    of.cut.segments.push_back({"other", 0, 0, 0});
    of.cut.segments.push_back({"missing", 0, 0, 0});
    for (const std::string& level : column.levels) of.cut.segments.push_back({level, 0, 0, 0});
    first += of.cut.segments.size();
  }
}

void SegmentCounter::AddTo(const Segment& row, Segment* segment) {
  segment->size += row.size;
  segment->actual += row.actual;
  segment->expected += row.expected;
}

void SegmentCounter::Add(const Batch& batch, std::span<const float> prediction) {
  for (size_t r = 0; r < batch.rows; ++r) {
    const auto weight = static_cast<double>(batch.weights[r]);
    const float offset = batch.offsets.empty() ? 0.0F : batch.offsets[r];
    const Segment row = {"", weight * PredictConstant(target_, 1.0, offset),
                         weight * static_cast<double>(batch.labels[r]),
                         weight * static_cast<double>(prediction[r])};
    for (size_t k = 0; k < numbers_.size(); ++k) {
      const float value = batch.numeric[r * batch.numeric_columns + k];
      const auto& upper = numbers_[k].upper;
      const auto at = static_cast<size_t>(absl::c_lower_bound(upper, value) - upper.begin());
      AddTo(row, &numbers_[k].cut.segments[at]);
    }
    for (size_t k = 0; k < categories_.size(); ++k) {
      const uint64_t level = batch.categories[r * batch.category_columns + k];
      AddTo(row, &categories_[k].cut.segments[level - categories_[k].first_level]);
    }
  }
}

std::vector<SegmentedColumn> SegmentCounter::Take() && {
  std::vector<SegmentedColumn> columns;
  const auto take = [&columns](SegmentedColumn&& column) {
    std::erase_if(column.segments, [](const Segment& segment) { return !(segment.size > 0.0); });
    if (column.segments.size() > 1) columns.push_back(std::move(column));
  };
  for (ColumnCut& of : numbers_) take(std::move(of.cut));
  for (ColumnCut& of : categories_) {
    std::vector<Segment>& levels = of.cut.segments;
    const auto larger = [](const Segment& a, const Segment& b) { return a.size > b.size; };
    std::stable_sort(levels.begin(), levels.end(), larger);
    if (levels.size() > kMostSegmentLevels + 1) {
      Segment rest = {absl::StrFormat("%d others", levels.size() - kMostSegmentLevels), 0, 0, 0};
      for (size_t i = kMostSegmentLevels; i < levels.size(); ++i) AddTo(levels[i], &rest);
      levels.resize(kMostSegmentLevels);
      levels.push_back(std::move(rest));
    }
    take(std::move(of.cut));
  }
  return columns;
}

}  // namespace

std::vector<SegmentedColumn> SegmentsOf(const Encoding& encoding, const Target& target,
                                        const Dataset& data, std::span<const float> prediction) {
  const auto tells_level = [](const MetricSpec& metric) {
    return absl::string_view(metric.name) == "actual_expected";
  };
  if (!absl::c_any_of(DescriptionOf(target).metrics, tells_level) || data.rows() == 0) return {};
  SegmentCounter counter(encoding, target, data);
  const absl::Status counted = ForEachChunk(data, [&](uint64_t begin, const Batch& batch) {
    counter.Add(batch, prediction.subspan(begin, batch.rows));
    return absl::OkStatus();
  });
  CHECK(counted.ok());
  return std::move(counter).Take();
}

std::string FormatSegments(const std::vector<SegmentedColumn>& columns) {
  std::string json;
  for (const SegmentedColumn& column : columns) {
    std::string segments;
    for (const Segment& segment : column.segments) {
      absl::StrAppend(
          &segments, segments.empty() ? "" : ",", "{\"name\":", QuotedText(AsUtf8(segment.name)),
          ",\"size\":", JsonText(segment.size), ",\"actual\":", JsonText(segment.actual),
          ",\"expected\":", JsonText(segment.expected), "}");
    }
    absl::StrAppend(&json, json.empty() ? "" : ",\n ",
                    "{\"column\":", QuotedText(AsUtf8(column.column)), ",\"segments\":[", segments,
                    "]}");
  }
  return absl::StrCat("[", json, "]");
}

}  // namespace rubato
