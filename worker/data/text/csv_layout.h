// How the lines of a CSV file are laid out: what a run file says of it, and what its first lines
// tell.
//
// A first line `sep=;` (Excel) names the separator and is no row. Else the separator is the one of
// `,` `;` `|` and tab that the header holds most of outside quotes; without a header, the first of
// `;` tab `|` `,` of which the first lines hold equally many, as `,` may stand in their numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "worker/run_file/run_config.h"

namespace rubato {

struct CsvLayout {
  bool header = true;       // false: columns are called column_1, column_2, ...
  uint64_t skip_lines = 0;  // above the header, or above the first row
  uint64_t columns = 0;     // without a header, where it is known how many there are
  friend bool operator==(const CsvLayout&, const CsvLayout&) = default;
};
// HeaderLine::kAuto means that there is one.
CsvLayout LayoutOf(const DataConfig& data);

inline constexpr size_t kSeparators = 4;

// A line at the beginning of a file, quotes that it opens closed; none is blank.
struct FirstLine {
  uint64_t number = 0;                          // from 1, of the text that it was taken from
  std::array<size_t, kSeparators> counts = {};  // of each separator outside quotes
  std::array<size_t, kSeparators> filled = {};  // of these, those with text somewhere behind
  size_t words = 0;                             // between blanks, outside quotes
  char last = '\0';                             // its last byte, blanks behind it left out
};
inline constexpr size_t kFirstLines = 20;
// At most so many. A last one without its end counts if the text is the `whole` file, or if it is
// the first one.
std::vector<FirstLine> ReadFirstLines(absl::string_view text, bool whole,
                                      size_t most = kFirstLines);

// What a line `sep=X` says; nullopt when `text` does not begin with one. `size`: its bytes, the
// line end included.
std::optional<char> SeparatorLine(absl::string_view text, size_t* size);
char SniffSeparator(const std::vector<FirstLine>& lines, const CsvLayout& layout);
// Titles: how many lines stand above a table of which the first line can be no part, as it has no
// separator or fewer by two or more, those behind all text left out. 0 without titles.
uint64_t CountTitleLines(const std::vector<FirstLine>& lines);
// How many fields each line has if blanks separate them, three at least; 0 for other files.
size_t CountBlankSeparated(const std::vector<FirstLine>& lines);

}  // namespace rubato
