// rubato-bench-gpu: what a GPU of this host makes of the product, against what it can do and
// against PyTorch; see bench/gpu.sh. Bounds are measured first; with servers first of all, because
// processes are forked for that, and CUDA does not survive a fork.
//
// Exit codes: 0 all was measured, SHORT of its target or not; 1 something could not be measured, or
// the losses of GPU and CPU differ; 77 no GPU.
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "bench/gpu_ceilings.h"
#include "bench/gpu_fleet.h"
#include "bench/gpu_kernels.h"
#include "bench/gpu_local.h"
#include "bench/gpu_report.h"
#include "bench/gpu_stages.h"
#include "bench/gpu_timing.h"
#include "bench/processes.h"
#include "bench/raw_zeromq.h"
#include "common/base/status.h"
#include "common/process/process.h"
#include "tests/worker/compute/cpu/make_model.h"
#include "worker/compute/cuda/device/gpus.h"

namespace rubato {
namespace {

constexpr int kNoGpu = 77;
constexpr double kShareOfCopy = 0.6;
constexpr double kMostLossDifference = 0.02;  // of the loss: tf32 against single precision

struct Flags {
  std::string baseline;
  std::string json;
  bool smoke = false;
};

struct Row {
  Workload workload;
  std::vector<Batch> batches;
  StepWork work;
};

class GpuBench {
 public:
  GpuBench(Scale scale, Baseline baseline) : scale_(scale), baseline_(std::move(baseline)) {}

  // All of it; what could not be measured is said.
  bool Run();
  const std::vector<Figure>& figures() const { return figures_; }

 private:
  static constexpr size_t kFewSteps = 20;  // kSmoke
  bool full() const { return scale_ == Scale::kFull; }
  size_t Steps(size_t steps) const { return full() ? steps : std::min(steps, kFewSteps); }
  const Row& Prepared(const Workload& workload);
  FleetPlan FleetOf(const Row& row, uint32_t workers) const;
  LocalPlan LocalOf(const Row& row) const;
  void Add(Figure figure);
  void Note(const std::string& what, const absl::Status& status);

  absl::Status MeasureFleet(const Workload& workload, uint32_t workers, const Goal& target);
  absl::Status FinishFleets();
  void AddCeilings();
  absl::Status AddKernels(uint32_t rows);
  absl::Status AddDenseStep();
  absl::Status MeasureLocal(const Workload& workload, const Goal& target);
  absl::Status CompareLosses();
  void AddKernel(const KernelFigure& kernel, const std::string& where);
  void MeasureFleets();
  void MeasureLocals();

