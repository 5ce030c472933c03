// Whether a column of a CSV file is a number or a category, and why.
//
// data.categorical and data.numeric overrule what the values say. Else a column is a number when
// all that is no number in it stands for a missing value: the known words (IsMissingAmongNumbers),
// and other texts when they are few among many different numbers, one to ten at most. Grades such
// as 1, 2, 3, A, B stay a category, and so do codes with leading zeros (007, 042): where they are
// many, or some and nearly all numbers have one width. Where they are few, it is said.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "worker/data/prepare/scan.h"
#include "worker/run_file/run_config.h"

namespace rubato {

enum class FeatureKind : uint8_t { kNumeric, kCategory };

struct KindChoice {
  FeatureKind kind = FeatureKind::kNumeric;
  std::string reason;                 // for a person, without the column's name: "texts"
  NumberForm form = {};               // numeric: how its numbers are written
  std::vector<TextCount> taken = {};  // numeric: texts of the column that are missing values
  bool named = false;                 // the run file says of which kind it is
};

// Different numbers that a column must have for each text that is taken as a missing value.
inline constexpr uint64_t kNumbersPerText = 10;
// Share of a column's numbers that have a leading zero from which all are codes, and the smaller
// one that will do where so many have the most frequent width.
inline constexpr double kManyLeadingZeros = 0.1;
inline constexpr double kLeadingZeroShare = 0.01;
inline constexpr double kOneWidthShare = 0.99;

KindChoice ChooseKind(const ColumnScan& column, const DataConfig& data);
// Whether the column holds numbers with marks that disagree, as $5 and €5, or 5% and 0.05.
bool MarksDisagree(const ColumnScan& column);

}  // namespace rubato
