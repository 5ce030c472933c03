// Which rows train, validate and test.
//
// By hash: H = first 4 bytes of MD5 of the row's decimal index, big-endian; with split.seed = S
// other than 0, of the text "S:H" once more. h = H mod 100; train when h < train_percent,
// validation when h < train_percent + validation_percent, else test. The index counts every data
// row from 0, also rows that are dropped later, so that a row's part depends on nothing but its
// place. With split.group it is the group's text instead of the index, so that a group is whole in
// one part. With a test file of its own, all rows of the main file that the rule does not call
// validation train.
//
// Stratified, where the hash would leave a part that has a share with fewer than kFewRows rows of a
// class and there are no groups: the rows of each class, in the order of (h, H, index), are cut by
// the percents, and each part gets one row at least while there are that many.
//
// By time: rows sorted by a time column; the oldest train_percent train, the next validate, the
// newest test. Rows of one moment stay together: those of the moment at which a share is full go to
// the next part, so the shares are met only as closely as the column allows. Where what tests is
// said otherwise, by split.test_from (rows of that moment or later) or a test file, the newest
// validation_percent of the other rows validate, and all that are older train.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "worker/data/prepare/label.h"
#include "worker/run_file/run_config.h"

namespace rubato {

enum class SplitPart : uint8_t { kTrain = 0, kValidation = 1, kTest = 2, kDropped = 3 };
inline constexpr size_t kSplitParts = 3;  // those with rows
// "train", "validation", "test".
const char* SplitPartName(SplitPart part);

enum class TestFile : uint8_t { kNone, kGiven };

// Rows of a class in a part below which the hash gives way to strata, and figures say little.
inline constexpr uint64_t kFewRows = 5;

// Negative and positive: those whose rows are in a part.
inline constexpr size_t kRowClasses = 2;

// What a split is made from: the rows of the main file, in its order.
struct SplitRows {
  std::vector<LabelClass> classes;  // [rows] kIgnored also without a label: in no part
  std::vector<double> times;        // [rows] see ParseTime, NaN when missing; or empty
  std::vector<uint32_t> groups;     // [rows] SplitHash of the group's text, with split.group
  bool two_classes = true;          // of which each part needs rows; else all are kNegative
};

struct RowParts {
  std::vector<SplitPart> parts;  // [rows]
  bool stratified = false;
};

// The published hash H (seed 0) of a decimal row index or of a group's text.
uint32_t SplitHash(absl::string_view key);
// The part of a row whose H, seeded, is `hash`, where nothing is stratified.
SplitPart PartOfHash(uint32_t hash, const SplitConfig& split, TestFile test_file);
RowParts MakeSplit(const SplitRows& rows, const SplitConfig& split, TestFile test_file);

// Rows of each class in each part; those that are dropped are in none.
using PartClasses = std::array<std::array<uint64_t, kRowClasses>, kSplitParts>;
PartClasses CountClasses(const SplitRows& rows, const std::vector<SplitPart>& parts);
// Percents of the rows that the three parts are to have; with split.test_from, of those before it,
// and of the test that it is to have some.
std::array<int64_t, kSplitParts> SplitShares(const SplitConfig& split, TestFile test_file);

// Position of a row in time: a number as it is, or an ISO 8601 date ("2015-03-31", with "/" for "-"
// and a time of day to the second allowed) as the number YYYYMMDDhhmmss. nullopt for anything else.
std::optional<double> ParseTime(absl::string_view field);

}  // namespace rubato
