// A local run over a training that is played by hand: what it is given, what is told of it, how it
// ends.
#include "worker/train/local_trainer.h"

#include <signal.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"
#include "tests/worker/compute/cpu/make_model.h"
#include "tests/worker/evaluate/batch_dataset.h"

namespace rubato {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kBatch = 8;
constexpr uint64_t kRows = 20;      // three batches, the last one short
constexpr int64_t kIterations = 4;  // of a pass, its evaluation included
constexpr uint64_t kSteps = 3;      // of a pass
constexpr double kConstantLoss = 0.6;
constexpr double kWeightOfAStep = 0.25;  // what each step adds to every weight

class PlayedTraining : public LocalTraining {
 public:
  absl::Status Step(const Batch& batch) override {
    steps.push_back(batch);
    on_step();
    return step_status;
  }
  absl::StatusOr<double> TakeLoss() override { return loss; }
  absl::StatusOr<Parameters> Read(Parameters keys) override {
    const auto weight = static_cast<float>(kWeightOfAStep * static_cast<double>(steps.size()));
    for (ParameterRows& rows : keys) rows.values.assign(rows.keys.size(), weight);
    return keys;
  }

  std::vector<Batch> steps;
  std::function<void()> on_step = [] {};
  absl::Status step_status;
  double loss = 0.5;
};

class LocalTrainerTest : public testing::Test {
 protected:
  LocalTrainerTest() {
    signal(SIGTERM, SIG_DFL);  // whoever runs the tests may ignore it
    job_.iteration_rows = kBatch;
    job_.iterations_per_epoch = kIterations;
    job_.last_clock = Clock(2 * kIterations);
    signals_ = *StopSignals::Catch();
    RunConfig config;
    config.model.kind = "linear";
    model_ = *MakeModel(config, train_.shape());
  }

  absl::Status Run() {
    auto log = EventLog::Open({.path = path_, .process = "local-0"});
    EXPECT_TRUE(log.ok()) << log.status();
    LocalTrainer trainer({.job = job_,
                          .losses = {.constant = kConstantLoss},
                          .learning_rate = 0.5,
                          .untrained = {Encoding(), model_->spec()}},
                         {.training = &training_, .model = model_.get()},
                         {.train = &train_, .validation = validation_}, log->get());
    return trainer.Run(signals_.get());
  }

  // Those of one kind that the run has told.
  std::vector<Json> Told(const std::string& kind) const {
    std::ifstream file(path_);
    std::vector<Json> told;
    for (std::string line; std::getline(file, line);) {
      Json event = Json::parse(line);
      if (event["event"] == kind) told.push_back(std::move(event));
    }
    return told;
  }

  // Mean log loss of the validation rows where every weight is what `steps` steps have made it: the
  // margin of each row is the bias and one level's weight.
  double LossAfter(uint64_t steps) const {
    const double margin = 2 * kWeightOfAStep * static_cast<double>(steps);
    double sum = 0;
    for (const float label : rows_.all().labels) {
      sum += std::log1p(std::exp(label > 0 ? -margin : margin));
    }
    return sum / static_cast<double>(rows_.rows());
  }

