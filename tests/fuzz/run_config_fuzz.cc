// Any bytes are a run file or a sentence; what was accepted loads back from its resolved copy.
// Input: line_edits.h, and maybe an override.
//
// Decoders: worker/run_file/run_file.cc
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/fuzz/line_edits.h"
#include "worker/run_file/override.h"
#include "worker/run_file/run_config.h"
#include "worker/run_file/run_config_format.h"
#include "worker/run_file/run_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto environment = [](const std::string& name) -> std::optional<std::string> {
    return name.empty() ? std::nullopt : std::optional<std::string>("/data");
  };
  absl::string_view input(reinterpret_cast<const char*>(data), size);
  // A byte 1 starts an override; before it stands the file.
  std::vector<rubato::Override> overrides;
  if (const size_t end = input.find('\1'); end != std::string::npos) {
    auto override = rubato::ParseOverride(std::string(input.substr(end + 1)));
    if (!override.ok()) return 0;
    overrides.push_back(*std::move(override));
    input = input.substr(0, end);
  }
  const std::string text = rubato::WithLineEdits(input);
  const auto config = rubato::ParseRunConfig(text, "/f/run.toml", overrides, environment);
  if (!config.ok()) return 0;
  const auto again =
      rubato::ParseRunConfig(rubato::FormatRunConfigToml(*config), "/g/r.toml", {}, environment);
  if (!again.ok() || !(*again == *config)) std::abort();
  return 0;
}
