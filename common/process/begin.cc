#include "common/process/begin.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/telemetry/process_events.h"
#include "common/wire/endpoint.h"

namespace rubato {
namespace {

std::vector<ResolvedValue> ValuesOf(StartRole role, const Start& start) {
  std::vector<ResolvedValue> values;
  const auto add = [&values](const char* name, const std::optional<Said>& said) {
    if (said) values.push_back({name, said->value, said->by});
  };
  add("run", start.run);
  if (role == StartRole::kServer || role == StartRole::kWorker) {
    values.push_back({role == StartRole::kServer ? "server" : "seat",
                      absl::StrCat(start.index.index), start.index.by});
  }
  if (!start.local_rank.by.empty()) {
    values.push_back({"local rank", absl::StrCat(start.local_rank.index), start.local_rank.by});
  }
  add("scheduler", start.scheduler);
  add("listen", start.listen);
  add("advertise", start.advertise);
  add("keys", start.keys);
  return values;
}

Role RoleOf(StartRole role) {
  return role == StartRole::kServer   ? Role::kShard
         : role == StartRole::kWorker ? Role::kWorker
                                      : Role::kReader;
}

// What a process may come to open for its work, which comes first.
uint64_t FilesOfWork(StartRole role, const Beginning& beginning) {
  constexpr uint64_t kData = 64;  // and snapshots
  const Job& job = beginning.job;
  if (role != StartRole::kServer) return kData + FilesOfEndpoint(uint64_t{job.places} + 1);
  return kData + beginning.run.fleet.shards_per_server * FilesOfEndpoint(uint64_t{job.seats} + 2);
}

KeyRole KeyRoleOf(StartRole role) {
  switch (role) {
    case StartRole::kScheduler:
      return KeyRole::kScheduler;
    case StartRole::kServer:
      return KeyRole::kServer;
    case StartRole::kWorker:
      return KeyRole::kWorker;
    case StartRole::kReader:
      break;
  }
  return KeyRole::kReader;
}

// "run /run (RUBATO_RUN), seat 3 (--seat)".
void Tell(std::vector<ResolvedValue> values, EventLog* events) {
  LogInfo(absl::StrJoin(values, ", ", [](std::string* out, const ResolvedValue& value) {
    absl::StrAppend(out, value.name, " ", value.value, " (", value.by, ")");
  }));
  events->Write(ResolvedEvent{std::move(values)});
}

}  // namespace

void AddStartFlags(StartRole role, CLI::App* app, StartFlags* flags) {
  app->add_option("--run", flags->run, "run folder, made by rubato-data prepare; else RUBATO_RUN");
  app->add_option("--keys", flags->keys,
                  "folder with the key of this role and the list of keys; else RUBATO_KEYS");
  if (role != StartRole::kScheduler) {
    app->add_option("--scheduler", flags->scheduler,
                    "address of the scheduler; else fleet.host and fleet.port of the run, or "
                    "RUBATO_SCHEDULER");
  }
  if (role == StartRole::kScheduler || role == StartRole::kServer) {
    app->add_option("--listen", flags->listen,
                    "ipc:///PATH or tcp://HOST:PORT; else RUBATO_LISTEN");
  }
  if (role == StartRole::kScheduler || role == StartRole::kServer) {
    app->add_option("--advertise", flags->advertise,
                    "address that others are told to connect to, where it is not that of --listen; "
                    "of several shards, as of --listen, tcp ports count up and ipc paths end with "
                    "the place; else RUBATO_ADVERTISE");
  }
  if (role == StartRole::kServer) {
    app->add_option("--server", flags->index,
                    "index of this server, which says its shards; else RUBATO_SERVER, or the "
                    "number that an engine gives it");
  }
  if (role == StartRole::kWorker) {
    app->add_option("--seat", flags->index,
                    "index of this worker; else RUBATO_SEAT, or the number that an engine gives "
                    "it");
    app->add_option("--local-rank", flags->local_rank,
                    "how many workers before this one are on its host, whose GPUs are dealt out by "
                    "it; else RUBATO_LOCAL_RANK, an engine's local rank, or the seat");
  }
}

absl::StatusOr<Beginning> Begin(const Starter& starter, const Frame& frame) {
  ASSIGN_OR_RETURN(const Said run, FindRun(starter));
  Beginning beginning;
  ASSIGN_OR_RETURN(beginning.job, LoadJob(run.value));
  beginning.run = {.folder = run.value, .fleet = {}, .seats = beginning.job.seats};
  ASSIGN_OR_RETURN(beginning.run.fleet, LoadFleetSection(run.value));
  ASSIGN_OR_RETURN(beginning.start, FindStart(starter, run, beginning.run));
  Tell(ValuesOf(starter.role, beginning.start), frame.events);
  const std::string keys = beginning.start.keys ? beginning.start.keys->value : "";
  ASSIGN_OR_RETURN(beginning.keys, FindKeys(keys, KeyRoleOf(starter.role)));
  if (starter.role != StartRole::kScheduler) {
    frame.stream->Open({.scheduler = beginning.start.scheduler->value,
                        .role = RoleOf(starter.role),
                        .index = beginning.start.index.index,
                        .job_fingerprint = beginning.job.Fingerprint(),
                        .files_needed = FilesOfWork(starter.role, beginning),
                        .keys = beginning.keys});
  }
  return beginning;
}

}  // namespace rubato
