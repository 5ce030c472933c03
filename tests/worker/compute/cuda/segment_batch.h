// The segments of a test's batch: its positions serve as keys.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "tests/worker/compute/cuda/feature_batch.h"
#include "worker/compute/cuda/kernels/features.h"

namespace rubato {

struct SegmentBatch {
  std::vector<uint32_t> position;  // [count] the key of segment p
  std::vector<uint32_t> begin;     // [occurrences + 1]
  std::vector<uint32_t> order;     // [occurrences]
};

inline SegmentBatch SegmentsOf(const FeatureBatch& batch) {
  const std::vector<uint32_t>& keys = batch.positions;
  SegmentBatch segments;
  segments.order.resize(keys.size());
  std::iota(segments.order.begin(), segments.order.end(), 0U);
  std::stable_sort(segments.order.begin(), segments.order.end(),
                   [&](uint32_t a, uint32_t b) { return keys[a] < keys[b]; });
  uint32_t filled = 0;
  for (const uint32_t i : segments.order) {
    if (keys[i] == kNoRow) break;
    if (segments.position.empty() || segments.position.back() != keys[i]) {
      segments.position.push_back(keys[i]);
      segments.begin.push_back(filled);
    }
    ++filled;
  }
  segments.begin.resize(keys.size() + 1, filled);
  return segments;
}

// In device memory.
struct DeviceSegments {
  DeviceArray<uint32_t> count;
  DeviceArray<uint32_t> begin;
  DeviceArray<uint32_t> order;
  Segments view() const {
    return {.capacity = static_cast<uint32_t>(order.size()),
            .count = count.data(),
            .begin = begin.data(),
            .order = order.data()};
  }
};

class SegmentsTest : public FeaturesTest {
 protected:
  DeviceSegments UploadSegments(const SegmentBatch& segments) {
    return {.count = Upload<uint32_t>({static_cast<uint32_t>(segments.position.size())}),
            .begin = Upload(segments.begin),
            .order = Upload(segments.order)};
  }
  void OverwriteSegments(DeviceSegments& device, const SegmentBatch& segments) {
    Overwrite(device.count, {static_cast<uint32_t>(segments.position.size())});
    Overwrite(device.begin, segments.begin);
    Overwrite(device.order, segments.order);
  }
};

}  // namespace rubato
