#include "bench/gpu_fleet.h"

#include <cstdlib>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/fleet.h"
#include "bench/gpu_timing.h"
#include "bench/processes.h"
#include "common/base/env.h"
#include "common/base/status.h"
#include "common/base/stop_signals.h"
#include "common/telemetry/telemetry.h"
#include "tests/worker/compute/cpu/make_model.h"
#include "tests/worker/compute/cuda/gpu_model.h"
#include "worker/compute/cuda/network/gpu_pipeline.h"
#include "worker/train/trainer.h"

namespace rubato {
namespace {

constexpr int64_t kIterationsPerEpoch = 1'000'000;
constexpr Duration kPatience = Duration::Seconds(60);
constexpr char kFailed[] = "failed: ";

absl::StatusOr<Job> JobOf(const FleetPlan& plan) {
  ASSIGN_OR_RETURN(ModelSpec model, MakeModelSpec(plan.workload->config, plan.workload->shape));
  Job job;
  job.tables = std::move(model.tables);
  job.places = plan.servers;
  job.seats = plan.workers;
  job.iteration_rows = plan.workload->rows() * plan.workers;
  job.seed = 1;
  job.iterations_per_epoch = kIterationsPerEpoch;
  job.last_clock = Clock(kIterationsPerEpoch);   // the processes are killed long before
  job.retention_soft_bytes = uint64_t{1} << 48;  // no snapshots
  job.retention_hard_bytes = uint64_t{1} << 28;
  return job;
}

// A data set whose rows are the plan's batches in turn. Its reads tell how fast a worker is: they
// keep a fixed distance to its iterations.
class BatchesInTurn : public Dataset {
 public:
  BatchesInTurn(const FleetPlan& plan, AddressPipe* figure) : plan_(plan), figure_(figure) {}

  const DatasetShape& shape() const override { return plan_.workload->shape; }
  uint64_t rows() const override {
    return plan_.workload->rows() * plan_.workers * kIterationsPerEpoch;
  }
  std::span<const float> labels() const override { return {}; }
  std::span<const float> weights() const override { return {}; }
  std::span<const float> offsets() const override { return {}; }
  std::span<const float> oracle() const override { return {}; }
  void Read(std::span<const uint64_t>, Batch* out) const override {
    *out = plan_.batches[static_cast<size_t>(reads_) % plan_.batches.size()];
    if (reads_ == plan_.warm_up) start_ = MonotonicNow();
    if (reads_ == plan_.warm_up + plan_.iterations) {
      const double seconds = (MonotonicNow() - start_).seconds();
      figure_->Send(absl::StrFormat("%.9f", seconds / static_cast<double>(plan_.iterations)));
    }
    ++reads_;
  }

 private:
  const FleetPlan& plan_;
  AddressPipe* const figure_;
  mutable int64_t reads_ = 0;  // one thread, the trainer's
  mutable Instant start_;
};

// Nothing to evaluate.
class NoRows : public Dataset {
 public:
  explicit NoRows(const DatasetShape& shape) : shape_(shape) {}
  const DatasetShape& shape() const override { return shape_; }
  uint64_t rows() const override { return 0; }
  std::span<const float> labels() const override { return {}; }
  std::span<const float> weights() const override { return {}; }
  std::span<const float> offsets() const override { return {}; }
  std::span<const float> oracle() const override { return {}; }
  void Read(std::span<const uint64_t>, Batch*) const override {}

 private:
  const DatasetShape& shape_;
};

std::vector<Parameters> KeysOf(const FleetPlan& plan, const Model& model) {
  std::vector<Parameters> keys(plan.batches.size());
  for (size_t i = 0; i < keys.size(); ++i) model.FindKeys(plan.batches[i], &keys[i]);
  return keys;
}

// FleetCompute::kNone: weights come back as gradients; keys were found before.
class Echo : public Pipeline {
 public:
  explicit Echo(std::vector<Parameters> keys) : keys_(std::move(keys)) {}
  absl::Status Prepare(Batch, Parameters* keys) override {
    *keys = keys_[prepared_++ % keys_.size()];
    return absl::OkStatus();
  }
  absl::Status Begin(Parameters rows) override {
    begun_.push_back(std::move(rows));
    return absl::OkStatus();
  }
  absl::StatusOr<double> Finish(Parameters* gradients) override {
    *gradients = std::move(begun_.front());
    begun_.pop_front();
    return 0.0;
  }
  absl::Status Clear() override {
    begun_.clear();
    return absl::OkStatus();
  }

