// Run files written in a test, and what is said of those that must be refused.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "gtest/gtest.h"
#include "worker/run_file/run_file.h"

namespace rubato {

inline constexpr char kFile[] = "/runs/my.toml";
inline constexpr char kCsv[] = "[data]\npath = \"loans.csv\"\nlabel = \"default\"\n";

inline Environment Variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
}

inline absl::StatusOr<RunConfig> Parse(const std::string& text,
                                       const std::vector<Override>& set = {}) {
  return ParseRunConfig(text, kFile, set, Variables({{"DATA", "/data"}, {"LOOP", "${DATA}"}}));
}

// The error of a run file that must be refused.
inline std::string ErrorOf(const std::string& text, const std::vector<Override>& set = {}) {
  const auto config = Parse(text, set);
  if (config.ok()) return "no error";
  EXPECT_EQ(ExitCode(config.status()), kExitUsage);
  return std::string(config.status().message());
}

// The error of the small valid file with one more line at its end, inside [data].
inline std::string ErrorWith(const std::string& lines) {
  return ErrorOf(std::string(kCsv) + lines);
}

}  // namespace rubato
