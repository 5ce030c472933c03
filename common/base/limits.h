// What a fleet and its data may consist of at most: readers, run file, job and wire hold to the
// same numbers, so that what one lets pass no other refuses. All are far above what a fleet of this
// product needs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rubato {

inline constexpr size_t kMaxPlaces = 1024;
inline constexpr size_t kMaxSeats = 1024;
inline constexpr uint64_t kMaxBatchRows = 1u << 20;  // of one worker in one iteration
inline constexpr size_t kMaxLives = 4096;            // of each list in a view or report
inline constexpr size_t kMaxTables = 1024;
inline constexpr size_t kMaxColumns = 65536;  // of a file of rows
// Of events that travel (common/telemetry/line_sender.h): of one, and of all in one message.
inline constexpr size_t kMaxLineBytes = 64u << 10;
inline constexpr size_t kMaxLines = 256;
inline constexpr size_t kMaxLinesBytes = 256u << 10;
inline constexpr uint32_t kMaxDim = 1u << 16;  // floats in a row; a dense block has 4096
// Clocks lie in [0, kMaxClock]: far from overflow whatever bound is added, exact as a double.
inline constexpr int64_t kMaxClock = int64_t{1} << 53;

}  // namespace rubato
