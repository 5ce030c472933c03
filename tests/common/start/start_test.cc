// What a process needs, from whoever says it: what counts, what is refused, and with which
// sentence.
#include "common/start/start.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

using Variables = std::map<std::string, std::string>;

Starter StarterIn(StartRole role, Variables variables, StartFlags flags = {}) {
  return {.role = role,
          .flags = std::move(flags),
          .around = {.environment =
                         [variables = std::move(variables)](const std::string& name) {
                           const auto found = variables.find(name);
                           return found == variables.end() ? std::nullopt
                                                           : std::optional(found->second);
                         },
                     .host_name = "servers-1"}};
}

// 2 servers of 3 shards, 4 workers; nobody has said where they meet.
RunToStart SomeRun() {
  return {.folder = "/run",
          .fleet = {.servers = 2, .shards_per_server = 3, .host = "127.0.0.1", .port = 0},
          .seats = 4};
}

// What a role starts with, "name value (by), ..."; or the sentence of the error.
std::string Found(const Starter& starter, const RunToStart& run = SomeRun()) {
  const auto start = FindStart(starter, {"/run", "--run"}, run);
  if (!start.ok()) return "error: " + std::string(start.status().message());
  std::vector<std::string> said;
  if (!start->index.by.empty()) {
    said.push_back(absl::StrCat("index ", start->index.index, " (", start->index.by, ")"));
  }
  const auto add = [&said](const char* name, const std::optional<Said>& one) {
    if (one) said.push_back(absl::StrCat(name, " ", one->value, " (", one->by, ")"));
  };
  add("scheduler", start->scheduler);
  add("listen", start->listen);
  add("advertise", start->advertise);
  add("keys", start->keys);
  std::string text;
  for (const std::string& one : said) absl::StrAppend(&text, text.empty() ? "" : ", ", one);
  return text;
}

const std::pair<std::string, std::string> kScheduler = {"RUBATO_SCHEDULER", "tcp://head:7000"};

// The index that `variables` say.
std::string IndexIn(StartRole role, Variables variables, StartFlags flags = {}) {
  variables.insert(kScheduler);
  variables.insert({"RUBATO_LISTEN", "tcp://*:0"});
  const std::string found = Found(StarterIn(role, std::move(variables), std::move(flags)));
  return absl::StartsWith(found, "error") ? found : found.substr(0, found.find(", "));
}

TEST(Start, FirstWhoSaysItCounts) {
  EXPECT_EQ(FindRun(StarterIn(StartRole::kWorker, {{"RUBATO_RUN", "/a"}}))->by, "RUBATO_RUN");
  const StartFlags flags = {.run = "/b"};
  EXPECT_EQ(FindRun(StarterIn(StartRole::kWorker, {{"RUBATO_RUN", "/a"}}, flags))->value, "/b");
  EXPECT_EQ(FindRun(StarterIn(StartRole::kWorker, {{"RUBATO_RUN", ""}})).status().message(),
            "nobody says where the run is: give --run, or set RUBATO_RUN, to the folder that "
            "`rubato-data prepare` made");
}

TEST(Start, SeatOfAWorker) {
  Variables all = {{"RUBATO_SEAT", "0"},  {"JOB_COMPLETION_INDEX", "1"}, {"SLURM_JOB_ID", "77"},
                   {"SLURM_PROCID", "2"}, {"OMPI_COMM_WORLD_RANK", "3"}, {"RANK", "1"}};
  EXPECT_EQ(IndexIn(StartRole::kWorker, all, {.index = 3}), "index 3 (--seat)");
  for (const auto& [name, seat] :
       std::vector<std::pair<std::string, std::string>>{{"RUBATO_SEAT", "0"},
                                                        {"JOB_COMPLETION_INDEX", "1"},
                                                        {"SLURM_PROCID", "2"},
                                                        {"OMPI_COMM_WORLD_RANK", "3"},
                                                        {"RANK", "1"}}) {
    EXPECT_EQ(IndexIn(StartRole::kWorker, all), "index " + seat + " (" + name + ")");
    all.erase(name);
  }
  EXPECT_EQ(IndexIn(StartRole::kWorker, all),
            "error: nobody says which seat this is: give --seat, or set RUBATO_SEAT, "
            "JOB_COMPLETION_INDEX, SLURM_PROCID (in a Slurm job), OMPI_COMM_WORLD_RANK or RANK");
}

