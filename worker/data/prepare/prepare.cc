#include "worker/data/prepare/prepare.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "common/base/checksummed_text.h"
#include "common/base/staged_file.h"
#include "common/base/status.h"
#include "common/base/system_error.h"
#include "worker/data/dataset/dataset.h"
#include "worker/data/encode/encoding_json.h"
#include "worker/data/encode/prepared_digests.h"
#include "worker/data/generate/books.h"
#include "worker/data/prepare/data_json.h"
#include "worker/data/prepare/part_writers.h"
#include "worker/data/prepare/run_folder.h"
#include "worker/data/tables/open_table.h"
#include "worker/run_file/run_config_defaults.h"
#include "worker/run_file/run_config_format.h"
#include "worker/run_file/run_file.h"
#include "worker/spec/job_plan.h"

namespace rubato {
namespace {

absl::Status WriteConfigAndJob(const RunConfig& config, const Job& job, const std::string& folder) {
  RETURN_IF_ERROR(WriteChecksummedText(folder + "/job.json", FormatJob(job)));
  RETURN_IF_ERROR(WriteChecksummedText(folder + "/config.json", FormatRunConfigJson(config)));
  return WriteChecksummedText(folder + "/run.toml", FormatRunConfigToml(config));
}

// With the columns of a generated book named as those of a file are. What stands in time is cut by
// it.
RunConfig NameColumns(RunConfig config, const TargetDescription& target,
                      const GeneratedBook& book) {
  config.data.label = book.label;
  if (target.label.two_classes()) config.data.positive = {"1"};
  if (target.keys.exposure != ExposureUse::kNone) config.target.exposure = book.exposure;
  if (!book.scale.empty()) {
    config.target.scale = book.scale;
    config.data.numeric = {book.scale};
  }
  if (!book.time.empty()) {
    config.data.time = book.time;
    config.split.kind = "time";
  }
  return config;
}

// The generated book is a file for as long as it is prepared; its spec names it afterwards.
absl::StatusOr<DataReport> PrepareGenerated(RunConfig config, const Target& target,
                                            const std::string& folder, const StopCheck& stop) {
  const BookSpec spec = {.rows = static_cast<uint64_t>(config.data.rows),
                         .seed = static_cast<uint64_t>(config.data.seed),
                         .rate = config.data.rate};
  config.data.path = folder + "/book.csv";
  ASSIGN_OR_RETURN(const GeneratedBook book, GenerateBook(config.target, spec, config.data.path));
  config = NameColumns(std::move(config), DescriptionOf(target), book);
  ASSIGN_OR_RETURN(DataReport report, PrepareCsv({config, target, book.oracle}, folder, stop));
  std::error_code error;
  std::filesystem::remove(config.data.path, error);
  report.inputs[0].path = absl::StrFormat("generated: %d rows, seed %d", spec.rows, spec.seed);
  return report;
}

absl::StatusOr<DataReport> PrepareData(const RunConfig& config, const Target& target,
                                       const std::string& folder, const StopCheck& stop) {
  std::error_code error;
  std::filesystem::create_directory(folder, error);
  if (error) return FileError(error.value(), "making", folder);
  if (config.data.format == "generated") return PrepareGenerated(config, target, folder, stop);
  if (config.data.format == "libsvm") return PrepareLibsvm({config, target, {}}, folder, stop);
  return PrepareCsv({AsIfCsv(config), target, {}}, folder, stop);
}

// Keys about classes, where the target learns a number.
absl::Status CheckClassKeys(const RunConfig& config, const TargetDescription& target) {
  if (target.label.two_classes()) return absl::OkStatus();
  const bool number = target.label.is_number();
  const char* given = !config.data.positive.empty()           ? "data.positive"
                      : !config.data.negative.empty()         ? "data.negative"
                      : number && !config.data.ignore.empty() ? "data.ignore"
                      : config.cleanse.class_weights          ? "cleanse.class_weights"
                                                              : nullptr;
  if (given == nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s is about the %sclasses of a label, and target.kind = \"%s\" learns %s; leave it out",
      given, number ? "" : "two ", target.kind, number ? target.label.words : "several"));
}

// It becomes target.scale, which nobody wrote.
absl::Status CheckSeriesScale(const RunConfig& config, const TargetDescription& target) {
  if (config.series.scale.empty() || target.keys.scale) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("series.scale = \"%s\" divides the label, and target.kind = \"%s\" cannot "
                      "learn a part of it; "
                      "leave it out, or learn a number (\"real\")",
                      config.series.scale, target.kind));
}

absl::StatusOr<Prepared> PrepareNew(RunConfig config, const std::string& folder,
                                    const StopCheck& stop) {
  ASSIGN_OR_RETURN(const Target target, MakeTarget(config.target));
  RETURN_IF_ERROR(CheckClassKeys(config, DescriptionOf(target)));
  RETURN_IF_ERROR(CheckSeriesScale(config, DescriptionOf(target)));
  ASSIGN_OR_RETURN(const auto staged, StagedFolder::Create(folder));
  const std::string data = staged->path() + "/data";
  Prepared prepared;
  ASSIGN_OR_RETURN(prepared.report, PrepareData(config, target, data, stop));
  const DataReport& report = prepared.report;
  const uint64_t rows = report.parts[0].rows;
  FitToData({rows, report.one_sided_gradient}, &config);
  ASSIGN_OR_RETURN(prepared.job, MakeJob(config, report.shape, report.prior,
                                         {.train = rows, .iteration = IterationRows(config)}));
  ASSIGN_OR_RETURN(prepared.job.data, DigestsOfData(staged->path()));
  RETURN_IF_ERROR(
      WriteChecksummedText(data + "/cleansing.json", FormatDataReport(prepared.report)));
  RETURN_IF_ERROR(
      WriteChecksummedText(staged->path() + "/target.json", FormatTarget(target, report.classes)));
  RETURN_IF_ERROR(WriteConfigAndJob(config, prepared.job, staged->path()));
  RETURN_IF_ERROR(staged->Publish());
  return prepared;
}

