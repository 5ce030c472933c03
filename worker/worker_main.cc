// rubato-worker: trains on a seat of a fleet, or reads a trained model to evaluate or predict.
// Started by launch/rubato.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "CLI/CLI.hpp"
#include "common/base/checksummed_text.h"
#include "common/base/status.h"
#include "common/base/stop_signals.h"
#include "common/job/job.h"
#include "common/keys/key_ring.h"
#include "common/process/begin.h"
#include "common/process/process.h"
#include "common/telemetry/events.h"
#include "common/telemetry/predict_events.h"
#include "common/telemetry/telemetry.h"
#include "worker/client/reader.h"
#include "worker/client/session.h"
#include "worker/compute/model.h"
#include "worker/compute_device.h"
#include "worker/data/dataset/dataset.h"
#include "worker/data/encode/encoding_json.h"
#include "worker/data/encode/prepared_digests.h"
#include "worker/data/text/show_text.h"
#include "worker/evaluate/evaluate.h"
#include "worker/evaluate/predict.h"
#include "worker/run_file/run_config.h"
#include "worker/run_file/run_file.h"
#include "worker/spec/job_plan.h"
#include "worker/train/local_trainer.h"
#include "worker/train/trainer.h"

namespace rubato {
namespace {

// On a GPU the next step is begun while the gradients of the last one come down.
constexpr int64_t kStepsAhead = 1;

struct Arguments {
  StartFlags start;
  // What Begin made of them.
  std::string run;
  std::string scheduler;
  std::shared_ptr<KeyRing> keys;
  uint32_t seat = 0;
  uint32_t local_rank = 0;
  std::string in;
  std::string out;
  std::string cuda_library = BuiltBackend();
  std::string device;  // instead of the run file's
  double max_unknown = 1.0;
  double max_drift = std::numeric_limits<double>::infinity();
  Slowness slowness;
};

// What every verb needs of a run folder.
struct Run {
  RunConfig config;
  Job job;
  Encoding encoding;
  ComputeDevice device;
  Precision precision = Precision::kF32;
  std::unique_ptr<Model> model;
};

absl::StatusOr<Run> OpenRun(const Arguments& arguments) {
  const std::string& folder = arguments.run;
  Run run;
  const auto no_environment = [](const std::string&) { return std::optional<std::string>(); };
  const std::string config_path = folder + "/run.toml";
  ASSIGN_OR_RETURN(const std::string toml, ReadChecksummedText(config_path));
  ASSIGN_OR_RETURN(run.config, ParseRunConfig(toml, config_path, {}, no_environment));
  ASSIGN_OR_RETURN(run.job, LoadJob(folder));
  // An older file's run has the workers that it began with.
  if (run.job.iteration_rows == 0) run.job.iteration_rows = IterationRows(run.config);
  ASSIGN_OR_RETURN(run.encoding, LoadEncoding(folder));
  ASSIGN_OR_RETURN(const ModelSpec spec,
                   MakeModelSpec(run.config, run.encoding.Shape(), run.encoding.prior));
  ASSIGN_OR_RETURN(run.precision, ParsePrecision(run.config.train.precision));
  if (!arguments.device.empty()) run.config.device = arguments.device;
  ASSIGN_OR_RETURN(run.device, ComputeDevice::Find(run.config.device, arguments.cuda_library));
  ASSIGN_OR_RETURN(run.model, run.device.MakeModel(spec, run.precision, arguments.local_rank));
  return run;
}

TrainedRun TrainedRunOf(const std::string& folder, const Run& run) {
  return {.folder = folder, .encoding = run.encoding, .seed = run.job.seed};
}

absl::StatusOr<int> Train(const Arguments& arguments, const Frame& frame) {
  ASSIGN_OR_RETURN(Run run, OpenRun(arguments));
  ASSIGN_OR_RETURN(run.job.data, DigestsOfData(arguments.run));
  ASSIGN_OR_RETURN(const auto train, OpenDataset(arguments.run + "/data/train.rbd"));
  ASSIGN_OR_RETURN(const auto validation, OpenDataset(arguments.run + "/data/validation.rbd"));
  PsClientOptions client;
  client.job = run.job;
  client.seat = SeatId(arguments.seat);
  client.process = frame.stream->process();
  client.cache = run.config.train.cache ? CacheMode::kOn : CacheMode::kOff;
  client.push_codec = run.config.train.push_codec == "bf16" ? ValueCodec::kBf16 : ValueCodec::kF32;
  TrainerOptions options;
  options.job = run.job;
  options.seat = client.seat;
  const bool in_step = run.job.staleness() == Staleness(0);
  const int64_t pulled = run.config.train.prefetch;
  options.ahead = {.pulled = pulled,
                   .begun = run.device.is_gpu() && !in_step ? std::min(kStepsAhead, pulled) : 0};
  options.slowness = arguments.slowness;
  options.constant = run.encoding.prior.predictions;
  options.losses = LossRangeOf(run.model->spec().target, run.encoding.prior.base_margin, *train);
  options.learning_rate = run.config.optimizer.learning_rate;
  options.strikes = client.strikes = static_cast<uint64_t>(run.config.train.strikes);
  options.clip_norm = run.config.train.clip_norm;
  options.untrained.emplace(run.encoding, run.model->spec());
  options.pulse = frame.notifier->Watch(run.job.last_clock);
  ASSIGN_OR_RETURN(const auto session,
                   Session::Open(std::move(client), arguments.scheduler, arguments.keys));
  ASSIGN_OR_RETURN(const auto pipeline,
                   run.device.MakePipeline(run.model.get(), run.precision, arguments.local_rank));
  Trainer trainer(std::move(options), {.model = run.model.get(), .pipeline = pipeline.get()},
                  train.get(), validation.get(), frame.events);
  frame.notifier->Ready();
  return trainer.Run(session.get(), frame.signals);
}

// Without servers: trains and evaluates in this process.
absl::Status Local(const Arguments& arguments, EventLog* events, StopSignals* signals) {
  ASSIGN_OR_RETURN(Run run, OpenRun(arguments));
  if (run.config.fleet.servers != 0) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: `local` is for runs with fleet.servers = 0, and this one has %d; use `train`",
        arguments.run, run.config.fleet.servers));
  }
  ASSIGN_OR_RETURN(const auto train, OpenDataset(arguments.run + "/data/train.rbd"));
  ASSIGN_OR_RETURN(const auto validation, OpenDataset(arguments.run + "/data/validation.rbd"));
  ASSIGN_OR_RETURN(const auto training,
                   run.device.MakeLocalTraining(run.model->spec(), run.precision, run.job.seed));
  LocalTrainer trainer(
      {.job = run.job,
       .constant = run.encoding.prior.predictions,
       .losses = LossRangeOf(run.model->spec().target, run.encoding.prior.base_margin, *train),
       .learning_rate = run.config.optimizer.learning_rate,
       .untrained = {run.encoding, run.model->spec()}},
      {.training = training.get(), .model = run.model.get()},
      {.train = train.get(), .validation = validation.get()}, events);
  RETURN_IF_ERROR(trainer.Run(signals));
  return EvaluateRun(
      TrainedRunOf(arguments.run, run), run.model.get(),
      [&training](Parameters keys) { return training->Read(std::move(keys)); },
      [signals] { return signals->GoOn(); });
}

