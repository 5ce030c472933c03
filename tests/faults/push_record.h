// What a worker under chaos knows of its pushes, in a file that outlives it: written in place as it
// goes, so that a kill at any moment loses nothing. tests/faults/chaos.py reads it as well.
//
// A file is Records one after the other, a life each, little-endian; the last one grows.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace rubato {

inline constexpr size_t kMaxRecordedPlaces = 16;

struct PushRecord {
  uint64_t life = 0;
  uint64_t generation = 0;
  int64_t start = 0;                                  // J
  int64_t pushed = 0;                                 // next iteration to push
  std::array<int64_t, kMaxRecordedPlaces> applied{};  // acknowledged by each shard: all before this
};
static_assert(sizeof(PushRecord) == 32 + 8 * kMaxRecordedPlaces);

// Maps a new file. One thread.
class PushRecorder {
 public:
  static absl::StatusOr<PushRecorder> Make(const std::string& path);
  // A life begins; its record is to be kept up to date. nullptr: the file is full.
  PushRecord* Begin();

 private:
  explicit PushRecorder(PushRecord* records) : records_(records) {}

  PushRecord* records_;  // mapped until the process ends
  size_t count_ = 0;
};

// Those of a file that have begun.
absl::StatusOr<std::vector<PushRecord>> ReadPushRecords(const std::string& path);

}  // namespace rubato
