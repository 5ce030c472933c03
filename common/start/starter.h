// Who starts, and what is said to it: see common/start/start.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/environment.h"

namespace rubato {

// A reader evaluates or predicts: a worker without a seat.
enum class StartRole { kScheduler, kServer, kWorker, kReader };

// The command line. Each role has the flags that it needs.
struct StartFlags {
  std::optional<std::string> run = {};
  std::optional<std::string> scheduler = {};
  std::optional<std::string> listen = {};
  std::optional<std::string> advertise = {};
  std::optional<std::string> keys = {};
  std::optional<uint32_t> index = {};  // --seat of a worker, --server of a server
  std::optional<uint32_t> local_rank = {};
};

// What a process is started in.
struct Surroundings {
  Environment environment;
  std::string host_name;
};

// Who starts.
struct Starter {
  StartRole role = StartRole::kScheduler;
  StartFlags flags;
  Surroundings around;
};

struct Said {
  std::string value;
  std::string by;  // "--run", "RUBATO_RUN", "fleet.host and fleet.port"
};

}  // namespace rubato