absl::Status Gpus(const Arguments& arguments, EventLog* events) {
  ASSIGN_OR_RETURN(Backend* const backend, LoadBackend(arguments.cuda_library));
  ASSIGN_OR_RETURN(const std::vector<GpuInfo> gpus, backend->FindGpus());
  for (size_t i = 0; i < gpus.size(); ++i) {
    ASSIGN_OR_RETURN(const uint64_t free_bytes, backend->FreeBytes(static_cast<int>(i)));
    events->Write(GpuEvent{.index = i,
                           .name = gpus[i].name,
                           .capability = absl::StrCat(gpus[i].major, ".", gpus[i].minor),
                           .memory_bytes = gpus[i].memory_bytes,
                           .free_bytes = free_bytes});
  }
  return absl::OkStatus();
}

absl::Status EvaluateVerb(const Arguments& arguments, StopSignals* signals) {
  ASSIGN_OR_RETURN(Run run, OpenRun(arguments));
  ASSIGN_OR_RETURN(run.job.data, DigestsOfData(arguments.run));
  ASSIGN_OR_RETURN(const auto reader,
                   Reader::Join(run.job, arguments.scheduler, signals, arguments.keys));
  const auto pull = [&reader](Parameters keys) { return reader->Pull(std::move(keys)); };
  return EvaluateRun(TrainedRunOf(arguments.run, run), run.model.get(), pull,
                     [&reader] { return reader->GoOn(); });
}

std::optional<NovelCells> NovelCellsOf(const Sighting& sighting) {
  if (sighting.cells == 0) return std::nullopt;
  return NovelCells{sighting.cells, ShowText(sighting.first), sighting.line};
}

NoveltyEvent NoveltyEventOf(const ColumnNovelty& novelty) {
  return {.column = ShowText(novelty.column),
          .cells = novelty.cells,
          .levels = NovelCellsOf(novelty.levels),
          .texts = NovelCellsOf(novelty.texts),
          .outside = NovelCellsOf(novelty.outside),
          .missing = NovelCellsOf(novelty.missing),
          .unmatched = NovelCellsOf(novelty.unmatched)};
}

