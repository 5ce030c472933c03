// Errors of a run file: where a key got its value, and what is wrong with it.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace rubato {

// "FILE:LINE" or "--set KEY": where a key got its value, or the section that lacks it.
using KeyLocator = std::function<std::string(const std::string& key)>;

// InvalidArgument, "WHERE: SENTENCE".
inline absl::Status BadKey(const std::string& where, const std::string& sentence) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", sentence));
}

}  // namespace rubato
