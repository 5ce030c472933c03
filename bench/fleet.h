// The scheduler and the servers of a bench's fleet, each for a child process of its own. Both run
// until they are killed; servers keep no snapshots.
#pragma once

#include <string>

#include "common/base/ids.h"
#include "common/job/job.h"

namespace rubato {

void RunScheduler(const Job& job, const std::string& address);

struct ServerPlace {
  PlaceId place;
  std::string listen;
  std::string scheduler;
};
void RunServer(const Job& job, const ServerPlace& at);

}  // namespace rubato
