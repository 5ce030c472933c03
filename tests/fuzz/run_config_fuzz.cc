// Any bytes are a run file or a sentence; what was accepted loads back from its resolved copy.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "worker/run_file/run_config.h"
#include "worker/run_file/run_config_format.h"
#include "worker/run_file/run_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto environment = [](const std::string& name) -> std::optional<std::string> {
    return name.empty() ? std::nullopt : std::optional<std::string>("/data");
  };
  std::string text(reinterpret_cast<const char*>(data), size);
  // A zero byte ends the file and starts the value of an override.
  std::vector<rubato::Override> overrides;
  if (const size_t end = text.find('\0'); end != std::string::npos) {
    overrides.push_back({"data.label", text.substr(end + 1)});
    text.resize(end);
  }
  const auto config = rubato::ParseRunConfig(text, "/f/run.toml", overrides, environment);
  if (!config.ok()) return 0;
  const auto again =
      rubato::ParseRunConfig(rubato::FormatRunConfigToml(*config), "/g/r.toml", {}, environment);
  if (!again.ok() || !(*again == *config)) std::abort();
  return 0;
}