// The number of workers before it on its host, and who says so.
std::string LocalRankIn(Variables variables, StartFlags flags = {}) {
  variables.insert(kScheduler);
  variables.insert({"RUBATO_SEAT", "3"});
  const auto start =
      FindStart(StarterIn(StartRole::kWorker, std::move(variables), std::move(flags)),
                {"/run", "--run"}, SomeRun());
  if (!start.ok()) return "error: " + std::string(start.status().message());
  return absl::StrCat(start->local_rank.index, " (", start->local_rank.by, ")");
}

TEST(Start, LocalRankOfAWorker) {
  EXPECT_EQ(LocalRankIn({}), "3 ()");  // the seat
  EXPECT_EQ(LocalRankIn({{"SLURM_LOCALID", "1"}}), "3 ()");
  EXPECT_EQ(LocalRankIn({{"SLURM_LOCALID", "1"}, {"SLURM_JOB_ID", "77"}}), "1 (SLURM_LOCALID)");
  EXPECT_EQ(LocalRankIn({{"OMPI_COMM_WORLD_LOCAL_RANK", "0"}, {"LOCAL_RANK", "2"}}),
            "0 (OMPI_COMM_WORLD_LOCAL_RANK)");
  EXPECT_EQ(LocalRankIn({{"LOCAL_RANK", "2"}}), "2 (LOCAL_RANK)");
  EXPECT_EQ(LocalRankIn({{"LOCAL_RANK", "2"}, {"RUBATO_LOCAL_RANK", "1"}}),
            "1 (RUBATO_LOCAL_RANK)");
  EXPECT_EQ(LocalRankIn({{"RUBATO_LOCAL_RANK", "1"}}, {.local_rank = 0}), "0 (--local-rank)");
  EXPECT_EQ(LocalRankIn({{"LOCAL_RANK", "first"}}),
            "error: LOCAL_RANK is 'first', which is no local rank: local ranks count from 0");
}

TEST(Start, IndexOfAServer) {
  EXPECT_EQ(IndexIn(StartRole::kServer, {{"RUBATO_SERVER", "0"}, {"RANK", "1"}}),
            "index 0 (RUBATO_SERVER)");
  EXPECT_EQ(IndexIn(StartRole::kServer, {{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}}),
            "index 1 (host name servers-1)");
  EXPECT_EQ(IndexIn(StartRole::kServer, {{"RANK", "0"}}), "index 0 (RANK)");
  EXPECT_EQ(IndexIn(StartRole::kServer, {{"RUBATO_SEAT", "0"}}),
            "error: nobody says which server this is: give --server, or set RUBATO_SERVER, "
            "JOB_COMPLETION_INDEX, SLURM_PROCID (in a Slurm job), OMPI_COMM_WORLD_RANK or RANK; in "
            "Kubernetes the number at the end of the host's name says it");
  // A worker's place is a rank's, whatever its host is called.
  EXPECT_EQ(IndexIn(StartRole::kWorker, {{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}, {"RANK", "3"}}),
            "index 3 (RANK)");
}

TEST(Start, SlurmCountsInsideAJob) {
  EXPECT_EQ(IndexIn(StartRole::kWorker, {{"SLURM_PROCID", "2"}, {"RANK", "1"}}), "index 1 (RANK)");
}

TEST(Start, IndexThatIsNone) {
  EXPECT_EQ(IndexIn(StartRole::kWorker, {{"JOB_COMPLETION_INDEX", "x"}}),
            "error: JOB_COMPLETION_INDEX is 'x', which is no seat: seats count from 0");
  for (const char* none : {"-1", "+1", " 1", "1.5", "4294967296", "1 2"}) {
    EXPECT_EQ(
        IndexIn(StartRole::kServer, {{"RANK", none}}),
        absl::StrCat("error: RANK is '", none, "', which is no server: servers count from 0"));
  }
  EXPECT_EQ(IndexIn(StartRole::kWorker, {{"RANK", "4"}}),
            "error: RANK 4: the run in /run has seats 0 to 3");
  EXPECT_EQ(IndexIn(StartRole::kServer, {}, {.index = 2}),
            "error: --server 2: the run in /run has servers 0 to 1");
}