  Rng rng_{5};
  const BatchDataset train_{MakeShape(0, {9}, 0), kRows, &rng_};
  const BatchDataset rows_{MakeShape(0, {9}, 0), 30, &rng_};
  const BatchDataset none_{MakeShape(0, {9}, 0), 0, &rng_};
  const Dataset* validation_ = &rows_;
  std::unique_ptr<Model> model_;
  PlayedTraining training_;
  Job job_;
  std::unique_ptr<StopSignals> signals_;
  ScratchFolder folder_;
  const std::string path_ = folder_.path() + "/events.jsonl";
};

// Their weights, which are drawn, know rows apart.
std::vector<float> RowsOf(std::span<const Batch> batches) {
  std::vector<float> rows;
  for (const Batch& batch : batches) {
    rows.insert(rows.end(), batch.weights.begin(), batch.weights.end());
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

TEST_F(LocalTrainerTest, EachPassStepsOnceWithEachRow) {
  ASSERT_TRUE(Run().ok());
  ASSERT_EQ(training_.steps.size(), 2 * kSteps);
  const std::vector<float> all = RowsOf({&train_.all(), 1});
  for (size_t pass = 0; pass < 2; ++pass) {
    EXPECT_EQ(RowsOf(std::span(training_.steps).subspan(pass * kSteps, kSteps)), all);
  }
  EXPECT_EQ(training_.steps[0].rows, kBatch);
}

TEST_F(LocalTrainerTest, EachPassIsValidatedWithTheWeightsAtItsEnd) {
  ASSERT_TRUE(Run().ok());
  const std::vector<Json> told = Told("validation");
  ASSERT_EQ(told.size(), 2u);
  for (int64_t pass = 0; pass < 2; ++pass) {
    const Json& event = told[static_cast<size_t>(pass)];
    EXPECT_EQ(event["epoch"], pass);
    EXPECT_EQ(event["clock"], (pass + 1) * kIterations - 1);
    EXPECT_NEAR(event["figures"]["logloss"], LossAfter(static_cast<uint64_t>(pass + 1) * kSteps),
                1e-6);
    EXPECT_EQ(event["figures"]["auc"], 0.5) << "rows that all score the same";
  }
}

TEST_F(LocalTrainerTest, TellsHowFarItIsAndWhatItDid) {
  ASSERT_TRUE(Run().ok());
  const std::vector<Json> progress = Told("progress");
  ASSERT_GE(progress.size(), 3u) << "at the end of each pass, and at the very end";
  EXPECT_EQ(progress[0]["loss"], training_.loss);
  EXPECT_EQ(progress.back()["clock"], 2 * kIterations);
  EXPECT_EQ(progress.back()["epoch"], 1);
  EXPECT_EQ(progress.back()["rows"], 2 * kRows);
  EXPECT_FALSE(progress.back().contains("loss")) << "no row since the one before";
  const std::vector<Json> done = Told("done");
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0]["seat"], 0);
  EXPECT_EQ(done[0]["rows"], 2 * kRows);
  EXPECT_EQ(done[0]["pushes"], 2 * kSteps);
  EXPECT_EQ(done[0]["seconds"].size(), 2u) << "compute and other: nobody is waited for";
  EXPECT_FALSE(done[0].contains("bytes_pushed"));
}

TEST_F(LocalTrainerTest, WithoutValidationRowsItOnlyTrains) {
  validation_ = &none_;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(training_.steps.size(), 2 * kSteps);
  EXPECT_TRUE(Told("validation").empty());
  EXPECT_EQ(Told("done").size(), 1u);
}

TEST_F(LocalTrainerTest, AStopSignalEndsItBeforeTheNextStep) {
  training_.on_step = [this] {
    if (training_.steps.size() == 2) raise(SIGTERM);
  };
  EXPECT_EQ(Run(), absl::CancelledError("stopped by SIGTERM"));
  EXPECT_EQ(training_.steps.size(), 2u);
  EXPECT_TRUE(Told("done").empty());
}

TEST_F(LocalTrainerTest, WhatASignalFindsInThePassIsNotValidated) {
  training_.on_step = [this] {
    if (training_.steps.size() == kSteps) raise(SIGTERM);
  };
  EXPECT_TRUE(absl::IsCancelled(Run()));
  EXPECT_TRUE(Told("validation").empty());
}

TEST_F(LocalTrainerTest, ALossThatRanAwayEndsItAtTheEndOfThePassBeforeItIsValidated) {
  training_.loss = 2 * kDivergedLoss * kConstantLoss;
  const absl::Status status = Run();
  EXPECT_EQ(ExitCode(status), kExitFatal);
  EXPECT_EQ(status.message().find("training diverged at clock 3: the mean loss is "), 0u) << status;
  EXPECT_EQ(training_.steps.size(), kSteps);
  EXPECT_TRUE(Told("validation").empty());
  EXPECT_TRUE(Told("done").empty());
}

TEST_F(LocalTrainerTest, ALossThatIsNoNumberIsNotToldAndEndsIt) {
  training_.loss = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(ExitCode(Run()), kExitFatal);
  EXPECT_LE(training_.steps.size(), kSteps);
  EXPECT_TRUE(Told("progress").empty());
}

TEST_F(LocalTrainerTest, WhatTheGpuRefusesEndsIt) {
  training_.step_status = absl::InternalError("cudaLaunchKernel: out of order");
  EXPECT_EQ(Run(), training_.step_status);
  EXPECT_EQ(training_.steps.size(), 1u);
}

}  // namespace
}  // namespace rubato
