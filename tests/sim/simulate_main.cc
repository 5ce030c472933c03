// tests/simulate: seeded histories of the real machines under faults, and the mutations they must
// catch.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "tests/sim/draw.h"
#include "tests/sim/minimise.h"
#include "tests/sim/mutation.h"
#include "tests/sim/world.h"

namespace rubato::sim {
namespace {

struct Arguments {
  uint64_t seeds = 1000;
  uint64_t first_seed = 1;
  std::string mutation;
  std::string situation;
  std::string replay;
  bool minimise = false;
  bool list_mutations = false;
  bool trace = false;
};

struct Named {
  const char* name;
  const char* what;
  Mutation mutation;
};

constexpr Named kMutations[] = {
#define RUBATO_MUTATION_ROW(name, what) {#name, what, Mutation::name},
    RUBATO_MUTATION_LIST(RUBATO_MUTATION_ROW)
#undef RUBATO_MUTATION_ROW
};

// At most this many directed histories look for a mutation before the ordinary seeds.
constexpr uint64_t kDirectedSeeds = 1000;

// As many failing seeds of one run are made small.
constexpr uint64_t kMinimised = 3;

// The history that is running, for the handler of a failed CHECK.
const Config* running = nullptr;

// A machine's CHECK that fails is a violation as well: its seed must not be lost.
void NameSeed(int) {
  if (running == nullptr) return;
  std::printf("CHECK failed: tests/simulate --minimise --replay '%s'\n",
              running->Describe().c_str());
  std::fflush(stdout);
}

std::optional<Violation> RunSeed(const Config& config, World::Trace trace, Stats* stats) {
  running = &config;
  World world(config, trace);
  std::optional<Violation> violation = world.Run();
  Add(world.stats(), stats);
  if (violation || !config.deterministic) return violation;
  // V12: whatever happened, and for any number of shards, the same bits.
  Config calm = WithoutFaults(config);
  calm.places = config.places == 2 ? 3 : 2;
  World reference(calm, World::Trace::kOff);
  if (auto broken = reference.Run()) return broken;
  if (reference.final_sums() == world.final_sums()) return std::nullopt;
  return Violation{"V12", "deterministic mode gave other weights than the fault-free run"};
}

// The invariant that a history breaks, in a process of its own: a CHECK may end it.
std::string BreaksAlone(const Config& config) {
  int ends[2];
  if (pipe(ends) != 0) return "";
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGABRT, SIG_DFL);
    close(STDERR_FILENO);
    Stats stats;
    const auto violation = RunSeed(config, World::Trace::kOff, &stats);
    const std::string name = violation ? violation->invariant : "none";
    const ssize_t written = write(ends[1], name.data(), name.size());
    _exit(written == static_cast<ssize_t>(name.size()) ? 0 : 1);
  }
  close(ends[1]);
  char name[16] = {};
  const ssize_t size = read(ends[0], name, sizeof(name) - 1);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return "CHECK";
  return size > 0 && std::string(name) != "none" ? name : "";
}

// At most this many histories are run to make a failing one small.
constexpr int kMinimiseRuns = 1500;

void ReportSmallest(const Config& config, const std::string& invariant) {
  const Config smallest = Minimise(config, invariant, kMinimiseRuns, BreaksAlone);
  std::printf("  smallest that breaks %s: tests/simulate --replay '%s'\n", invariant.c_str(),
              smallest.Describe().c_str());
}

void Report(const char* what, const Config& config, const Violation& violation) {
  std::printf("VIOLATION of %s in %s %llu: %s\n  tests/simulate --replay '%s'\n",
              violation.invariant.c_str(), what, static_cast<unsigned long long>(config.seed),
              violation.what.c_str(), config.Describe().c_str());
}

// Histories biased towards the situation in which the mutation bites, until one catches it.
bool RunDirected(const std::string& mutation, World::Trace trace) {
  Stats stats;
  for (uint64_t seed = 1; seed <= kDirectedSeeds; ++seed) {
    const Config config = DrawConfig(seed, mutation);
    if (const auto violation = RunSeed(config, trace, &stats)) {
      Report("directed history", config, *violation);
      return true;
    }
  }
  std::printf("mutation %s was not caught by %llu directed histories\n", mutation.c_str(),
              static_cast<unsigned long long>(kDirectedSeeds));
  return false;
}

