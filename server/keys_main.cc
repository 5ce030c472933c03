// rubato-keys: makes the keys of a fleet, and replaces them. `rubato keygen` calls it.
#include <cstdio>
#include <string>

#include "CLI/CLI.hpp"
#include "common/base/status.h"
#include "common/keys/key_folder.h"
#include "common/process/process.h"
#include "common/wire/zap.h"

namespace rubato {
namespace {

int Main(int argc, char** argv) {
  std::string folder;
  std::string role;
  CLI::App app("Rubato's keys: a pair for each role of a fleet, and the list of who may take part");
  app.require_subcommand(1);
  CLI::App* make = app.add_subcommand("make", "new keys in a new folder");
  CLI::App* rotate =
      app.add_subcommand("rotate", "a new pair for one role; the old one stays good");
  CLI::App* retire = app.add_subcommand("retire", "old keys are good no longer");
  for (CLI::App* verb : {make, rotate, retire}) {
    verb->add_option("folder", folder, "of the keys")->required();
  }
  rotate->add_option("role", role, "scheduler, server, worker, reader or admin")
      ->required()
      ->check(CLI::IsMember({"scheduler", "server", "worker", "reader", "admin"}));
  if (const auto code = ParseCommandLine(&app, argc, argv)) return *code;
  const absl::Status status = *make     ? MakeKeyFolder(folder, NewKeyPair)
                              : *rotate ? RotateKey(folder, *FindKeyRole(role), NewKeyPair)
                                        : RetireKeys(folder);
  if (status.ok()) return kExitDone;
  std::fprintf(stderr, "rubato-keys: %s\n", std::string(status.message()).c_str());
  return ExitCode(status);
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
