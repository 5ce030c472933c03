// How a process of a fleet begins: its flags, what it needs from whoever says it
// (common/start/start.h), and the job of its run. Included by mains only.
#pragma once

#include "absl/status/statusor.h"
#include "common/job/job.h"
#include "common/process/process.h"
#include "common/start/start.h"

namespace rubato {

// The flags of a role. None is required: an environment may say what they say.
void AddStartFlags(StartRole role, CLI::App* app, StartFlags* flags);

struct Beginning {
  Start start;
  RunToStart run;
  Job job;
};

// Finds all that `starter` needs, and tells what it is and who said it: as event "resolved", and as
// a line of the log. From then on its events go to the scheduler, if it is another.
absl::StatusOr<Beginning> Begin(const Starter& starter, const Frame& frame);

}  // namespace rubato
