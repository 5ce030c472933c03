// rubato-data: from files to a prepared run.
//   prepare RUN --out DIR [--set key=value]... [--resume [--committed CLOCK | --check]]
//   inspect FILE [--label COLUMN [--target KIND]] [--[no-]header] [--skip-lines N] [--json]
//   config RUN [--set key=value]...
//   generate --rows N [--target KIND] [--seed S] [--rate R] --out X.csv
// Exit codes: common/base/status.h; 130 and 143 when a signal stopped a preparation, which then
// leaves nothing behind. What the others do is cut off by a signal like any program.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_join.h"
#include "common/base/out_of_memory.h"
#include "common/base/status.h"
#include "common/base/stop_signals.h"
#include "common/process/process.h"
#include "common/process/surroundings.h"
#include "worker/compute_device.h"
#include "worker/data/generate/books.h"
#include "worker/data/prepare/data_json.h"
#include "worker/data/prepare/inspect.h"
#include "worker/data/prepare/label.h"
#include "worker/data/prepare/prepare.h"
#include "worker/run_file/override.h"
#include "worker/run_file/run_config.h"
#include "worker/run_file/run_config_format.h"
#include "worker/run_file/run_file.h"
#include "worker/spec/target.h"

namespace rubato {
namespace {

struct Arguments {
  bool supervised = false;
  std::string run;
  std::vector<std::string> overrides;
  std::string out;
  bool resume = false;
  int64_t committed = 0;
  bool check = false;
  std::string file;
  DataConfig data;          // label and layout
  std::string target_kind;  // of what is inspected; "": its label says
  bool json = false;
  std::string cuda_library = BuiltBackend();
  uint64_t rows = 0;
  uint64_t seed = 1;
  double rate = 0.0;
  std::string target = "binary";  // whose book is generated
};

absl::StatusOr<RunConfig> Load(const Arguments& arguments) {
  std::vector<Override> overrides;
  for (const std::string& text : arguments.overrides) {
    ASSIGN_OR_RETURN(overrides.emplace_back(), ParseOverride(text));
  }
  return LoadRunConfig(arguments.run, overrides, OwnSurroundings().environment);
}

// "labels: positive 'late' (3 rows); negative 'paid' (90 rows), 'current' (7 rows)".
std::string ShowClasses(const std::vector<LabelReport>& labels) {
  std::array<std::vector<LabelValue>, kLabelClasses> values;
  for (const LabelReport& label : labels) {
    values[static_cast<size_t>(label.label_class)].push_back(label.value);
  }
  std::vector<std::string> shown;
  for (const auto label_class : {LabelClass::kPositive, LabelClass::kNegative,
                                 LabelClass::kOneOfSeveral, LabelClass::kIgnored}) {
    const auto& of_class = values[static_cast<size_t>(label_class)];
    if (of_class.empty()) continue;
    shown.push_back(absl::StrCat(LabelClassName(label_class), " ", ShowLabels(of_class)));
  }
  return absl::StrCat("labels: ", absl::StrJoin(shown, "; "));
}

constexpr size_t kMostShownLabels = 30;

void PrintReport(const DataReport& report) {
  std::printf("rows: %s read", absl::StrCat(report.rows_read).c_str());
  for (size_t i = 0; i < kSplitParts; ++i) {
    const LabelSums& part = report.parts[i];
    const bool weighted = part.weight != static_cast<double>(part.rows);
    const std::string labels =
        !report.classes.empty()  ? absl::StrFormat("%d classes", report.classes.size())
        : !report.labels.empty() ? absl::StrFormat("%.0f positive", part.labels)
        : weighted               ? absl::StrFormat("mean label %.6g", part.mean())
                                 : absl::StrFormat("labels sum to %.6g", part.labels);
    std::printf(", %s %s (%s)", SplitPartName(static_cast<SplitPart>(i)),
                absl::StrCat(part.rows).c_str(), labels.c_str());
  }
  std::vector<std::string> reasons;
  if (report.dropped_missing_label > 0) reasons.push_back("no label");
  if (report.dropped_ignored_label > 0) reasons.push_back("an ignored label");
  if (report.dropped_missing_time > 0) reasons.push_back("no time");
  const uint64_t dropped =
      report.dropped_missing_label + report.dropped_ignored_label + report.dropped_missing_time;
  std::printf(
      ", %s dropped%s\n", absl::StrCat(dropped).c_str(),
      reasons.empty() ? "" : absl::StrCat(" (", absl::StrJoin(reasons, " or "), ")").c_str());
  if (report.labels.size() > 2 && report.labels.size() <= kMostShownLabels)
    std::printf("%s\n", ShowClasses(report.labels).c_str());
  for (const Warning& warning : report.warnings) {
    std::printf("warning: %s\n", warning.sentence.c_str());
  }
}

absl::Status Prepare(const Arguments& arguments, StopSignals* signals) {
  ASSIGN_OR_RETURN(const RunConfig config, Load(arguments));
  // Said now rather than after an hour of reading.
  RETURN_IF_ERROR(ComputeDevice::Find(config.device, arguments.cuda_library).status());
  if (arguments.check) return CheckResume(config, arguments.out);
  ASSIGN_OR_RETURN(
      const Prepared prepared,
      PrepareRun(
          config, arguments.out, arguments.resume ? PrepareMode::kResume : PrepareMode::kNew,
          [signals] { return signals->Count() > 0; }, Clock(arguments.committed)));
  if (prepared.outcome == PrepareOutcome::kKept) {
    std::printf("%s: keeps its prepared data\n", arguments.out.c_str());
    return absl::OkStatus();
  }
  if (prepared.outcome == PrepareOutcome::kNothingToResume) {
    std::printf("%s: holds no run to resume; prepared a new one\n", arguments.out.c_str());
  }
  PrintReport(prepared.report);
  return absl::OkStatus();
}

int End(const absl::Status& status) {
  if (status.ok()) return kExitDone;
  std::fprintf(stderr, "rubato-data: %s\n", std::string(status.message()).c_str());
  return ExitCode(status);
}

int PrepareUntilStopped(const Arguments& arguments) {
  const auto signals = StopSignals::Catch({arguments.supervised ? STDIN_FILENO : -1, nullptr});
  const absl::Status status = signals.ok() ? Prepare(arguments, signals->get()) : signals.status();
  const int code = End(status);
  return absl::IsCancelled(status) ? 128 + (*signals)->last() : code;
}

// For what was asked for on standard output.
absl::Status Print(const std::string& text) {
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "standard output: %s; send it to where it can be written", std::strerror(errno)));
}

