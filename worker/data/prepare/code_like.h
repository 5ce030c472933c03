// Whether whole numbers are codes and not counts, for a person who is about to write a run file:
// an industry's number says nothing by being larger. `rubato init` writes such columns into
// data.categorical; `prepare` decides nothing by this.
//
// Told by the name (a whole word such as code, type, class, region), or by the label: the rates of
// the values rise and fall more than once, or, of at most kFewCodes values, no straight line of the
// log odds tells much of what the single rates tell. Both must be beyond chance, p < 1e-6.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "worker/data/prepare/cleanse.h"
#include "worker/data/prepare/scan.h"

namespace rubato {

inline constexpr size_t kFewCodes = 20;
// Rows per value without which a named code has too many values for a category.
inline constexpr uint64_t kRowsPerCode = 5;
// Share of what the rates tell that a straight line tells of a count. On real sets: 0.61 to 0.72 of
// payment states, 0.82 and more of counts.
inline constexpr double kLineShare = 0.75;

// Why a column of numbers holds codes; "" when it does not. `values`: all in rising order,
// sentinels left out, or none when they are many.
std::string CodeReason(const ColumnScan& column, std::span<const ValueCounts> values);

// Twice the log likelihood that the values' own rates gain over the best ones that rise and then
// fall, or fall and then rise, as the value grows (isotonic regression on both sides of each
// turning point).
double TurnsDeviance(std::span<const ValueCounts> values);
// The same over rates whose log odds are a straight line of the value, or of its signed log,
// whichever is better; and the share of the gain over one common rate that the line has.
struct LineFit {
  double deviance = 0.0;
  double share = 1.0;
};
LineFit FitLine(std::span<const ValueCounts> values);

}  // namespace rubato
