#include "common/start/start.h"

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "common/base/status.h"
#include "common/start/addresses.h"

namespace rubato {
namespace {

// What differs between the roles that have an index.
struct IndexWords {
  const char* flag;
  const char* variable;
  const char* what;     // of one: "seat"
  const char* holder;   // who has it: "worker"
  const char* setting;  // of the run file: how many there are
};
constexpr IndexWords kSeat = {"--seat", "RUBATO_SEAT", "seat", "worker", "fleet.workers"};
constexpr IndexWords kServer = {"--server", "RUBATO_SERVER", "server", "server", "fleet.servers"};
constexpr IndexWords kLocalRank = {"--local-rank", "RUBATO_LOCAL_RANK", "local rank", "worker", ""};

const IndexWords& WordsOf(StartRole role) { return role == StartRole::kServer ? kServer : kSeat; }

// How an engine numbers what it starts.
struct Rank {
  const char* variable;
  const char* size;         // how many it starts; "": it does not say
  const char* counts_with;  // only where this is set; "": always
};
constexpr std::array kRanks = {
    Rank{"JOB_COMPLETION_INDEX", "", ""}, Rank{"SLURM_PROCID", "SLURM_NTASKS", "SLURM_JOB_ID"},
    Rank{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", ""}, Rank{"RANK", "WORLD_SIZE", ""}};
constexpr std::array kLocalRanks = {Rank{"SLURM_LOCALID", "", "SLURM_JOB_ID"},
                                    Rank{"OMPI_COMM_WORLD_LOCAL_RANK", "", ""},
                                    Rank{"LOCAL_RANK", "", ""}};

bool HasIndex(StartRole role) { return role == StartRole::kServer || role == StartRole::kWorker; }

// nullopt: no number, or one too large for any run.
std::optional<uint32_t> Number(const std::string& text) {
  uint32_t number = 0;
  const bool digits = !text.empty() && absl::ascii_isdigit(static_cast<unsigned char>(text[0]));
  return digits && absl::SimpleAtoi(text, &number) ? std::optional(number) : std::nullopt;
}

absl::StatusOr<SaidIndex> IndexOf(const Said& said, const IndexWords& words, const char* size) {
  const std::optional<uint32_t> number = Number(said.value);
  if (number) return SaidIndex{*number, said.by, size};
  return absl::InvalidArgumentError(absl::StrFormat("%s is '%s', which is no %s: %ss count from 0",
                                                    said.by, said.value, words.what, words.what));
}

// The first of `ranks` that the environment has.
template <size_t kCount>
absl::StatusOr<std::optional<SaidIndex>> FindRank(const Environment& environment,
                                                  const std::array<Rank, kCount>& ranks,
                                                  const IndexWords& words) {
  for (const Rank& rank : ranks) {
    if (*rank.counts_with != '\0' && !FindVariable(environment, rank.counts_with)) continue;
    if (const auto said = FindVariable(environment, rank.variable)) {
      return IndexOf(*said, words, rank.size);
    }
  }
  return std::nullopt;
}

// Which GPU of its host a worker takes goes by it.
absl::StatusOr<SaidIndex> FindLocalRank(const Starter& starter, uint32_t seat) {
  if (starter.flags.local_rank) return SaidIndex{*starter.flags.local_rank, kLocalRank.flag, ""};
  const Environment& environment = starter.around.environment;
  if (const auto own = FindVariable(environment, kLocalRank.variable)) {
    return IndexOf(*own, kLocalRank, "");
  }
  ASSIGN_OR_RETURN(const auto rank, FindRank(environment, kLocalRanks, kLocalRank));
  return rank.value_or(SaidIndex{seat, "", ""});
}

// Of a StatefulSet's pod: "servers-3" is 3.
std::optional<SaidIndex> FindOrdinal(const Starter& starter) {
  if (!FindVariable(starter.around.environment, "KUBERNETES_SERVICE_HOST")) return std::nullopt;
  const size_t dash = starter.around.host_name.rfind('-');
  if (dash == std::string::npos) return std::nullopt;
  const std::optional<uint32_t> number = Number(starter.around.host_name.substr(dash + 1));
  if (!number) return std::nullopt;
  return SaidIndex{*number, absl::StrCat("host name ", starter.around.host_name), ""};
}

absl::Status IndexNotSaid(const Starter& starter) {
  const IndexWords& words = WordsOf(starter.role);
  return absl::InvalidArgumentError(absl::StrFormat(
      "nobody says which %s this is: give %s, or set %s, JOB_COMPLETION_INDEX, SLURM_PROCID (in a "
      "Slurm job), OMPI_COMM_WORLD_RANK or RANK%s",
      starter.role == StartRole::kServer ? "server" : "seat", words.flag, words.variable,
      starter.role == StartRole::kServer
          ? "; in Kubernetes the number at the end of the host's name says it"
          : ""));
}

uint32_t CountOf(StartRole role, const RunToStart& of) {
  return role == StartRole::kServer ? of.fleet.servers : of.seats;
}

// `size` must be what the run has of `role`, where it is set.
absl::Status CheckSize(const Environment& environment, const std::string& size, StartRole role,
                       const RunToStart& of) {
  const std::optional<Said> said =
      size.empty() ? std::nullopt : FindVariable(environment, size.c_str());
  const uint32_t count = CountOf(role, of);
  if (!said || Number(said->value) == count) return absl::OkStatus();
  const IndexWords& words = WordsOf(role);
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s is '%s', and the run in %s has %d %s%s: start as many, or change %s", said->by,
      said->value, of.folder, count, words.holder, count == 1 ? "" : "s", words.setting));
}

absl::Status CheckIndex(const Starter& starter, const SaidIndex& said, const RunToStart& of) {
  const uint32_t count = CountOf(starter.role, of);
  if (said.index >= count) {
    return absl::InvalidArgumentError(absl::StrFormat("%s %d: the run in %s has %ss 0 to %d",
                                                      said.by, said.index, of.folder,
                                                      WordsOf(starter.role).what, count - 1));
  }
  return CheckSize(starter.around.environment, said.size, starter.role, of);
}

const char* RoleWord(StartRole role) {
  return role == StartRole::kScheduler ? "scheduler"
         : role == StartRole::kServer  ? "server"
                                       : "worker";
}

// What engines that speak DMLC say of the whole fleet.
absl::Status CheckDmlc(const Starter& starter, const RunToStart& of) {
  const std::optional<Said> role = FindVariable(starter.around.environment, "DMLC_ROLE");
  const char* const own = RoleWord(starter.role);
  if (role && role->value != own) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "DMLC_ROLE is '%s', and this is rubato-%s: start the program of that role, or set it to %s",
        role->value, own, own));
  }
  RETURN_IF_ERROR(CheckSize(starter.around.environment, "DMLC_NUM_SERVER", StartRole::kServer, of));
  return CheckSize(starter.around.environment, "DMLC_NUM_WORKER", StartRole::kWorker, of);
}