// job.json is written anew: a version of this program that makes something else of the run file
// than the one before did must not go on with it. What a changed run file may change is let pass.
absl::Status CheckSameJob(const Job& before, const Job& now, const std::string& path) {
  std::vector<std::string> others;
  const auto compare = [&others](const char* name, const auto& old_value, const auto& new_value) {
    if (old_value != new_value) others.push_back(name);
  };
  std::vector<TableSpec> tables = before.tables;
  for (TableSpec& table : tables) table.staleness = now.staleness();
  compare("tables", tables, now.tables);
  compare("seed", before.seed, now.seed);
  compare("iterations_per_epoch", before.iterations_per_epoch, now.iterations_per_epoch);
  compare("best_epoch", before.best_epoch, now.best_epoch);
  if (others.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s: cannot resume: this version makes something else of the run file: %s; resume with the "
      "version that began the run, or train into a new folder",
      path, absl::StrJoin(others, ", ")));
}

// Epochs are counted as people do: what is committed in the third one needs three.
absl::Status CheckEpochs(const Job& job, const RunConfig& config, Clock committed) {
  if (committed <= job.last_clock) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "train.epochs = %d ends at clock %d, but clock %d is trained and committed here already; ask "
      "for %d epochs or more, or choose another --out",
      config.train.epochs, job.last_clock.value(), committed.value(),
      job.EpochBefore(committed) + 1));
}

// What the run in `folder` becomes with `config`; nothing is written.
struct Resumed {
  RunConfig config;
  Job job;
};
absl::StatusOr<Resumed> Resume(RunConfig config, const std::string& folder, Clock committed) {
  const std::string path = folder + "/run.toml";
  const absl::StatusOr<std::string> text = ReadChecksummedText(path);
  if (absl::IsNotFound(text.status())) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: is not the folder of a run, it has no run.toml; choose another --out", folder));
  }
  RETURN_IF_ERROR(text.status());
  const auto no_variables = [](const std::string&) { return std::optional<std::string>(); };
  ASSIGN_OR_RETURN(const RunConfig before, ParseRunConfig(*text, path, {}, no_variables));
  KeepFitted(before, &config);
  RETURN_IF_ERROR(Annotate(CheckResumable(before, config), folder));
  ASSIGN_OR_RETURN(const auto train, OpenDataset(PartPath(folder + "/data", SplitPart::kTrain)));
  ASSIGN_OR_RETURN(const Encoding encoding, LoadEncoding(folder));
  ASSIGN_OR_RETURN(const Job job_before, LoadJob(folder));
  const uint64_t said = job_before.iteration_rows;
  ASSIGN_OR_RETURN(Job job, MakeJob(config, encoding.Shape(), encoding.prior,
                                    {.train = train->rows(),
                                     .iteration = said > 0 ? said : IterationRows(before)}));
  ASSIGN_OR_RETURN(job.data, DigestsOfData(folder));
  RETURN_IF_ERROR(CheckSameJob(job_before, job, folder + "/job.json"));
  RETURN_IF_ERROR(Annotate(CheckEpochs(job, config, committed), folder));
  return Resumed{std::move(config), std::move(job)};
}

absl::StatusOr<Prepared> PrepareResumed(RunConfig config, const std::string& folder,
                                        Clock committed) {
  ASSIGN_OR_RETURN(Resumed resumed, Resume(std::move(config), folder, committed));
  RETURN_IF_ERROR(WriteConfigAndJob(resumed.config, resumed.job, folder));
  Prepared prepared;
  prepared.outcome = PrepareOutcome::kKept;
  prepared.job = std::move(resumed.job);
  return prepared;
}

}  // namespace

absl::Status CheckResume(const RunConfig& config, const std::string& folder) {
  return Resume(config, folder, Clock(0)).status();
}

absl::StatusOr<Prepared> PrepareRun(const RunConfig& config, const std::string& folder,
                                    PrepareMode mode, const StopCheck& stop, Clock committed) {
  ASSIGN_OR_RETURN(const FolderState state, LookAtFolder(folder));
  if (mode == PrepareMode::kResume && state == FolderState::kFilled) {
    return PrepareResumed(config, folder, committed);
  }
  if (state == FolderState::kFilled) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: is there already and not empty; choose another --out, or --resume the run in it",
        folder));
  }
  ASSIGN_OR_RETURN(Prepared prepared, PrepareNew(config, folder, stop));
  if (mode == PrepareMode::kResume) prepared.outcome = PrepareOutcome::kNothingToResume;
  return prepared;
}

}  // namespace rubato
