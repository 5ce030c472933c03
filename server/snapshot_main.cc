// rubato-snapshot: what people ask of the snapshots of a run. Called by launch/rubato, which knows
// whether somebody trains the run meanwhile.
//   list --run DIR
//   verify --run DIR [--snapshot N]
//   prune --run DIR --keep K [--spare N]...
//   export --run DIR --snapshot N --out FILE --format safetensors|csv
//   rollback --run DIR --snapshot N
// Each answers with one JSON document on standard output. Exit codes: common/base/status.h.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "common/base/json_text.h"
#include "common/base/out_of_memory.h"
#include "common/base/status.h"
#include "common/job/job.h"
#include "common/process/process.h"
#include "server/scheduler/run_snapshots.h"
#include "server/scheduler/run_start.h"
#include "server/snapshot/model_weights.h"
#include "server/snapshot/snapshot_store.h"
#include "server/snapshot/weights_file.h"

namespace rubato {
namespace {

struct Arguments {
  std::string run;
  uint64_t snapshot = 0;
  size_t keep = 0;
  std::vector<uint64_t> spare;
  std::string out;
  WeightsFormat format = WeightsFormat::kSafetensors;
};

struct CheckAnswer {
  std::vector<SnapshotCheck> snapshots;

  template <class Field>
  void Fields(Field field) const {
    field("snapshots", snapshots);
  }
};

struct ExportAnswer {
  CommittedSnapshot snapshot;
  WrittenFile file;
  std::map<std::string, uint64_t> rows;  // stored, by table; of a dense one, weights

  template <class Field>
  void Fields(Field field) const {
    field("number", snapshot.number);
    field("clock", snapshot.clock);
    field("bytes", file.bytes);
    field("sha256", file.sha256);
    field("rows", rows);
  }
};

template <class Answer>
absl::Status Print(const absl::StatusOr<Answer>& answer) {
  RETURN_IF_ERROR(answer.status());
  const std::string text = JsonText(*answer) + "\n";
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "standard output: %s; send it to where it can be written", std::strerror(errno)));
}

absl::StatusOr<CheckAnswer> Verify(const Arguments& arguments) {
  std::optional<SnapshotNumber> number;
  if (arguments.snapshot > 0) number = SnapshotNumber(arguments.snapshot);
  ASSIGN_OR_RETURN(std::vector<SnapshotCheck> checks, CheckSnapshots(arguments.run, number));
  return CheckAnswer{std::move(checks)};
}

absl::StatusOr<PrunedSnapshots> Prune(const Arguments& arguments) {
  PruneOptions options = {.keep = arguments.keep, .spare = {}};
  for (const uint64_t number : arguments.spare) options.spare.emplace_back(number);
  return PruneSnapshots(arguments.run, options);
}

absl::StatusOr<ExportAnswer> Export(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const Job job, LoadJob(arguments.run));
  ASSIGN_OR_RETURN(CommittedSnapshot snapshot,
                   FindSnapshot(arguments.run, SnapshotNumber(arguments.snapshot)));
  ASSIGN_OR_RETURN(const auto store, OpenSnapshotStoreToRead(SnapshotsOf(arguments.run)));
  ASSIGN_OR_RETURN(const std::vector<TableWeights> tables,
                   ReadWeights(job, snapshot.images, store.get()));
  ASSIGN_OR_RETURN(WrittenFile file, WriteWeightsFile(arguments.format, tables, arguments.out));
  ExportAnswer answer = {std::move(snapshot), std::move(file), {}};
  for (const TableWeights& table : tables) {
    answer.rows[table.spec.name] = table.keys.empty() ? table.weights.size() : table.keys.size();
  }
  return answer;
}

class CommandLine {
 public:
  CommandLine() { app_.require_subcommand(1); }

  // The exit code.
  int Run(int argc, char** argv) {
    CLI::App* list = Add("list", "what there is");
    CLI::App* verify = Add("verify", "read every byte of what is kept");
    AddSnapshot(verify);
    CLI::App* prune = Add("prune", "remove all but the newest whole ones");
    prune->add_option("--keep", arguments_.keep, "so many")->required()->check(CLI::PositiveNumber);
    prune->add_option("--spare", arguments_.spare, "this one too")->take_all();
    CLI::App* write = Add("export", "the weights of all shards, in one file");
    AddSnapshot(write)->required();
    write->add_option("--out", arguments_.out, "file to write")->required();
    const std::map<std::string, WeightsFormat> formats = {
        {"safetensors", WeightsFormat::kSafetensors}, {"csv", WeightsFormat::kCsv}};
    write->add_option("--format", arguments_.format, "safetensors or csv")
        ->required()
        ->transform(CLI::Transformer(formats));
    CLI::App* rollback = Add("rollback", "the next start goes on from an earlier one");
    rollback->add_option("--snapshot", arguments_.snapshot, "its number; 0: the beginning")
        ->required();
    if (const auto code = ParseCommandLine(&app_, argc, argv)) return *code;
    return End(list->parsed()     ? Print(ListSnapshots(arguments_.run))
               : verify->parsed() ? Print(Verify(arguments_))
               : prune->parsed()  ? Print(Prune(arguments_))
               : write->parsed()
                   ? Print(Export(arguments_))
                   : Print(RollBack(arguments_.run, SnapshotNumber(arguments_.snapshot))));
  }

 private:
  CLI::App* Add(const std::string& name, const std::string& help) {
    CLI::App* command = app_.add_subcommand(name, help);
    command->add_option("--run", arguments_.run, "run folder")->required();
    return command;
  }
  CLI::Option* AddSnapshot(CLI::App* command) {
    return command->add_option("--snapshot", arguments_.snapshot, "its number")
        ->check(CLI::PositiveNumber);
  }
  static int End(const absl::Status& status) {
    if (status.ok()) return kExitDone;
    std::fprintf(stderr, "rubato-snapshot: %s\n", std::string(status.message()).c_str());
    return ExitCode(status);
  }

  CLI::App app_{"What people ask of the snapshots of a run.", "rubato-snapshot"};
  Arguments arguments_;
};

int Main(int argc, char** argv) {
  EndWhenOutOfMemory("rubato-snapshot", [](const std::string& process, absl::string_view sentence) {
    return LastWords{"", absl::StrCat(process, ": ", sentence, "\n")};
  });
  return CommandLine().Run(argc, argv);
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
