// Text from a data file inside a sentence for a person: one line, at most as long as a word or two,
// and nothing in it that a terminal would obey.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace rubato {

// Bytes of the text that are shown; "..." stands for the rest.
inline constexpr size_t kShownBytes = 40;

// `text` with line ends and tabs as \n, \r and \t; as \xNN: other control characters, invisible
// ones, those that turn the direction of writing, and bytes that are no UTF-8.
std::string ShowText(absl::string_view text);

// "1 row", "7 rows".
std::string ShowRows(uint64_t rows);

// The first bytes of `text`, at most so many, which end with a whole character.
absl::string_view BeginningOf(absl::string_view text, size_t bytes);

}  // namespace rubato