void PrintStats(const Stats& stats) {
  const auto row = [](const char* name, uint64_t value) {
    std::printf("  %-22s %llu\n", name, static_cast<unsigned long long>(value));
  };
  VisitSums([&](const char* name, const uint64_t& sum) { row(name, sum); }, stats);
  row("most joins of a seed", stats.most_joins);
  row("most sealed in a view", stats.most_sealed);
}

// One history as it was told.
int Replay(const Arguments& arguments, World::Trace trace) {
  std::string wrong;
  const std::optional<Config> config = ParseConfig(arguments.replay, &wrong);
  if (!config) {
    std::fprintf(stderr, "error: --replay has no such field or value: '%s'\n", wrong.c_str());
    return 2;
  }
  if (arguments.minimise) {
    const std::string invariant = BreaksAlone(*config);
    if (!invariant.empty()) ReportSmallest(*config, invariant);
    return invariant.empty() ? 0 : 1;
  }
  Stats stats;
  const auto violation = RunSeed(*config, trace, &stats);
  if (violation) Report("seed", *config, *violation);
  PrintStats(stats);
  return violation ? 1 : 0;
}

int RunAll(const Arguments& arguments) {
  signal(SIGABRT, NameSeed);
  const World::Trace trace = arguments.trace ? World::Trace::kOn : World::Trace::kOff;
  if (!arguments.replay.empty()) return Replay(arguments, trace);
  uint64_t violations = 0;
  if (!arguments.mutation.empty()) violations += RunDirected(arguments.mutation, trace);
  Stats stats;
  uint64_t fewest_steps = ~uint64_t{0};
  for (uint64_t i = 0; i < arguments.seeds; ++i) {
    const Config config = DrawConfig(arguments.first_seed + i, arguments.situation);
    Stats one;
    if (const auto violation = RunSeed(config, trace, &one)) {
      Report("seed", config, *violation);
      if (++violations <= kMinimised) ReportSmallest(config, violation->invariant);
    }
    fewest_steps = std::min(fewest_steps, one.steps);
    Add(one, &stats);
  }
  if (arguments.seeds > 0) {
    PrintStats(stats);
    std::printf("  %-22s %llu\n", "fewest steps of a seed",
                static_cast<unsigned long long>(fewest_steps));
  }
  std::printf("%llu seeds, %llu violations\n", static_cast<unsigned long long>(arguments.seeds),
              static_cast<unsigned long long>(violations));
  return violations == 0 ? 0 : 1;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(
      "Simulates a fleet under faults and checks the protocol's invariants after every step");
  app.add_option("--seeds", arguments.seeds, "number of histories");
  app.add_option("--first-seed", arguments.first_seed, "seed of the first one");
  app.add_option("--mutation", arguments.mutation, "make this mistake on purpose");
  app.add_option("--situation", arguments.situation,
                 "draw histories as for this mistake, which nobody makes, or nobody_stays");
  app.add_option("--replay", arguments.replay, "one history: NAME=VALUE of what is not plain");
  app.add_flag("--minimise", arguments.minimise, "with --replay: make it as small as it can be");
  app.add_flag("--list-mutations", arguments.list_mutations, "print the mistakes, one a line");
  app.add_flag("--trace", arguments.trace, "print the last steps before a violation");
  CLI11_PARSE(app, argc, argv);
  if (arguments.list_mutations) {
    for (const Named& named : kMutations) std::printf("%s  %s\n", named.name, named.what);
    return 0;
  }
  for (const Named& named : kMutations) {
    if (arguments.mutation == named.name) active_mutation = named.mutation;
  }
  if (!arguments.mutation.empty() && active_mutation == Mutation::none) {
    std::fprintf(stderr, "error: unknown mutation '%s'; --list-mutations names them\n",
                 arguments.mutation.c_str());
    return 2;
  }
  return RunAll(arguments);
}

}  // namespace
}  // namespace rubato::sim

int main(int argc, char** argv) { return rubato::sim::Main(argc, argv); }
