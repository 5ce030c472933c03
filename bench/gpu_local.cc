#include "bench/gpu_local.h"

#include "bench/gpu_timing.h"
#include "common/base/env.h"
#include "common/base/status.h"
#include "tests/worker/compute/cpu/make_model.h"
#include "tests/worker/compute/cpu/reference_training.h"
#include "tests/worker/compute/cuda/gpu_model.h"
#include "worker/compute/cuda/network/local_training_on_gpu.h"

namespace rubato {
namespace {

absl::StatusOr<std::unique_ptr<LocalTraining>> MakeTraining(const LocalPlan& plan) {
  return MakeLocalTrainingOnGpu(GpuModelOf(plan.workload->config, plan.workload->shape));
}

// Steps [begin, end) over the batches in turn.
absl::Status Run(const LocalPlan& plan, size_t begin, size_t end, LocalTraining* training) {
  for (size_t i = begin; i < end; ++i) {
    RETURN_IF_ERROR(training->Step(plan.batches[i % plan.batches.size()]));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<double> LocalStepSeconds(const LocalPlan& plan) {
  ASSIGN_OR_RETURN(const auto training, MakeTraining(plan));
  RETURN_IF_ERROR(Run(plan, 0, plan.warm_up, training.get()));
  RETURN_IF_ERROR(training->TakeLoss().status());
  std::vector<double> seconds;
  for (size_t i = 0; i < plan.repeats; ++i) {
    const Instant start = MonotonicNow();
    RETURN_IF_ERROR(Run(plan, 0, plan.steps, training.get()));
    RETURN_IF_ERROR(training->TakeLoss().status());  // waits
    seconds.push_back((MonotonicNow() - start).seconds() / static_cast<double>(plan.steps));
  }
  return Median(seconds);
}

absl::StatusOr<double> LocalLoss(const LocalPlan& plan, size_t steps) {
  ASSIGN_OR_RETURN(const auto training, MakeTraining(plan));
  RETURN_IF_ERROR(Run(plan, 0, steps - kLossSteps, training.get()));
  RETURN_IF_ERROR(training->TakeLoss().status());
  RETURN_IF_ERROR(Run(plan, steps - kLossSteps, steps, training.get()));
  return training->TakeLoss();
}

absl::StatusOr<double> ReferenceLoss(const LocalPlan& plan, size_t steps) {
  const RunConfig& config = plan.workload->config;
  ASSIGN_OR_RETURN(const auto model, MakeModel(config, plan.workload->shape));
  ReferenceTraining training(model.get(), static_cast<uint64_t>(config.train.seed));
  double loss = 0;
  for (size_t i = 0; i < steps; ++i) {
    const double of_batch = training.Step(plan.batches[i % plan.batches.size()]);
    if (i >= steps - kLossSteps) loss += of_batch / kLossSteps;
  }
  return loss;
}

}  // namespace rubato
