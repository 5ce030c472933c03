// How a process of a fleet begins: its flags, what it needs from whoever says it
// (common/start/start.h), and the job of its run. Included by mains only.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "common/job/job.h"
#include "common/keys/key_ring.h"
#include "common/process/process.h"
#include "common/start/start.h"

namespace rubato {

// The flags of a role. None is required: an environment may say what they say.
void AddStartFlags(StartRole role, CLI::App* app, StartFlags* flags);

struct Beginning {
  Start start;
  RunToStart run;
  Job job;
  std::shared_ptr<KeyRing> keys;  // null: none, and only loopback
};

// Finds all that `starter` needs, and tells what it is and who said it: as event "resolved", and as
// a line of the log. From then on its events go to the scheduler, if it is another.
absl::StatusOr<Beginning> Begin(const Starter& starter, const Frame& frame);

}  // namespace rubato
