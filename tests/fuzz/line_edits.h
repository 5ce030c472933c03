// Inputs for decoders of text with a field a line (JSON, TOML), whose grammar no mutation of bytes
// would keep: the text up to the first zero byte, then pairs of bytes (line, value), each of which
// gives one line another value.
#pragma once

#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace rubato {

inline constexpr absl::string_view kOtherValues[] = {
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "2",
    "0.5",
    "-0.5",
    "1.5",
    "1e308",
    "18446744073709551615",
    "1e999",
    "\"\"",
    "\"x\"",
    "\"inf\"",
    "\"auto\"",
    "\".\"",
    "\",\"",
    "[]",
    "[1]",
    "[-1]",
    "[\"x\"]",
    "[\"\\ud800\"]",
    "{}",
    "[0.1,2]",
    "[[1,2]]",
    "[[2,1]]",
    "[[]]",
    "[{}]",
    "inf",
    "[0.1,0.5]",
    "[0.5,0.1]",
    "[\"b\",\"a\"]",
    "-9223372036854775808",
    "4294967296",
};

// What stands before the value stays: `name` and ": " or " = "; so does a comma after it.
inline void GiveOtherValue(absl::string_view value, std::string* line) {
  size_t begin = line->find(": ");
  if (begin != std::string::npos) begin += 2;
  if (begin == std::string::npos && (begin = line->find("= ")) != std::string::npos) begin += 2;
  if (begin == std::string::npos) begin = line->find_first_not_of(' ');
  if (begin == std::string::npos) return;
  const bool comma = line->back() == ',';
  line->resize(begin);
  absl::StrAppend(line, value);
  if (comma) line->push_back(',');
}

inline std::string WithLineEdits(absl::string_view input) {
  const size_t end = input.find('\0');
  if (end == absl::string_view::npos) return std::string(input);
  std::vector<std::string> lines = absl::StrSplit(input.substr(0, end), '\n');
  absl::string_view edits = input.substr(end + 1);
  for (; edits.size() >= 2; edits.remove_prefix(2)) {
    const auto value = static_cast<uint8_t>(edits[1]);
    GiveOtherValue(kOtherValues[value % std::size(kOtherValues)],
                   &lines[static_cast<uint8_t>(edits[0]) % lines.size()]);
  }
  return absl::StrJoin(lines, "\n");
}

}  // namespace rubato
