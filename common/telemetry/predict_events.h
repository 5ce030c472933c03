// What predicting tells, as the rest is told in common/telemetry/events.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace rubato {

// Predicting, from time to time.
struct PredictProgressEvent {
  static constexpr char kEvent[] = "progress";
  uint64_t rows = 0;  // scored
  void Fields(auto&& field) const { field("rows", rows); }
};

// Cells of one kind in a column of rows to be scored.
struct NovelCells {
  uint64_t cells = 0;
  std::string first;  // as it is shown to people
  uint64_t line = 0;  // of the first, from 1
  void Fields(auto&& field) const {
    field("cells", cells);
    field("first", first);
    field("line", line);
  }
};

// Predicting: what a column has that training never saw; kinds that it does not have are left out.
struct NoveltyEvent {
  static constexpr char kEvent[] = "novelty";
  std::string column;                        // "": LIBSVM, all features together
  uint64_t cells = 0;                        // looked at
  std::optional<NovelCells> levels = {};     // of a category
  std::optional<NovelCells> texts = {};      // where numbers should stand
  std::optional<NovelCells> outside = {};    // numbers below or above all of training
  std::optional<NovelCells> missing = {};    // where training missed none
  std::optional<NovelCells> unmatched = {};  // of a key, without a row to join
  void Fields(auto&& field) const {
    field("column", column);
    field("cells", cells);
    field("levels", levels);
    field("texts", texts);
    field("outside", outside);
    field("missing", missing);
    field("unmatched", unmatched);
  }
};

}  // namespace rubato
