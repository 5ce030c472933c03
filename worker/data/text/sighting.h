// Cells of a file that a person is told of: how many, and where the first of them stands.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace rubato {

struct Sighting {
  uint64_t cells = 0;
  std::string first;
  uint64_t line = 0;  // from 1
  // Adds a cell.
  void Count(absl::string_view field, uint64_t at_line);
};

}  // namespace rubato
