// Section "fleet" of a run folder's config.json: how many processes the run has, and where its
// scheduler is met. `rubato-data prepare` writes it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace rubato {

struct FleetSection {
  uint32_t servers = 1;
  uint32_t shards_per_server = 1;
  std::string host = {};       // where the scheduler listens, and is connected to
  std::string interface = {};  // what scheduler and servers listen on; "": it says none
  uint32_t port = 0;           // of the scheduler; 0: it says none
  std::string ports = {};      // "7000-7100", of servers; "": any
};

// From DIR/config.json, a checksummed file; errors name it.
absl::StatusOr<FleetSection> LoadFleetSection(const std::string& run_folder);

}  // namespace rubato