absl::Status Inspect(const Arguments& arguments) {
  std::optional<LabelDomain> domain;
  if (!arguments.target_kind.empty()) {
    ASSIGN_OR_RETURN(domain, LabelOfTarget(arguments.target_kind));
  }
  ASSIGN_OR_RETURN(const Inspection inspection, InspectCsv(arguments.file, arguments.data, domain));
  return Print(arguments.json ? FormatInspection(inspection) : FormatInspectionText(inspection));
}

absl::Status PrintConfig(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const RunConfig config, Load(arguments));
  return Print(FormatRunConfigJson(config));
}

absl::Status Generate(const Arguments& arguments) {
  std::error_code unknown;  // is told by the attempt to write
  if (std::filesystem::exists(arguments.out, unknown)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: is there already; choose another --out", arguments.out));
  }
  const BookSpec spec = {.rows = arguments.rows, .seed = arguments.seed, .rate = arguments.rate};
  TargetConfig target;
  target.kind = arguments.target;
  target.quantiles = {0.01, 0.05};
  target.expected_shortfall = true;
  const absl::StatusOr<GeneratedBook> book = GenerateBook(target, spec, arguments.out);
  // No folder to write to is a mistake of the command line.
  if (absl::IsNotFound(book.status())) return absl::InvalidArgumentError(book.status().message());
  RETURN_IF_ERROR(book.status());
  std::string beside;
  if (!book->exposure.empty()) absl::StrAppend(&beside, ", the exposure '", book->exposure, "'");
  if (!book->scale.empty()) absl::StrAppend(&beside, ", target.scale '", book->scale, "'");
  if (!book->time.empty()) absl::StrAppend(&beside, ", data.time '", book->time, "'");
  std::printf("%s: %s %s; the label is '%s'%s; data.drop '%s', the truth\n", arguments.out.c_str(),
              absl::StrCat(arguments.rows).c_str(), book->rows.c_str(), book->label.c_str(),
              beside.c_str(), absl::StrJoin(book->oracle, "', '").c_str());
  return absl::OkStatus();
}