absl::Status FindAddresses(const Starter& starter, const RunToStart& of, Start* start) {
  ASSIGN_OR_RETURN(std::optional<Said> scheduler, FindScheduler(starter, of.fleet));
  if (starter.role == StartRole::kScheduler || starter.role == StartRole::kServer) {
    start->listen = FindListen(starter, of.fleet, scheduler);
  }
  if (starter.role != StartRole::kScheduler) {
    if (!scheduler) return SchedulerNotSaid();
    start->scheduler = std::move(scheduler);
  }
  if (starter.role == StartRole::kWorker || starter.role == StartRole::kReader)
    return absl::OkStatus();
  if (!start->listen) return ListenNotSaid(starter.role);
  start->advertise = FindAdvertise(starter, *start->listen);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Said> FindRun(const Starter& starter) {
  const auto run = FindFlag(starter.flags.run, "--run", starter.around.environment, "RUBATO_RUN");
  if (run) return *run;
  return absl::InvalidArgumentError(
      "nobody says where the run is: give --run, or set RUBATO_RUN, to the folder that "
      "`rubato-data prepare` made");
}

absl::StatusOr<std::optional<SaidIndex>> FindIndex(const Starter& starter) {
  if (!HasIndex(starter.role)) return std::nullopt;
  const IndexWords& words = WordsOf(starter.role);
  if (starter.flags.index) return SaidIndex{*starter.flags.index, words.flag, ""};
  const Environment& environment = starter.around.environment;
  if (const auto own = FindVariable(environment, words.variable)) return IndexOf(*own, words, "");
  if (starter.role == StartRole::kServer) {
    if (auto ordinal = FindOrdinal(starter)) return ordinal;
  }
  return FindRank(environment, kRanks, words);
}

absl::StatusOr<Start> FindStart(const Starter& starter, const Said& run, const RunToStart& of) {
  Start start;
  start.run = run;
  RETURN_IF_ERROR(CheckDmlc(starter, of));
  if (HasIndex(starter.role)) {
    ASSIGN_OR_RETURN(const std::optional<SaidIndex> index, FindIndex(starter));
    if (!index) return IndexNotSaid(starter);
    RETURN_IF_ERROR(CheckIndex(starter, *index, of));
    start.index = *index;
  }
  if (starter.role == StartRole::kWorker) {
    ASSIGN_OR_RETURN(start.local_rank, FindLocalRank(starter, start.index.index));
  }
  RETURN_IF_ERROR(FindAddresses(starter, of, &start));
  start.keys = FindFlag(starter.flags.keys, "--keys", starter.around.environment, "RUBATO_KEYS");
  return start;
}

std::string NameOf(const Starter& starter) {
  const absl::StatusOr<std::optional<SaidIndex>> index = FindIndex(starter);
  const std::string role = RoleWord(starter.role);
  return index.ok() && *index ? absl::StrCat(role, "-", (*index)->index) : role;
}

}  // namespace rubato
