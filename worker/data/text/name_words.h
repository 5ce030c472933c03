// The words of a column's name, as people and programs write names.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rubato {

// Runs of letters, lower-case; a capital behind a small letter begins one:
// "detailedIndustry_recode2" is detailed, industry, recode, and "customerID" is customer, id. At
// least one, empty for a name without letters.
std::vector<std::string> WordsOf(absl::string_view name);

}  // namespace rubato