TEST(Start, EngineWithAnotherNumberOfProcesses) {
  EXPECT_EQ(IndexIn(StartRole::kWorker, {{"RANK", "3"}, {"WORLD_SIZE", "4"}}), "index 3 (RANK)");
  EXPECT_EQ(IndexIn(StartRole::kWorker, {{"RANK", "3"}, {"WORLD_SIZE", "8"}}),
            "error: WORLD_SIZE is '8', and the run in /run has 4 workers: start as many, or change "
            "fleet.workers");
  EXPECT_EQ(IndexIn(StartRole::kServer,
                    {{"SLURM_JOB_ID", "7"}, {"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "many"}}),
            "error: SLURM_NTASKS is 'many', and the run in /run has 2 servers: start as many, or "
            "change fleet.servers");
  EXPECT_EQ(
      IndexIn(StartRole::kWorker, {{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "1"}}),
      "error: OMPI_COMM_WORLD_SIZE is '1', and the run in /run has 4 workers: start as many, or "
      "change fleet.workers");
  // Another engine's number is not asked for: it may have started something else.
  EXPECT_EQ(
      IndexIn(StartRole::kWorker, {{"RANK", "3"}, {"SLURM_JOB_ID", "7"}, {"SLURM_NTASKS", "1"}}),
      "index 3 (RANK)");
  EXPECT_EQ(IndexIn(StartRole::kWorker, {{"WORLD_SIZE", "8"}}, {.index = 3}), "index 3 (--seat)");
}

TEST(Start, DmlcSaysTheFleet) {
  EXPECT_EQ(IndexIn(StartRole::kWorker, {{"DMLC_ROLE", "worker"},
                                         {"DMLC_NUM_WORKER", "4"},
                                         {"DMLC_NUM_SERVER", "2"},
                                         {"RANK", "0"}}),
            "index 0 (RANK)");
  EXPECT_EQ(Found(StarterIn(StartRole::kScheduler, {{"DMLC_NUM_WORKER", "3"}})),
            "error: DMLC_NUM_WORKER is '3', and the run in /run has 4 workers: start as many, or "
            "change fleet.workers");
  EXPECT_EQ(Found(StarterIn(StartRole::kScheduler, {{"DMLC_NUM_SERVER", "1"}})),
            "error: DMLC_NUM_SERVER is '1', and the run in /run has 2 servers: start as many, or "
            "change fleet.servers");
  EXPECT_EQ(Found(StarterIn(StartRole::kServer, {{"DMLC_ROLE", "worker"}})),
            "error: DMLC_ROLE is 'worker', and this is rubato-server: start the program of that "
            "role, or set it to server");
}

TEST(Start, WhereTheSchedulerIs) {
  Variables all = {{"RUBATO_SCHEDULER", "tcp://a:1"},
                   {"DMLC_PS_ROOT_URI", "b"},
                   {"DMLC_PS_ROOT_PORT", "2"},
                   {"MASTER_ADDR", "fe80::1"},
                   {"MASTER_PORT", "3"}};
  const auto found = [&all](StartFlags flags, const RunToStart& run) {
    return Found(StarterIn(StartRole::kReader, all, std::move(flags)), run);
  };
  RunToStart run = SomeRun();
  run.fleet.host = "localhost";
  run.fleet.port = 9;
  EXPECT_EQ(found({.scheduler = "ipc:///s"}, run), "scheduler ipc:///s (--scheduler)");
  EXPECT_EQ(found({}, run), "scheduler tcp://127.0.0.1:9 (fleet.host and fleet.port)");
  run = SomeRun();
  EXPECT_EQ(found({}, run), "scheduler tcp://a:1 (RUBATO_SCHEDULER)");
  all.erase("RUBATO_SCHEDULER");
  EXPECT_EQ(found({}, run), "scheduler tcp://b:2 (DMLC_PS_ROOT_URI and DMLC_PS_ROOT_PORT)");
  all.erase("DMLC_PS_ROOT_URI");
  EXPECT_EQ(found({}, run),
            "error: DMLC_PS_ROOT_PORT is set and DMLC_PS_ROOT_URI is not: set both, or neither");
  all.erase("DMLC_PS_ROOT_PORT");
  EXPECT_EQ(found({}, run), "scheduler tcp://[fe80::1]:3 (MASTER_ADDR and MASTER_PORT)");
  for (const char* none : {"x", "0", "65536", "7000-7100"}) {
    all["MASTER_PORT"] = none;
    EXPECT_EQ(found({}, run), absl::StrCat("error: MASTER_PORT is '", none,
                                           "', which is no port: ports are 1 to 65535"));
  }
  all.clear();
  EXPECT_EQ(found({}, run),
            "error: nobody says where the scheduler is: give --scheduler, or fleet.host and "
            "fleet.port in the run file, or set RUBATO_SCHEDULER, DMLC_PS_ROOT_URI and "
            "DMLC_PS_ROOT_PORT, or MASTER_ADDR and MASTER_PORT");
}

TEST(Start, SchedulerListensWhereItIsMet) {
  const auto found = [](Variables variables, StartFlags flags = {}) {
    return Found(StarterIn(StartRole::kScheduler, std::move(variables), std::move(flags)));
  };
  EXPECT_EQ(found({kScheduler, {"RUBATO_LISTEN", "tcp://*:7000"}}, {.listen = "ipc:///s"}),
            "listen ipc:///s (--listen)");
  EXPECT_EQ(found({kScheduler, {"RUBATO_LISTEN", "tcp://*:7000"}}),
            "listen tcp://*:7000 (RUBATO_LISTEN)");
  EXPECT_EQ(found({kScheduler, {"DMLC_INTERFACE", "eth1"}}),
            "listen tcp://eth1:7000 (DMLC_INTERFACE)");
  EXPECT_EQ(found({kScheduler}), "listen tcp://head:7000 (RUBATO_SCHEDULER)");
  EXPECT_EQ(found({{"RUBATO_SCHEDULER", "ipc:///s"}, {"DMLC_INTERFACE", "eth1"}}),
            "listen ipc:///s (RUBATO_SCHEDULER)");
  EXPECT_EQ(found({}),
            "error: nobody says where this scheduler listens: give --listen, or fleet.host and "
            "fleet.port in the run file, or set RUBATO_LISTEN, RUBATO_SCHEDULER, DMLC_PS_ROOT_URI "
            "and DMLC_PS_ROOT_PORT, or MASTER_ADDR and MASTER_PORT");
}

// What a server with index 1 says of its own address.
std::string AddressOfServer(Variables variables, StartFlags flags = {}) {
  flags.index = 1;
  const std::string found =
      Found(StarterIn(StartRole::kServer, std::move(variables), std::move(flags)));
  return absl::StartsWith(found, "error") ? found : found.substr(found.find("listen"));
}

TEST(Start, WhereAServerListens) {
  EXPECT_EQ(AddressOfServer({kScheduler, {"RUBATO_LISTEN", "tcp://*:7001"}}),
            "listen tcp://*:7001 (RUBATO_LISTEN)");
  EXPECT_EQ(AddressOfServer({kScheduler, {"DMLC_INTERFACE", "eth1"}}),
            "listen tcp://eth1:0 (DMLC_INTERFACE)");
  EXPECT_EQ(AddressOfServer({kScheduler, {"DMLC_NODE_HOST", "10.0.0.2"}}),
            "listen tcp://10.0.0.2:0 (DMLC_NODE_HOST)");
  for (const char* here : {"tcp://127.0.0.1:7", "tcp://localhost:7", "tcp://[::1]:7"}) {
    EXPECT_EQ(AddressOfServer({{"RUBATO_SCHEDULER", here}}),
              "listen tcp://127.0.0.1:0 (the scheduler is on loopback)");
  }
  EXPECT_EQ(AddressOfServer({kScheduler}),
            "error: nobody says where this server listens: give --listen, or fleet.interface in "
            "the run file, or set RUBATO_LISTEN, DMLC_INTERFACE (an interface's name) or "
            "DMLC_NODE_HOST");
}

// What the run file says of listening.
TEST(Start, InterfaceAndPortsOfTheRun) {
  RunToStart run = SomeRun();
  const auto listen = [&run](StartRole role, Variables variables, StartFlags flags = {}) {
    variables.insert(kScheduler);
    flags.index = 0;
    const std::string found = Found(StarterIn(role, std::move(variables), std::move(flags)), run);
    return found.substr(found.find("listen"));
  };
  run.fleet.ports = "7000-7100";
  EXPECT_EQ(listen(StartRole::kServer, {{"DMLC_INTERFACE", "eth1"}}),
            "listen tcp://eth1:7000-7100 (DMLC_INTERFACE)");
  EXPECT_EQ(listen(StartRole::kServer, {{"RUBATO_SCHEDULER", "tcp://127.0.0.1:7"}}),
            "listen tcp://127.0.0.1:7000-7100 (the scheduler is on loopback)");
  run.fleet.interface = "eth2";
  const Variables own = {{"RUBATO_LISTEN", "tcp://*:1"}};
  EXPECT_EQ(listen(StartRole::kServer, own), "listen tcp://eth2:7000-7100 (fleet.interface)");
  EXPECT_EQ(listen(StartRole::kServer, own, {.listen = "ipc:///s"}), "listen ipc:///s (--listen)");
  EXPECT_EQ(listen(StartRole::kScheduler, own), "listen tcp://eth2:7000-7100 (fleet.interface)");
  run.fleet.port = 6999;
  EXPECT_EQ(listen(StartRole::kScheduler, own), "listen tcp://eth2:6999 (fleet.interface)");
  // What address an interface of another host has is not in the run file.
  EXPECT_EQ(Found(StarterIn(StartRole::kReader, {kScheduler}), run),
            "scheduler tcp://head:7000 (RUBATO_SCHEDULER)");
}

TEST(Start, WhatOthersAreTold) {
  const std::pair<std::string, std::string> listen = {"RUBATO_LISTEN", "tcp://*:7001"};
  const std::pair<std::string, std::string> host = {"DMLC_NODE_HOST", "10.0.0.2"};
  EXPECT_EQ(AddressOfServer({kScheduler, listen, host, {"RUBATO_ADVERTISE", "tcp://b:1"}},
                            {.advertise = "tcp://a:1"}),
            "listen tcp://*:7001 (RUBATO_LISTEN), advertise tcp://a:1 (--advertise)");
  EXPECT_EQ(AddressOfServer({kScheduler, listen, host, {"RUBATO_ADVERTISE", "tcp://b:1"}}),
            "listen tcp://*:7001 (RUBATO_LISTEN), advertise tcp://b:1 (RUBATO_ADVERTISE)");
  EXPECT_EQ(AddressOfServer({kScheduler, listen, host}),
            "listen tcp://*:7001 (RUBATO_LISTEN), advertise tcp://10.0.0.2:7001 (DMLC_NODE_HOST)");
  EXPECT_EQ(
      AddressOfServer({kScheduler, {"RUBATO_LISTEN", "tcp://*:7000-7100"}, host}),
      "listen tcp://*:7000-7100 (RUBATO_LISTEN), advertise tcp://10.0.0.2:0 (DMLC_NODE_HOST)");
}

TEST(Start, Keys) {
  EXPECT_EQ(Found(StarterIn(StartRole::kReader, {kScheduler, {"RUBATO_KEYS", "/k"}})),
            "scheduler tcp://head:7000 (RUBATO_SCHEDULER), keys /k (RUBATO_KEYS)");
  EXPECT_EQ(
      Found(StarterIn(StartRole::kReader, {kScheduler, {"RUBATO_KEYS", "/k"}}, {.keys = "/f"})),
      "scheduler tcp://head:7000 (RUBATO_SCHEDULER), keys /f (--keys)");
}

TEST(Start, NameOfAProcess) {
  EXPECT_EQ(NameOf(StarterIn(StartRole::kWorker, {{"RANK", "3"}})), "worker-3");
  EXPECT_EQ(NameOf(StarterIn(StartRole::kServer, {{"RANK", "x"}})), "server");
  EXPECT_EQ(NameOf(StarterIn(StartRole::kScheduler, {{"RANK", "3"}})), "scheduler");
}

}  // namespace
}  // namespace rubato