 private:
  const std::vector<Parameters> keys_;
  size_t prepared_ = 0;
  std::deque<Parameters> begun_;
};

struct Seat {
  SeatId seat;
  std::string scheduler;
};

absl::Status Train(const FleetPlan& plan, const Job& job, const Seat& at, AddressPipe* figure) {
  const Workload& workload = *plan.workload;
  ASSIGN_OR_RETURN(const auto signals, StopSignals::Catch());
  ASSIGN_OR_RETURN(const auto events, EventLog::Open({.path = "/dev/null", .process = "worker"}));
  ASSIGN_OR_RETURN(const auto model, MakeModel(workload.config, workload.shape));
  PinnedPool pool;
  std::unique_ptr<Pipeline> pipeline;
  if (plan.compute == FleetCompute::kNone) {
    pipeline = std::make_unique<Echo>(KeysOf(plan, *model));
  } else {
    ASSIGN_OR_RETURN(pipeline,
                     GpuPipeline::Make(GpuModelOf(workload.config, workload.shape), &pool));
  }
  PsClientOptions client;
  client.job = job;
  client.seat = at.seat;
  ASSIGN_OR_RETURN(const auto session, Session::Open(std::move(client), at.scheduler));
  const BatchesInTurn train(plan, figure);
  const NoRows validation(workload.shape);
  TrainerOptions options;
  options.job = job;
  options.seat = at.seat;
  // As rubato-worker has it on a GPU.
  options.ahead = {.pulled = workload.config.train.prefetch, .begun = 1};
  Trainer trainer(std::move(options), {.model = model.get(), .pipeline = pipeline.get()}, &train,
                  &validation, events.get());
  return trainer.Run(session.get(), signals.get()).status();
}

void RunWorker(const FleetPlan& plan, const Job& job, const Seat& at, AddressPipe* figure) {
  const absl::Status status = Train(plan, job, at, figure);
  if (!status.ok()) {
    figure->Send(absl::StrCat(kFailed, std::string(status.message()).substr(0, 200)));
  }
}

// Of one worker.
absl::StatusOr<double> IterationSeconds(AddressPipe* figure) {
  const std::optional<std::string> text = figure->ReceiveWithin(kPatience);
  if (!text) return absl::UnavailableError("a worker said nothing for a minute");
  if (text->rfind(kFailed, 0) == 0) return absl::UnavailableError(*text);
  return std::strtod(text->c_str(), nullptr);
}

// Takes a batch in and begins its step, with some weights.
absl::Status BeginStep(const Batch& batch, GpuPipeline* pipeline) {
  Parameters rows;
  RETURN_IF_ERROR(pipeline->Prepare(batch, &rows));
  for (size_t t = 0; t < rows.size(); ++t) {
    rows[t].values.resize(rows[t].keys.size() * pipeline->tables()[t].dim, 0.01F);
  }
  return pipeline->Begin(std::move(rows));
}

}  // namespace

absl::StatusOr<double> FleetSamplesPerSecond(const FleetPlan& plan) {
  ASSIGN_OR_RETURN(const Job job, JobOf(plan));
  const Folder folder;
  const std::string address = "ipc://" + folder.path() + "/";
  const std::string scheduler = address + "scheduler";
  std::deque<AddressPipe> figures(plan.workers);
  std::deque<Child> children;
  children.emplace_back([&] { RunScheduler(job, scheduler); });
  for (uint32_t p = 0; p < plan.servers; ++p) {
    const std::string listen = absl::StrCat(address, "server-", p);
    children.emplace_back(
        [&] { RunServer(job, {.place = PlaceId(p), .listen = listen, .scheduler = scheduler}); });
  }
  for (uint32_t s = 0; s < plan.workers; ++s) {
    children.emplace_back(
        [&] { RunWorker(plan, job, {.seat = SeatId(s), .scheduler = scheduler}, &figures[s]); });
  }
  absl::StatusOr<double> samples = 0.0;
  for (AddressPipe& figure : figures) {
    const absl::StatusOr<double> seconds = IterationSeconds(&figure);
    if (!seconds.ok()) {
      samples = seconds.status();
      break;
    }
    *samples += static_cast<double>(plan.workload->rows()) / *seconds;
  }
  for (Child& child : children) child.Kill();
  return samples;
}

// As the trainer does it: a step is begun before the last one is finished.
absl::StatusOr<double> PipelineStepSeconds(const FleetPlan& plan) {
  const Workload& workload = *plan.workload;
  PinnedPool pool;
  ASSIGN_OR_RETURN(auto pipeline,
                   GpuPipeline::Make(GpuModelOf(workload.config, workload.shape), &pool));
  RETURN_IF_ERROR(BeginStep(plan.batches[0], pipeline.get()));
  Instant start;
  for (int64_t i = 0; i < plan.warm_up + plan.iterations; ++i) {
    if (i == plan.warm_up) start = MonotonicNow();
    const size_t next = static_cast<size_t>(i + 1) % plan.batches.size();
    RETURN_IF_ERROR(BeginStep(plan.batches[next], pipeline.get()));
    Parameters gradients;
    RETURN_IF_ERROR(pipeline->Finish(&gradients).status());
  }
  return (MonotonicNow() - start).seconds() / static_cast<double>(plan.iterations);
}

}  // namespace rubato