  const Scale scale_;
  const Baseline baseline_;
  std::map<std::string, Row> rows_;  // by name
  Ceilings ceilings_;
  double transport_ = 0;  // bytes a second of one connection
  struct Fleet {
    const Row* row;
    uint32_t workers;
    Figure figure;
  };
  std::vector<Fleet> fleets_;
  std::vector<Figure> figures_;
  bool failed_ = false;
};

const Row& GpuBench::Prepared(const Workload& workload) {
  Row& row = rows_[workload.name];
  if (row.batches.empty()) {
    row.workload = workload;
    row.batches = MakeBatches(workload);
    row.work = WorkOf(workload, DistinctKeys(row.batches[0]));
  }
  return row;
}

void GpuBench::Add(Figure figure) {
  PrintFigure(figure);
  figures_.push_back(std::move(figure));
}

void GpuBench::Note(const std::string& what, const absl::Status& status) {
  if (status.ok()) return;
  failed_ = true;
  std::printf("%s: could not be measured: %s\n", what.c_str(),
              std::string(status.message()).c_str());
  std::fflush(stdout);
}

// With servers ------------------------------------------------------------------------------------

FleetPlan GpuBench::FleetOf(const Row& row, uint32_t workers) const {
  const bool tables = row.workload.shape.category_columns > 0;
  const auto iterations = static_cast<int64_t>(Steps(tables ? 120 : 2000));
  return {.workload = &row.workload,
          .batches = row.batches,
          .workers = workers,
          .warm_up = iterations / 5,
          .iterations = iterations};
}

absl::Status GpuBench::MeasureFleet(const Workload& workload, uint32_t workers,
                                    const Goal& target) {
  const Row& row = Prepared(workload);
  FleetPlan plan = FleetOf(row, workers);
  ASSIGN_OR_RETURN(const double samples, FleetSamplesPerSecond(plan));
  Figure figure{.name = absl::StrFormat("%s, 4 servers, s = 4, %d worker%s", workload.name, workers,
                                        workers == 1 ? "" : "s"),
                .seconds = static_cast<double>(workload.rows()) * workers / samples,
                .rate = samples,
                .rate_unit = "samples",
                .target = target};
  if (figure.IsShort()) {
    plan.compute = FleetCompute::kNone;
    ASSIGN_OR_RETURN(const double servers, FleetSamplesPerSecond(plan));
    figure.without.emplace_back("servers and transport alone",
                                static_cast<double>(workload.rows()) * workers / servers);
  }
  std::printf("%s: %.3f M samples/s\n", figure.name.c_str(), samples * 1e-6);
  std::fflush(stdout);
  fleets_.push_back({.row = &row, .workers = workers, .figure = std::move(figure)});
  return absl::OkStatus();
}

void GpuBench::MeasureFleets() {
  const Workload w1 = MakeW1(scale_);
  const Goal million{.least = 1e6, .words = "1.00 M"};
  Note("W1 with servers", MeasureFleet(w1, 1, million));
  if (full()) Note("W1 with 4 workers", MeasureFleet(w1, 4, {}));
  for (const int64_t batch : {1024, 256}) {
    const Workload w3 = MakeW3(scale_, batch);
    const Goal target = TimesBaseline(3, baseline_.Of(w3.name + " eager"));
    Note(w3.name + " with servers", MeasureFleet(w3, 1, target));
  }
  const StreamShape raw{.message_bytes = 1u << 20, .messages = full() ? 2048u : 4u, .window = 16};
  transport_ = static_cast<double>(raw.messages * raw.message_bytes) /
               RawZeroMqTime(Transport::kIpc, raw).seconds();
}

// What needed the device: the bound, and the pipeline alone.
absl::Status GpuBench::FinishFleets() {
  for (Fleet& fleet : fleets_) {
    const Row& row = *fleet.row;
    Figure& figure = fleet.figure;
    // Rows come and gradients go, over a connection a shard.
    ASSIGN_OR_RETURN(const auto model, MakeModel(row.workload.config, row.workload.shape));
    Parameters keys;
    model->FindKeys(row.batches[0], &keys);
    double values = 0;
    for (size_t t = 0; t < keys.size(); ++t) {
      values += static_cast<double>(keys[t].keys.size()) * model->tables()[t].dim * sizeof(float);
    }
    figure.bound_seconds = 2 * values * fleet.workers / (4 * transport_);
    figure.bound_by = "4 connections";
    if (figure.IsShort()) {
      ASSIGN_OR_RETURN(const double alone, PipelineStepSeconds(FleetOf(row, 1)));
      figure.without.emplace_back("pipeline alone, without servers", alone);
    }
    Add(figure);
  }
  return absl::OkStatus();
}

// On the device alone -----------------------------------------------------------------------------

void GpuBench::AddCeilings() {
  Note("ceilings", MeasureCeilings(scale_, &ceilings_));
  const auto add = [this](const std::string& name, double rate, const std::string& unit) {
    if (rate != Ceilings::kNone) Add({.name = name, .rate = rate, .rate_unit = unit});
  };
  add("ceiling: device copy, read + written", ceilings_.copy_bytes, "bytes");
  add("ceiling: pinned host to device", ceilings_.upload_bytes, "bytes");
  add("ceiling: device to pinned host", ceilings_.download_bytes, "bytes");
  add("ceiling: cublasLt product, tf32", ceilings_.tf32_flops, "flops");
  add("ceiling: cublasLt product, bf16", ceilings_.bf16_flops, "flops");
  add("ceiling: ZeroMQ, one ipc connection", transport_, "bytes");
}

void GpuBench::AddKernel(const KernelFigure& kernel, const std::string& where) {
  Figure figure{.name = kernel.name + where,
                .bound_seconds = kernel.bytes / ceilings_.copy_bytes,
                .bound_by = "device bytes",
                .seconds = kernel.seconds,
                .rate = kernel.bytes / kernel.seconds,
                .rate_unit = "bytes"};
  if (kernel.aim == Aim::kShareOfCopy && ceilings_.copy_bytes != Ceilings::kNone) {
    figure.target = {.least = kShareOfCopy * ceilings_.copy_bytes, .words = "0.6 x device copy"};
  }
  Add(std::move(figure));
}

absl::Status GpuBench::AddKernels(uint32_t rows) {
  ASSIGN_OR_RETURN(const std::vector<KernelFigure> kernels, MeasureKernels(scale_, rows));
  for (const KernelFigure& kernel : kernels) AddKernel(kernel, absl::StrCat(", ", rows, " rows"));
  return absl::OkStatus();
}

absl::Status GpuBench::AddDenseStep() {
  ASSIGN_OR_RETURN(const KernelFigure step, MeasureDenseStep(scale_));
  AddKernel(step, "");
  return absl::OkStatus();
}

LocalPlan GpuBench::LocalOf(const Row& row) const {
  const bool short_steps = row.workload.config.train.batch <= 1024;
  return {.workload = &row.workload,
          .batches = row.batches,
          .warm_up = Steps(300),  // the tables that AdaGrad and the cache meet then are warm
          .steps = Steps(short_steps ? 1000 : 100)};
}

absl::Status GpuBench::MeasureLocal(const Workload& workload, const Goal& target) {
  const Row& row = Prepared(workload);
  const LocalPlan plan = LocalOf(row);
  ASSIGN_OR_RETURN(const Precision precision, ParsePrecision(workload.config.train.precision));
  const Ceilings::Bound bound = ceilings_.Of(row.work, precision);
  const auto samples = static_cast<double>(workload.rows());
  ASSIGN_OR_RETURN(const double seconds, LocalStepSeconds(plan));
  Figure figure{.name = workload.name + ", local, inputs from host",
                .bound_seconds = bound.seconds,
                .bound_by = bound.by,
                .seconds = seconds,
                .rate = samples / seconds,
                .rate_unit = "samples",
                .target = target};
  std::vector<Stage> stages = {Stage::kNothing};
  if (figure.IsShort()) {
    if (workload.shape.category_columns > 0) stages.push_back(Stage::kUnique);
    stages.insert(stages.end(), {Stage::kNetwork, Stage::kOptimizer});
  }
  ASSIGN_OR_RETURN(const std::vector<double> device, DeviceStepSeconds(plan, stages));
  for (size_t i = 1; i < stages.size(); ++i) {
    figure.without.emplace_back(absl::StrCat("on the device without ", StageName(stages[i])),
                                device[i]);
  }
  Add(figure);
  figure.name = workload.name + ", local, inputs on the device";
  figure.seconds = device[0];
  figure.rate = samples / device[0];
  figure.target = {};
  figure.without.clear();
  Add(std::move(figure));
  return absl::OkStatus();
}

void GpuBench::MeasureLocals() {
  Note("W1", MeasureLocal(MakeW1(scale_), {.least = 8e6, .words = "8.00 M"}));
  for (const char* precision : {"tf32", "bf16"}) {
    const Workload w2 = MakeW2(scale_, precision);
    const Goal target = TimesBaseline(1.3, baseline_.Of(w2.name + " compiled"));
    Note(w2.name, MeasureLocal(w2, target));
    rows_.erase(w2.name);  // 130 MB of batches
  }
  for (const int64_t batch : {1024, 256}) {
    const Workload w3 = MakeW3(scale_, batch);
    const Goal target = TimesBaseline(1.5, baseline_.Of(w3.name + " graph"));
    Note(w3.name, MeasureLocal(w3, target));
  }
}

// The same first weights, the same batches.
absl::Status GpuBench::CompareLosses() {
  const LocalPlan plan = LocalOf(Prepared(MakeW1(scale_)));
  const size_t steps = Steps(100);
  ASSIGN_OR_RETURN(const double gpu, LocalLoss(plan, steps));
  ASSIGN_OR_RETURN(const double cpu, ReferenceLoss(plan, steps));
  std::printf("W1: mean loss of steps %zu to %zu, whole table: %.6f on the GPU, %.6f on the CPU\n",
              steps - kLossSteps + 1, steps, gpu, cpu);
  std::fflush(stdout);
  if (std::abs(gpu - cpu) <= kMostLossDifference * cpu) return absl::OkStatus();
  return absl::InternalError("the losses differ by more than 2 %");
}

bool GpuBench::Run() {
  MeasureFleets();
  AddCeilings();
  Note("kernels", AddKernels(full() ? 8192 : 32));
  if (full()) Note("large kernels", AddKernels(65536));
  Note("optimizer", AddDenseStep());
  MeasureLocals();
  Note("fleets", FinishFleets());
  Note("W1's loss", CompareLosses());
  return !failed_;
}

// In a process of its own: this one has not used CUDA yet.
std::string FindGpu() {
  AddressPipe found;
  Child probe([&found] {
    const absl::StatusOr<std::vector<GpuInfo>> gpus = FindGpus();
    found.Send(gpus.ok() ? gpus->front().name : "\n" + std::string(gpus.status().message()));
  });
  return found.Receive();
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("The product on a GPU of this host, against its bounds and PyTorch.");
  app.add_option("--baseline", flags.baseline, "what bench/torch_baseline.py wrote")
      ->check(CLI::ExistingFile);
  app.add_option("--json", flags.json, "write all figures to this file");
  app.add_flag("--smoke", flags.smoke, "tiny sizes, to try the bench itself");
  CLI11_PARSE(app, argc, argv);
  const std::string gpu = FindGpu();
  if (gpu.front() == '\n') {
    std::printf("No GPU to measure:%s\n", gpu.c_str());
    return kNoGpu;
  }
  absl::StatusOr<Baseline> baseline = Baseline::OnH100();
  if (!flags.baseline.empty()) baseline = Baseline::Load(flags.baseline);
  if (!baseline.ok()) {
    std::fprintf(stderr, "error: %s\n", std::string(baseline.status().message()).c_str());
    return kExitUsage;
  }
  std::printf("%s\n", gpu.c_str());
  GpuBench bench(flags.smoke ? Scale::kSmoke : Scale::kFull, *std::move(baseline));
  bool done = bench.Run();
  PrintTable(bench.figures());
  if (!flags.json.empty()) {
    const absl::Status written = WriteJson(bench.figures(), gpu, flags.json);
    if (!written.ok()) {
      std::fprintf(stderr, "error: %s\n", std::string(written.message()).c_str());
      done = false;
    }
  }
  return done ? kExitDone : 1;
}

}  // namespace
}  // namespace rubato

int main(int argc, char** argv) { return rubato::Main(argc, argv); }