absl::Status PredictVerb(const Arguments& arguments, EventLog* events, StopSignals* signals) {
  ASSIGN_OR_RETURN(Run run, OpenRun(arguments));
  ASSIGN_OR_RETURN(run.job.data, DigestOfEncoding(arguments.run));
  ASSIGN_OR_RETURN(const auto reader,
                   Reader::Join(run.job, arguments.scheduler, signals, arguments.keys));
  const auto pull = [&reader](Parameters keys) { return reader->Pull(std::move(keys)); };
  const auto progress = [events](uint64_t rows) {
    events->Write(PredictProgressEvent{rows});
    return absl::OkStatus();
  };
  const auto warn = [events](const ColumnNovelty& novelty) {
    for (const std::string& sentence : DescribeNovelty(novelty)) {
      events->Write(WarningEvent{sentence});
    }
    if (const std::string drift = DescribeDrift(novelty); !drift.empty()) {
      events->Write(WarningEvent{drift});
    }
    events->Write(NoveltyEventOf(novelty));
  };
  return Predict(run.encoding, run.model.get(), pull,
                 {.in = arguments.in,
                  .out = arguments.out,
                  .progress = progress,
                  .go_on = [&reader] { return reader->GoOn(); },
                  .max_unknown = arguments.max_unknown,
                  .max_drift = arguments.max_drift,
                  .warn = warn});
}

void AddLibrary(CLI::App* verb, Arguments* arguments) {
  verb->add_option("--cuda-library", arguments->cuda_library, "the CUDA backend")
      ->envname("RUBATO_CUDA_LIBRARY");
}

void AddCommon(StartRole role, CLI::App* verb, Arguments* arguments) {
  AddStartFlags(role, verb, &arguments->start);
  AddLibrary(verb, arguments);
}

void AddSlowness(CLI::App* train, Slowness* slowness) {
  train->add_option("--slow-factor", slowness->factor,
                    "for measurements: iterations take F times as long");
  train->add_option("--slow-chance", slowness->chance,
                    "only from time to time: chance of a hiccup");
  train->add_option("--slow-length", slowness->length, "iterations of a hiccup");
  train->add_option("--floor-seconds", slowness->floor_seconds,
                    "shortest iteration, before the factor");
}

absl::Status BeginAs(StartRole role, const Frame& frame, Arguments* arguments) {
  const Starter starter = {role, arguments->start, frame.around};
  ASSIGN_OR_RETURN(const Beginning beginning, Begin(starter, frame));
  arguments->run = beginning.start.run.value;
  arguments->scheduler = beginning.start.scheduler->value;
  arguments->keys = beginning.keys;
  arguments->seat = beginning.start.index.index;  // a reader has 0
  arguments->local_rank = beginning.start.local_rank.index;
  return absl::OkStatus();
}

void AddPredict(CLI::App* predict, Arguments* arguments) {
  predict->add_option("--in", arguments->in, "CSV, or LIBSVM as in training")->required();
  predict->add_option("--out", arguments->out, "the rows with a column of predictions")->required();
  predict->add_option("--device", arguments->device, "instead of the run's own");
  predict
      ->add_option("--max-unknown", arguments->max_unknown,
                   "largest share of a column's values that training never saw")
      ->check(CLI::Range(0.0, 1.0));
  predict
      ->add_option("--max-drift", arguments->max_drift,
                   "largest population stability index of a column against training")
      ->check(CLI::NonNegativeNumber);
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Rubato's worker: pulls parameters, computes gradients, pushes updates");
  app.require_subcommand(1);
  CLI::App* train = app.add_subcommand("train", "train on one seat of the fleet");
  AddCommon(StartRole::kWorker, train, &arguments);
  AddSlowness(train, &arguments.slowness);
  CLI::App* evaluate = app.add_subcommand("evaluate", "write RUN/evaluation.json");
  AddCommon(StartRole::kReader, evaluate, &arguments);
  CLI::App* predict = app.add_subcommand("predict", "score the rows of a file");
  AddCommon(StartRole::kReader, predict, &arguments);
  AddPredict(predict, &arguments);
  CLI::App* local = app.add_subcommand("local", "train without servers, and evaluate");
  local->add_option("--run", arguments.run, "run folder, made by rubato-data prepare")->required();
  AddLibrary(local, &arguments);
  CLI::App* gpus = app.add_subcommand("gpus", "the GPUs of this host, as events");
  AddLibrary(gpus, &arguments);
  const auto work = [&](const Frame& frame) -> absl::StatusOr<int> {
    if (*train) RETURN_IF_ERROR(BeginAs(StartRole::kWorker, frame, &arguments));
    if (*evaluate || *predict) RETURN_IF_ERROR(BeginAs(StartRole::kReader, frame, &arguments));
    if (*train) return Train(arguments, frame);
    RETURN_IF_ERROR(*local     ? Local(arguments, frame.events, frame.signals)
                    : *gpus    ? Gpus(arguments, frame.events)
                    : *predict ? PredictVerb(arguments, frame.events, frame.signals)
                               : EvaluateVerb(arguments, frame.signals));
    return kExitDone;
  };
  const auto name = [&](const Surroundings& around) {
    return *train ? NameOf({StartRole::kWorker, arguments.start, around})
                  : app.get_subcommands()[0]->get_name() + "-0";
  };
  const auto part = [&] { return *gpus ? Part::kNone : *local ? Part::kTells : Part::kSends; };
  return RunProcess({.app = &app, .name = name, .work = work, .part = part}, argc, argv);
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
