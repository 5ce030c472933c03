// Prints the job of a run under chaos (tests/faults/chaos_job.h), as job.json has it.
#include <cstdio>
#include <string>

#include "CLI/CLI.hpp"
#include "common/base/status.h"
#include "common/process/process.h"
#include "tests/faults/chaos_job.h"

namespace rubato {
namespace {

int Main(int argc, char** argv) {
  ChaosShape shape;
  std::string staleness = "2";
  CLI::App app("Prints the job of a run under chaos");
  app.add_option("--places", shape.places);
  app.add_option("--seats", shape.seats);
  app.add_option("--every-clocks", shape.snapshot_every_clocks);
  app.add_option("--lease-ms", shape.lease_ms);
  app.add_option("--staleness", staleness, "a bound, or inf");
  if (const auto code = ParseCommandLine(&app, argc, argv)) return *code;
  shape.staleness = staleness == "inf" ? Staleness::Infinite() : Staleness(std::stoll(staleness));
  std::fputs(FormatJob(ChaosJob(shape)).c_str(), stdout);
  return kExitDone;
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