CLI::App* AddRunCommand(CLI::App* app, const std::string& name, const std::string& help,
                        Arguments* arguments) {
  CLI::App* command = app->add_subcommand(name, help);
  command->add_option("RUN", arguments->run, "the run file")->required();
  command->add_option("--set", arguments->overrides, "key=value over the run file's")
      ->expected(1)
      ->take_all();
  return command;
}

CLI::App* AddInspect(CLI::App* app, Arguments* arguments) {
  CLI::App* inspect = app->add_subcommand("inspect", "what a CSV file holds, and what to look at");
  DataConfig& data = arguments->data;
  inspect->add_option("FILE", arguments->file, "CSV, also .gz or .zst")->required();
  CLI::Option* label = inspect->add_option("--label", data.label, "the column to predict");
  inspect->add_option("--target", arguments->target_kind, "what is learnt of it, as target.kind")
      ->needs(label);
  inspect->add_flag_callback(
      "--header", [&data] { data.header = HeaderLine::kYes; }, "line 1 names the columns");
  inspect->add_flag_callback(
      "--no-header", [&data] { data.header = HeaderLine::kNo; }, "line 1 is a row");
  inspect->add_option("--skip-lines", data.skip_lines, "lines above the header")
      ->check(CLI::NonNegativeNumber);
  inspect->add_flag("--json", arguments->json, "print JSON");
  return inspect;
}

int Main(int argc, char** argv) {
  EndWhenOutOfMemory("rubato-data", [](const std::string& process, absl::string_view sentence) {
    return LastWords{"", absl::StrCat(process, ": ", sentence, "\n")};
  });
  CLI::App app("Prepares data for Rubato runs, and looks at it.", "rubato-data");
  app.require_subcommand(1);
  Arguments arguments;
  AddSupervised(&app, &arguments.supervised);
  CLI::App* prepare = AddRunCommand(&app, "prepare", "make the folder of a run", &arguments);
  prepare->add_option("--out", arguments.out, "the folder, absent or empty")->required();
  prepare->add_option("--cuda-library", arguments.cuda_library, "the CUDA backend")
      ->envname("RUBATO_CUDA_LIBRARY");
  CLI::Option* resume =
      prepare->add_flag("--resume", arguments.resume, "go on with the run that is in the folder");
  prepare
      ->add_option("--committed", arguments.committed, "with --resume: clock not to fall short of")
      ->needs(resume);
  prepare->add_flag("--check", arguments.check, "with --resume: only say why it would be refused")
      ->needs(resume);
  CLI::App* inspect = AddInspect(&app, &arguments);
  AddRunCommand(&app, "config", "print the resolved run file as JSON", &arguments);
  CLI::App* generate = app.add_subcommand("generate", "write a book of which the truth is known");
  generate->add_option("--rows", arguments.rows, "how many loans, policies or days")->required();
  generate
      ->add_option("--target", arguments.target,
                   "binary: loans; quantile: daily returns; else motor policies")
      ->check(CLI::IsMember(BookKinds()));
  generate->add_option("--seed", arguments.seed, "another seed, another book");
  generate
      ->add_option("--rate", arguments.rate,
                   "share of defaults, about 0.18 if not given; claims a "
                   "year, about 0.15")
      ->check(CLI::Range(0.0, 0.99));
  generate->add_option("--out", arguments.out, "CSV file to write")->required();
  if (const auto code = ParseCommandLine(&app, argc, argv)) return *code;
  if (prepare->parsed()) return PrepareUntilStopped(arguments);
  return End(inspect->parsed()    ? Inspect(arguments)
             : generate->parsed() ? Generate(arguments)
                                  : PrintConfig(arguments));
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
