// A column by its name.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rubato {

// Index of `name` in `header`; InvalidArgument says what it is wanted for ("data.label") and offers
// the nearest name.
absl::StatusOr<size_t> FindColumn(const std::vector<std::string>& header, const std::string& name,
                                  absl::string_view wanted_for);

}  // namespace rubato
