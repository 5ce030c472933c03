#include "common/process/surroundings.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

namespace rubato {
namespace {

std::string HostName() {
  std::array<char, 256> name{};  // HOST_NAME_MAX is 64
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

Surroundings OwnSurroundings() {
  return {.environment =
              [](const std::string& name) {
                const char* const value = std::getenv(name.c_str());
                return value == nullptr ? std::nullopt : std::optional<std::string>(value);
              },
          .host_name = HostName()};
}

void ForgetManager() {
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
}

Surroundings NoSurroundings() {
  return {.environment = [](const std::string&) { return std::nullopt; }, .host_name = ""};
}

}  // namespace rubato
