// Which rows train, validate and test.
//
// By hash: h = (first 4 bytes of MD5 of the row's decimal index, big-endian) mod 100; train when
// h < train_percent, validation when h < train_percent + validation_percent, else test. The index
// counts every data row from 0, also rows that are dropped later, so that a row's part depends on
// nothing but its place. With a test file of its own, all rows of the main file that the rule does
// not call validation train.
//
// By time: rows sorted by a time column; the oldest train_percent train, the next validate, the
// newest test. Rows of one moment stay together: those of the moment at which a share is full go to
// the next part, so the shares are met only as closely as the column allows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/run_config.h"

namespace rubato {

enum class SplitPart : uint8_t { kTrain = 0, kValidation = 1, kTest = 2, kDropped = 3 };
inline constexpr size_t kSplitParts = 3;  // those with rows
// "train", "validation", "test".
const char* SplitPartName(SplitPart part);

enum class TestFile : uint8_t { kNone, kGiven };

// The published hash of a row's index, in [0, 100).
uint32_t SplitHash(uint64_t row);
SplitPart HashSplit(uint64_t row, const SplitConfig& split, TestFile test_file);

// Position of a row in time: a number as it is, or an ISO 8601 date ("2015-03-31", with "/" for "-"
// and a time of day to the second allowed) as the number YYYYMMDDhhmmss. nullopt for anything else.
std::optional<double> ParseTime(absl::string_view field);
// The part of each row; a row without a time (NaN) is dropped. times: [rows].
std::vector<SplitPart> TimeSplit(const std::vector<double>& times, const SplitConfig& split,
                                 TestFile test_file);

}  // namespace rubato
