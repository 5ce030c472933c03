// tests/simulate: seeded histories of the real machines under faults, and the mutations they must
// catch.
#include <signal.h>

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "tests/sim/mutation.h"
#include "tests/sim/world.h"

namespace rubato::sim {
namespace {

struct Arguments {
  uint64_t seeds = 1000;
  uint64_t first_seed = 1;
  std::string mutation;
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

// The history that is running, for the handler of a failed CHECK.
const Config* running = nullptr;

// A machine's CHECK that fails is a violation as well: its seed must not be lost.
void NameSeed(int) {
  if (running == nullptr) return;
  std::printf("CHECK failed in seed %llu\n  %s\n", static_cast<unsigned long long>(running->seed),
              running->Describe().c_str());
  std::fflush(stdout);
}

std::optional<Violation> RunSeed(const Config& config, World::Trace trace, Stats* stats) {
  running = &config;
  World world(config, trace);
  std::optional<Violation> violation = world.Run();
  stats->Add(world.stats());
  if (violation || !config.deterministic) return violation;
  // V12: whatever happened, and for any number of shards, the same bits.
  Config calm = WithoutFaults(config);
  calm.places = config.places == 2 ? 3 : 2;
  World reference(calm, World::Trace::kOff);
  if (auto broken = reference.Run()) return broken;
  if (reference.final_sums() == world.final_sums()) return std::nullopt;
  return Violation{"V12", "deterministic mode gave other weights than the fault-free run"};
}

void Report(const char* what, const Config& config, const Violation& violation) {
  std::printf("VIOLATION of %s in %s %llu: %s\n  %s\n", violation.invariant.c_str(), what,
              static_cast<unsigned long long>(config.seed), violation.what.c_str(),
              config.Describe().c_str());
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

void PrintStats(const Stats& s) {
  const auto row = [](const char* name, uint64_t value) {
    std::printf("  %-22s %llu\n", name, static_cast<unsigned long long>(value));
  };
  row("steps", s.steps);
  row("messages", s.messages);
  row("messages lost", s.lost);
  row("messages duplicated", s.duplicated);
  row("messages long delayed", s.long_delays);
  row("messages forged", s.forged);
  row("worker crashes", s.worker_crashes);
  row("worker freezes", s.worker_freezes);
  row("workers replaced", s.churned);
  row("shard crashes", s.shard_crashes);
  row("shard zombies", s.shard_zombies);
  row("scheduler crashes", s.scheduler_crashes);
  row("half-open links", s.half_open_links);
  row("image write failures", s.write_failures);
  row("state write failures", s.state_write_failures);
  row("sleeps of all", s.sleeps);
  row("NaN pushes", s.nan_pushes);
  row("snapshot wishes", s.snapshot_wishes);
  row("pushes unprotected", s.unprotected);
  row("joins", s.joins);
  row("evictions", s.evictions);
  row("fleet resumes", s.fleet_resumes);
  row("cuts committed", s.commits);
  row("cuts withdrawn", s.cuts_withdrawn);
  row("iterations", s.iterations);
  row("reads checked", s.reads_checked);
  row("evaluations", s.evaluations);
  row("answers to readers", s.reader_reads);
  row("most joins of a seed", s.most_joins);
  row("most sealed in a view", s.most_sealed);
}

int RunAll(const Arguments& arguments) {
  signal(SIGABRT, NameSeed);
  const World::Trace trace = arguments.trace ? World::Trace::kOn : World::Trace::kOff;
  uint64_t violations = 0;
  if (!arguments.mutation.empty()) violations += RunDirected(arguments.mutation, trace);
  Stats stats;
  uint64_t fewest_steps = ~uint64_t{0};
  for (uint64_t i = 0; i < arguments.seeds; ++i) {
    const Config config = DrawConfig(arguments.first_seed + i, "");
    Stats one;
    if (const auto violation = RunSeed(config, trace, &one)) {
      ++violations;
      Report("seed", config, *violation);
    }
    fewest_steps = std::min(fewest_steps, one.steps);
    stats.Add(one);
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
