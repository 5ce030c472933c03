// The addresses of a start (common/start/start.h): where the scheduler is met, where a process
// listens, and what others are told.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/job/fleet_section.h"
#include "common/start/starter.h"

namespace rubato {

// A variable that is set and not empty.
std::optional<Said> FindVariable(const Environment& environment, const char* name);
// A flag, else the variable of our own.
std::optional<Said> FindFlag(const std::optional<std::string>& flag, const char* name,
                             const Environment& environment, const char* variable);

// Each is nullopt where nobody says it; there is a sentence for what somebody must.
// InvalidArgument: a variable is no good.
absl::StatusOr<std::optional<Said>> FindScheduler(const Starter& starter,
                                                  const FleetSection& fleet);
absl::Status SchedulerNotSaid();
// `scheduler`: as of FindScheduler.
std::optional<Said> FindListen(const Starter& starter, const FleetSection& fleet,
                               const std::optional<Said>& scheduler);
absl::Status ListenNotSaid(StartRole role);
std::optional<Said> FindAdvertise(const Starter& starter, const Said& listen);

}  // namespace rubato
