#include "worker/data/text/csv_layout.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace rubato {
namespace {

// The one that tells a table without a header stands first, see SniffSeparator.
constexpr char kSeparatorBytes[kSeparators] = {';', '\t', '|', ','};
constexpr size_t kComma = 3;

// The separator that it holds most of; of as many, the comma.
size_t MostFrequent(const FirstLine& line) {
  const auto most = std::max_element(line.counts.begin(), line.counts.end());
  if (line.counts[kComma] == *most) return kComma;
  return static_cast<size_t>(most - line.counts.begin());
}

bool EquallyMany(const std::vector<FirstLine>& lines, size_t separator) {
  const size_t count = lines.front().counts[separator];
  return count > 0 && std::all_of(lines.begin(), lines.end(), [&](const FirstLine& line) {
           return line.counts[separator] == count;
         });
}

// The separator that three lines from `at` on, or as many as there are but two at least, hold
// equally many of, so that they may be of one table.
std::optional<size_t> TableAt(const std::vector<FirstLine>& lines, size_t at) {
  const size_t end = std::min(lines.size(), at + 3);
  if (end - at < 2) return std::nullopt;
  const std::vector<FirstLine> table(lines.begin() + static_cast<std::ptrdiff_t>(at),
                                     lines.begin() + static_cast<std::ptrdiff_t>(end));
  for (size_t i = 0; i < kSeparators; ++i) {
    if (EquallyMany(table, i)) return i;
  }
  return std::nullopt;
}

void CountByte(char c, bool quoted, FirstLine* line) {
  const auto* found = std::find(std::begin(kSeparatorBytes), std::end(kSeparatorBytes), c);
  if (!quoted && found != std::end(kSeparatorBytes)) {
    ++line->counts[static_cast<size_t>(found - std::begin(kSeparatorBytes))];
  } else if (c != ' ' && c != '"') {
    line->filled = line->counts;
  }
}

}  // namespace

CsvLayout LayoutOf(const DataConfig& data) {
  return {.header = data.header != HeaderLine::kNo,
          .skip_lines = static_cast<uint64_t>(data.skip_lines)};
}

std::vector<FirstLine> ReadFirstLines(absl::string_view text, bool whole, size_t most) {
  std::vector<FirstLine> lines;
  FirstLine line;
  uint64_t number = 1;
  bool quoted = false;
  bool in_word = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (c == '\n') ++number;
    if (c == '\n' && !quoted) {
      if (line.last != '\0') lines.push_back(line);
      if (lines.size() == most) return lines;
      line = {};
      in_word = false;
      continue;
    }
    if (c == '\r' || c == '\n') continue;
    if (line.last == '\0') line.number = number;
    if (c != ' ' || line.last == '\0') line.last = c;
    if (c != ' ' && !in_word) ++line.words;
    in_word = quoted || c != ' ';
    CountByte(c, quoted, &line);
  }
  if ((whole || lines.empty()) && line.last != '\0') lines.push_back(line);
  return lines;
}

std::optional<char> SeparatorLine(absl::string_view text, size_t* size) {
  const size_t end = std::min(text.find('\n'), text.size());
  const absl::string_view line = absl::StripSuffix(text.substr(0, end), "\r");
  if (line.size() != 5 || !absl::StartsWithIgnoreCase(line, "sep=")) return std::nullopt;
  const char separator = line[4];
  const bool printable = absl::ascii_isprint(static_cast<unsigned char>(separator));
  const bool meant = separator == '\t' || (printable && separator != '"');
  if (!meant || absl::ascii_isalnum(static_cast<unsigned char>(separator))) return std::nullopt;
  *size = std::min(end + 1, text.size());
  return separator;
}

char SniffSeparator(const std::vector<FirstLine>& lines, const CsvLayout& layout) {
  if (lines.empty()) return ',';
  if (!layout.header) {
    for (size_t i = 0; i < kSeparators; ++i) {
      if (EquallyMany(lines, i)) return kSeparatorBytes[i];
    }
  }
  return kSeparatorBytes[MostFrequent(lines.front())];
}

size_t CountBlankSeparated(const std::vector<FirstLine>& lines) {
  constexpr size_t kFewest = 3;  // two words are a name, or a text
  if (lines.size() < 2) return 0;
  const size_t words = lines.front().words;
  const auto alike = [words](const FirstLine& line) {
    return line.words == words && std::count(line.counts.begin(), line.counts.end(), 0) ==
                                      static_cast<std::ptrdiff_t>(kSeparators);
  };
  return words >= kFewest && std::all_of(lines.begin(), lines.end(), alike) ? words : 0;
}

uint64_t CountTitleLines(const std::vector<FirstLine>& lines) {
  if (lines.size() < 3) return 0;
  const FirstLine& first = lines.front();
  for (size_t i = 0; i < kSeparators; ++i) {
    if (first.filled[i] > 0 && first.counts[i] == lines[1].counts[i]) return 0;
  }
  for (size_t at = 1; at < lines.size(); ++at) {
    const std::optional<size_t> separator = TableAt(lines, at);
    if (!separator || lines[at].filled[*separator] == 0) continue;
    const size_t count = lines[at].counts[*separator];
    const size_t above = first.filled[*separator];
    // One more may be an index without a name, or a separator at the end of each row.
    const bool ends_open = lines[at].last == kSeparatorBytes[*separator];
    const bool header = above + 1 >= count && (above > 0 || ends_open);
    return header ? 0 : lines[at].number - 1;
  }
  return 0;
}

}  // namespace rubato
