// What a process needs before it can begin, and who says it. A launcher gives flags; an engine that
// starts processes by itself (Slurm, Kubernetes, systemd) speaks through the environment. Of what
// several say the first counts: a flag, the run file, a variable of our own (RUBATO_*), a variable
// of the engine.
//
//   what                  flag         run file        variable          of others
//   run folder            --run                        RUBATO_RUN
//   scheduler's address   --scheduler  fleet.host,     RUBATO_SCHEDULER  DMLC_PS_ROOT_URI and
//                                      fleet.port                        DMLC_PS_ROOT_PORT;
//                                                                        MASTER_ADDR, MASTER_PORT
//   where it listens      --listen     fleet.interface RUBATO_LISTEN     DMLC_INTERFACE,
//                                                                        DMLC_NODE_HOST
//   what others are told  --advertise                  RUBATO_ADVERTISE  DMLC_NODE_HOST
//   folder of keys        --keys                       RUBATO_KEYS
//   seat of a worker      --seat                       RUBATO_SEAT       an engine's rank
//   index of a server     --server                     RUBATO_SERVER     in Kubernetes the end of
//                                                                        the host's name; a rank
//   workers before this   --local-rank                 RUBATO_LOCAL_RANK an engine's local rank
//   one on its host
//
// A rank is JOB_COMPLETION_INDEX, SLURM_PROCID (where SLURM_JOB_ID is set), OMPI_COMM_WORLD_RANK or
// RANK; a local one SLURM_LOCALID (likewise), OMPI_COMM_WORLD_LOCAL_RANK or LOCAL_RANK, and else
// the seat. Beside the one that counts its engine's number of processes must be the run's; and so
// must DMLC_NUM_SERVER, DMLC_NUM_WORKER and DMLC_ROLE, wherever they are set. A variable that is
// empty counts as not set. Who is not told where to listen does so where the scheduler is met, if
// he is the scheduler, and on loopback, if the scheduler is there. A server's port is one of
// fleet.ports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/job/fleet_section.h"
#include "common/start/starter.h"

namespace rubato {

struct SaidIndex {
  uint32_t index = 0;
  std::string by;
  std::string size;  // variable that says how many there are; "": none does
};

// The run that it is to be part of.
struct RunToStart {
  std::string folder;
  FleetSection fleet;
  uint32_t seats = 1;  // of job.json
};

// Addresses are as they were said: the endpoint checks them.
struct Start {
  Said run;
  SaidIndex index;                // of a worker or server
  SaidIndex local_rank;           // of a worker; said by "": nobody, it is the seat
  std::optional<Said> scheduler;  // of all but the scheduler
  std::optional<Said> listen;     // of scheduler and servers
  // What others are told to connect to, where that is not where it listens. Port 0: that of listen.
  std::optional<Said> advertise;
  std::optional<Said> keys;
};

// All errors are InvalidArgument with a sentence that says what to set.
absl::StatusOr<Said> FindRun(const Starter& starter);
// As it is said, whatever the run has. nullopt: by nobody.
absl::StatusOr<std::optional<SaidIndex>> FindIndex(const Starter& starter);
// All of it. `run`: read from the folder that FindRun found.
absl::StatusOr<Start> FindStart(const Starter& starter, const Said& run, const RunToStart& of);

// "worker-3": what a process calls itself in its log and telemetry; "worker" where FindIndex fails.
std::string NameOf(const Starter& starter);

}  // namespace rubato
