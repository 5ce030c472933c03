#include "worker/data/prepare/prepare.h"

#include <cmath>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/staged_file.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/worker/data/prepare/prepare_fixture.h"
#include "worker/data/encode/encoding_json.h"
#include "worker/data/prepare/data_json.h"
#include "worker/data/text/csv.h"
#include "worker/spec/batch_order.h"
#include "worker/spec/job_plan.h"

namespace rubato {
namespace {

using Prepare = PrepareFixture;

TEST_F(Prepare, CsvEndToEnd) {
  const auto prepared = Run(LoanConfig(1000));
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->outcome, PrepareOutcome::kPrepared);
  uint64_t rows = 0;
  for (size_t i = 0; i < kSplitParts; ++i) {
    const auto dataset = Open(static_cast<SplitPart>(i));
    EXPECT_EQ(dataset->rows(), prepared->report.parts[i].rows);
    const auto labels = dataset->labels();
    EXPECT_EQ(std::accumulate(labels.begin(), labels.end(), 0.0), prepared->report.parts[i].labels);
    EXPECT_EQ(dataset->shape(), prepared->report.shape);
    rows += dataset->rows();
  }
  EXPECT_EQ(rows, 1000u);
  EXPECT_EQ(prepared->report.shape.numeric_columns, 2u);  // amount and its indicator
  EXPECT_EQ(prepared->report.shape.level_begin, (std::vector<uint64_t>{0, 4}));
  for (const char* name : {"run.toml", "config.json", "job.json", "data/cleansing.json"}) {
    EXPECT_TRUE(std::filesystem::exists(Path(absl::StrCat("out/", name)))) << name;
  }
  EXPECT_TRUE(Leftovers() == std::vector<std::string>{"out"});
}

// What training sees of a row is what predict makes of it with the saved encoding.
TEST_F(Prepare, SavedEncodingGivesTheRowsOfTheDataset) {
  ASSERT_TRUE(Run(LoanConfig(300)).ok());
  const auto text = ReadChecksummedText(Path("out/data/encoding.json"));
  ASSERT_TRUE(text.ok());
  const auto encoding = ParseEncoding(*text);
  ASSERT_TRUE(encoding.ok()) << encoding.status();
  auto reader = CsvReader::Open(Path("loans.csv"));
  auto encoder = Encoder::Bind(*encoding, (*reader)->header(), (*reader)->decimal_comma());
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  const Batch test = ReadAll(*Open(SplitPart::kTest));
  size_t row = 0;
  while (*(*reader)->Next()) {
    if (PartOfHash(SplitHash(absl::StrCat((*reader)->row())), SplitConfig{}, TestFile::kNone) !=
        SplitPart::kTest)
      continue;
    (*encoder)->Encode((*reader)->fields());
    for (size_t i = 0; i < test.numeric_columns; ++i) {
      ASSERT_EQ(test.numeric[row * test.numeric_columns + i], (*encoder)->numeric()[i]);
    }
    ASSERT_EQ(test.categories[row], (*encoder)->categories()[0]);
    ASSERT_EQ(test.labels[row] == 1.0F, (*reader)->fields()[4] == "bad");
    ++row;
  }
  EXPECT_EQ(row, test.rows);
}

// Values of validation and test rows must not move what is fitted.
TEST_F(Prepare, FitsOnTrainingRowsOnly) {
  ASSERT_TRUE(Run(LoanConfig(300)).ok());
  const auto before = ReadChecksummedText(Path("out/data/encoding.json"));
  std::string text = "id,amount,grade,when,y\n";
  auto reader = CsvReader::Open(Path("loans.csv"));
  while (*(*reader)->Next()) {
    const auto f = (*reader)->fields();
    const bool train = PartOfHash(SplitHash(absl::StrCat((*reader)->row())), SplitConfig{},
                                  TestFile::kNone) == SplitPart::kTrain;
    absl::StrAppend(&text, f[0], ",", train ? f[1] : "1e9", ",", train ? f[2] : "Z", ",", f[3], ",",
                    f[4], "\n");
  }
  std::filesystem::remove_all(Path("out"));
  RunConfig config = LoanConfig(300);
  config.data.path = Write("moved.csv", text);
  ASSERT_TRUE(Run(config).ok());
  EXPECT_EQ(*before, *ReadChecksummedText(Path("out/data/encoding.json")));
}

TEST_F(Prepare, CountsRowsThroughEveryStep) {
  RunConfig config = LoanConfig(1000);
  std::string text = Loans(1000);
  absl::StrAppend(&text, "1000,5,A,NA,bad\n1001,5,A,1990,?\n1002,5,A,1991,\n1003,5,A,-999,bad\n");
  config.data.path = Write("gaps.csv", text);
  config.data.drop = {"id"};
  config.data.time = "when";
  config.data.missing = {"when=-999"};
  config.split.kind = "time";
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const DataReport& report = prepared->report;
  EXPECT_EQ(report.rows_read, 1004u);
  EXPECT_EQ(report.dropped_missing_label, 2u);
  EXPECT_EQ(report.dropped_missing_time, 2u);
  EXPECT_EQ(report.parts[0].rows + report.parts[1].rows + report.parts[2].rows, 1000u);
  EXPECT_EQ(report.inputs.at(0).sha256.size(), 64u);
  const std::string json = *ReadChecksummedText(Path("out/data/cleansing.json"));
  EXPECT_TRUE(absl::StrContains(json, "\"read\": 1004"));
  EXPECT_TRUE(absl::StrContains(json, report.inputs[0].sha256));
}

TEST_F(Prepare, TimeSplitTrainsOnTheOldest) {
  RunConfig config = LoanConfig(1000);
  config.data.drop = {"id"};
  config.data.time = "when";
  config.split.kind = "time";
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.parts[0].rows, 700u);
  EXPECT_EQ(prepared->report.parts[1].rows, 150u);
  EXPECT_EQ(prepared->report.parts[2].rows, 150u);
  EXPECT_EQ(prepared->report.shape.numeric_columns, 2u);  // the time is no feature
}

TEST_F(Prepare, ClassWeightsSumToHalfEachInTrainingOnly) {
  RunConfig config = LoanConfig(1000);
  config.cleanse.class_weights = true;
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const Batch train = ReadAll(*Open(SplitPart::kTrain));
  double sums[2] = {0.0, 0.0};
  for (size_t i = 0; i < train.rows; ++i) sums[train.labels[i] == 1.0F] += train.weights[i];
  EXPECT_NEAR(sums[0], static_cast<double>(train.rows) / 2, 0.1);
  EXPECT_NEAR(sums[1], static_cast<double>(train.rows) / 2, 0.1);
  for (const float weight : ReadAll(*Open(SplitPart::kTest)).weights) EXPECT_EQ(weight, 1.0F);
  const auto encoding = LoadEncoding(Path("out"));
  ASSERT_TRUE(encoding.ok()) << encoding.status();
  const LabelSums& part = prepared->report.parts[0];
  const double odds = part.labels / (static_cast<double>(part.rows) - part.labels);
  EXPECT_NEAR(encoding->prior.shift, std::log(odds), 1e-9) << "corrected back to their rate";
  EXPECT_NEAR(encoding->prior.base_margin, 0.0, 1e-9);
}

TEST_F(Prepare, TheModelBeginsAtTheLogOddsOfTheTrainingRowsAlsoWhenResumed) {
  RunConfig config = LoanConfig(1000);
  config.train.epochs = 2;
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const LabelSums& part = prepared->report.parts[0];
  const double odds = part.labels / (static_cast<double>(part.rows) - part.labels);
  const Initializer& bias = prepared->job.tables.back().initializer;
  EXPECT_EQ(bias.kind, InitializerKind::kConstant);
  EXPECT_NEAR(bias.scale, std::log(odds), 1e-6);
  const auto resumed = PrepareRun(config, Path("out"), PrepareMode::kResume, [] { return false; });
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->job, prepared->job);
}

TEST_F(Prepare, EpochsAndBatchFollowTheRowsAndStayWhenResumed) {
  RunConfig config = LoanConfig(1000);
  config.train.epochs = 0;
  config.train.batch = 0;
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const auto toml = ReadChecksummedText(Path("out/run.toml"));
  ASSERT_TRUE(toml.ok()) << toml.status();
  EXPECT_TRUE(absl::StrContains(*toml, "epochs = 200\nbatch = 16\n")) << *toml;
  const auto resumed = PrepareRun(config, Path("out"), PrepareMode::kResume, [] { return false; });
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->job.last_clock, prepared->job.last_clock);
}

TEST_F(Prepare, JobFollowsTheConfiguration) {
  RunConfig config = LoanConfig(1000);
  config.fleet = {.servers = 2, .shards_per_server = 3, .workers = 4};
  config.train.batch = 10;
  config.train.epochs = 7;
  config.train.staleness = Staleness(2);
  config.train.seed = 5;
  config.train.best_epoch = true;
  config.snapshot.every_clocks = 11;
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const auto job = ParseJob(*ReadChecksummedText(Path("out/job.json")));
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(*job, prepared->job);
  EXPECT_EQ(job->places, 6u);
  EXPECT_EQ(job->seats, 4u);
  EXPECT_EQ(job->seed, 5u);
  EXPECT_EQ(job->staleness(), Staleness(2));
  EXPECT_EQ(job->iteration_rows, 40u);
  const BatchOrder order(prepared->report.parts[0].rows, 40, 4, 5);
  EXPECT_EQ(job->iterations_per_epoch, order.IterationsPerEpoch() + 1);
  EXPECT_EQ(job->last_clock, Clock(7 * job->iterations_per_epoch));
  EXPECT_TRUE(job->best_epoch);
  EXPECT_EQ(job->snapshot_every_clocks, 11);
}

TEST(MakeJob, MoreIterationsThanClocksCanCountAreRefused) {
  RunConfig config;
  config.fleet.workers = 1;
  config.train.batch = 1;
  config.train.epochs = 1'000'000;
  DatasetShape shape;
  shape.numeric_columns = 2;
  shape.level_begin = {0};
  EXPECT_TRUE(MakeJob(config, shape, {}, {.train = 9'000'000'000, .iteration = 1}).ok());
  EXPECT_EQ(MakeJob(config, shape, {}, {.train = 9'100'000'000, .iteration = 1}).status().message(),
            "train.epochs = 1000000 passes of 9100000001 iterations are more than "
            "9007199254740992; ask for fewer, or a larger train.batch");
}

TEST_F(Prepare, ResumeKeepsTheDataAndTakesWhatMayChange) {
  RunConfig config = LoanConfig(1000);
  ASSERT_TRUE(Run(config).ok());
  std::filesystem::remove(config.data.path);
  config.train.epochs = 9;
  config.train.staleness = Staleness::Infinite();
  config.fleet.servers = 3;
  config.fleet.shards_per_server = 5;
  const auto resumed = Run(config, PrepareMode::kResume);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->outcome, PrepareOutcome::kKept);
  const auto job = ParseJob(*ReadChecksummedText(Path("out/job.json")));
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job->last_clock, Clock(9 * job->iterations_per_epoch));
  EXPECT_TRUE(job->staleness().infinite());
  EXPECT_EQ(job->places, 15U);
  config.optimizer.learning_rate = 0.5;
  const auto refused = Run(config, PrepareMode::kResume);
  EXPECT_EQ(ExitCode(refused.status()), kExitUsage);
  EXPECT_TRUE(absl::StrContains(refused.status().message(), "optimizer.learning_rate"));
}

TEST_F(Prepare, ResumeWithOtherWorkersTrainsTheSameIterations) {
  RunConfig config = LoanConfig(1000);
  config.fleet.workers = 3;
  config.train.batch = 8;
  const auto begun = Run(config);
  ASSERT_TRUE(begun.ok()) << begun.status();
  for (const int64_t workers : {1, 24, 2, 3}) {
    config.fleet.workers = workers;
    const auto resumed = Run(config, PrepareMode::kResume);
    ASSERT_TRUE(resumed.ok()) << resumed.status();
    EXPECT_EQ(resumed->job.seats, workers);
    EXPECT_EQ(resumed->job.iteration_rows, 24u);
    EXPECT_EQ(resumed->job.iterations_per_epoch, begun->job.iterations_per_epoch);
    EXPECT_EQ(resumed->job.last_clock, begun->job.last_clock);
    EXPECT_EQ(*LoadJob(Path("out")), resumed->job);
  }
}

TEST_F(Prepare, AJobThatDoesNotSayItsRowsHasThoseOfTheRunFile) {
  RunConfig config = LoanConfig(1000);
  config.fleet.workers = 3;
  config.train.batch = 8;
  ASSERT_TRUE(Run(config).ok());
  const std::string text = *ReadChecksummedText(Path("out/job.json"));
  const size_t begin = text.find(",\n  \"iteration_rows\"");
  const std::string older =
      absl::StrReplaceAll(text.substr(0, begin) + "\n}\n", {{"\"version\": 5", "\"version\": 3"}});
  ASSERT_TRUE(WriteChecksummedText(Path("out/job.json"), older).ok());
  ASSERT_EQ(LoadJob(Path("out"))->iteration_rows, 0u);
  config.fleet.workers = 2;
  ASSERT_TRUE(Run(config, PrepareMode::kResume).ok());
  EXPECT_EQ(LoadJob(Path("out"))->iteration_rows, 24u);
}

TEST_F(Prepare, WorkersThatCannotShareAnIterationAreRefusedAndNothingChanges) {
  RunConfig config = LoanConfig(1000);
  config.fleet.workers = 3;
  config.train.batch = 8;
  ASSERT_TRUE(Run(config).ok());
  const std::string before = *ReadChecksummedText(Path("out/job.json"));
  config.fleet.workers = 2;
  EXPECT_TRUE(CheckResume(config, Path("out")).ok());
  config.fleet.workers = 25;
  const absl::Status refused = CheckResume(config, Path("out"));
  EXPECT_EQ(refused.message(),
            "fleet.workers = 25: an iteration of this run has 24 rows (train.batch for each worker "
            "that it began with), and each worker needs one; ask for fewer");
  EXPECT_EQ(Run(config, PrepareMode::kResume).status(), refused);
  EXPECT_EQ(*ReadChecksummedText(Path("out/job.json")), before);
}

// What a worker may have under way follows from the largest share that one has now.
TEST(MakeJob, BytesOfAnIterationAreThoseOfTheLargestShare) {
  RunConfig config;
  config.train.epochs = 1;
  DatasetShape shape;
  shape.sparse_keys = uint64_t{1} << 40;
  const auto bytes = [&](int64_t workers, uint64_t iteration_rows) {
    config.fleet.workers = workers;
    config.train.batch = 8;
    const auto job = MakeJob(config, shape, {}, {.train = 1000, .iteration = iteration_rows});
    EXPECT_TRUE(job.ok()) << job.status();
    return job.ok() ? job->iteration_bytes : 0;
  };
  EXPECT_EQ(bytes(3, 24), bytes(1, 8));
  EXPECT_EQ(bytes(2, 24), bytes(1, 12));
  EXPECT_EQ(bytes(5, 24), bytes(1, 5));
  EXPECT_GT(bytes(2, 24), bytes(3, 24));
}

TEST(MakeJob, OneWorkerTakesNoMoreRowsThanABatchMayHave) {
  RunConfig config;
  config.fleet.workers = 1;
  config.train.batch = 1;
  config.train.epochs = 1;
  DatasetShape shape;
  shape.numeric_columns = 2;
  shape.level_begin = {0};
  EXPECT_TRUE(MakeJob(config, shape, {}, {.train = 9, .iteration = 1 << 20}).ok());
  EXPECT_EQ(MakeJob(config, shape, {}, {.train = 9, .iteration = 2 << 20}).status().message(),
            "fleet.workers = 1: an iteration of this run has 2097152 rows (train.batch for each "
            "worker that it began with), and one worker takes 1048576 at most; ask for more");
}

TEST_F(Prepare, ResumeRefusesAJobThatAnotherVersionMade) {
  RunConfig config = LoanConfig(1000);
  config.train.best_epoch = false;
  ASSERT_TRUE(Run(config).ok());
  Job job = *ParseJob(*ReadChecksummedText(Path("out/job.json")));
  ++job.seed;
  ++job.iterations_per_epoch;
  const std::string other = FormatJob(job);
  ASSERT_TRUE(WriteChecksummedText(Path("out/job.json"), other).ok());
  const auto refused = Run(config, PrepareMode::kResume);
  EXPECT_EQ(ExitCode(refused.status()), kExitUsage);
  EXPECT_TRUE(absl::StrContains(refused.status().message(),
                                "out/job.json: cannot resume: this version makes something else "
                                "of the run file: seed, iterations_per_epoch; resume with"))
      << refused.status();
  EXPECT_EQ(*ReadChecksummedText(Path("out/job.json")), other);
}

TEST_F(Prepare, RetentionIsTheRunFilesAndMayChange) {
  RunConfig config = LoanConfig(1000);
  ASSERT_TRUE(Run(config).ok());
  EXPECT_EQ(LoadJob(Path("out"))->retention_soft_bytes, Job{}.retention_soft_bytes);
  EXPECT_EQ(LoadJob(Path("out"))->retention_hard_bytes, Job{}.retention_hard_bytes);
  config.snapshot.retention_soft_mib = 3;
  config.snapshot.retention_hard_mib = 5;
  ASSERT_TRUE(Run(config, PrepareMode::kResume).ok());
  EXPECT_EQ(LoadJob(Path("out"))->retention_soft_bytes, 3u << 20);
  EXPECT_EQ(LoadJob(Path("out"))->retention_hard_bytes, 5u << 20);
}

// What a person, or a disk, changes in a file that steers the run.
TEST_F(Prepare, AChangedByteIsNamedAndNothingIsRead) {
  const RunConfig config = LoanConfig(1000);
  ASSERT_TRUE(Run(config).ok());
  for (const std::string name : {"out/job.json", "out/run.toml", "out/data/encoding.json",
                                 "out/data/cleansing.json", "out/config.json"}) {
    const std::string good = Read(name);
    EXPECT_TRUE(ReadChecksummedText(Path(name)).ok()) << name;
    std::string bad = good;
    const size_t digit = bad.find_first_of("0123456789");
    bad[digit] = bad[digit] == '9' ? '8' : '9';
    Write(name, bad);
    const absl::Status status = ReadChecksummedText(Path(name)).status();
    EXPECT_EQ(ExitCode(status), kExitFatal);
    EXPECT_TRUE(absl::StrContains(status.message(), name)) << status;
    if (name == "out/job.json" || name == "out/run.toml") {
      EXPECT_EQ(Run(config, PrepareMode::kResume).status(), status);
    }
    if (name == "out/job.json") {
      EXPECT_EQ(LoadJob(Path("out")).status(), status);
    }
    Write(name, good);
  }
}

TEST_F(Prepare, ResumeRefusesToEndBeforeWhatIsCommitted) {
  RunConfig config = LoanConfig(1000);
  ASSERT_TRUE(Run(config).ok());
  const int64_t per_epoch =
      ParseJob(*ReadChecksummedText(Path("out/job.json")))->iterations_per_epoch;
  const auto resume = [&](int64_t epochs, int64_t committed) {
    config.train.epochs = epochs;
    return PrepareRun(config, Path("out"), PrepareMode::kResume, NeverStop, Clock(committed))
        .status();
  };
  const std::string before = *ReadChecksummedText(Path("out/run.toml"));
  const absl::Status refused = resume(2, 2 * per_epoch + 1);
  EXPECT_EQ(ExitCode(refused), kExitUsage);
  EXPECT_TRUE(absl::StrContains(refused.message(), "ask for 3 epochs or more")) << refused;
  EXPECT_EQ(*ReadChecksummedText(Path("out/run.toml")), before);
  EXPECT_TRUE(resume(2, 2 * per_epoch).ok());
}

TEST_F(Prepare, ResumeWithoutARunPreparesOne) {
  const auto prepared = Run(LoanConfig(1000), PrepareMode::kResume);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->outcome, PrepareOutcome::kNothingToResume);
  std::filesystem::remove_all(Path("out"));
  std::filesystem::create_directory(Path("out"));
  EXPECT_EQ(Run(LoanConfig(1000), PrepareMode::kResume)->outcome, PrepareOutcome::kNothingToResume);
  std::filesystem::remove(Path("out/run.toml"));
  EXPECT_TRUE(absl::StrContains(Run(LoanConfig(1000), PrepareMode::kResume).status().message(),
                                "is not the folder of a run"));
}

TEST_F(Prepare, AFolderWithSomethingInItIsLeftAlone) {
  std::filesystem::create_directory(Path("out"));
  Write("out/notes.txt", "mine");
  const auto refused = Run(LoanConfig(1000));
  EXPECT_EQ(ExitCode(refused.status()), kExitUsage);
  EXPECT_TRUE(absl::StrContains(refused.status().message(), "is there already and not empty"));
  EXPECT_EQ(Read("out/notes.txt"), "mine");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(Path("out")),
                          std::filesystem::directory_iterator()),
            1);
  std::filesystem::remove_all(Path("out"));
  Write("out", "a file");
  EXPECT_TRUE(absl::StrContains(Run(LoanConfig(1000)).status().message(), "is a file"));
}

TEST_F(Prepare, AStopLeavesNothing) {
  int asked = 0;
  const auto stop = [&asked] { return ++asked > 1; };
  const auto stopped = PrepareRun(LoanConfig(1000), Path("out"), PrepareMode::kNew, stop);
  EXPECT_EQ(stopped.status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(Leftovers().empty());
}

TEST_F(Prepare, BadInputs) {
  RunConfig config = LoanConfig(1000);
  config.data.path = Path("none.csv");
  ExpectFailure(config, "none.csv failed: No such file", kExitFatal);

  config = LoanConfig(1000);
  config.data.label = "Y";
  ExpectFailure(config, "there is no column 'Y' (data.label); did you mean 'y'?", kExitUsage);
  config.data.label = "grad";
  ExpectFailure(config, "did you mean 'grade'?", kExitUsage);
  config.data.label = "id";
  config.data.drop = {};
  ExpectFailure(config,
                "column 'id': the label is no class, it has more than 200 values, '0' (1 row)",
                kExitFatal);

  config = LoanConfig(1000);
  config.data.positive = {"1"};
  ExpectFailure(config, "no row has the label data.positive = '1'", kExitUsage);
  config.data.drop = {};
  config.data.path = Write("one.csv", "a,y\n1,0\n2,0\n");
  ExpectFailure(config, "the label has one value only, '0' (2 rows)", kExitFatal);
  config.data.path = Write("few.csv", "a,y\n1,0\n2,1\n3,0\n4,0\n");
  ExpectFailure(config, "needs rows of both classes", kExitFatal);

  config = LoanConfig(1000);
  config.data.path = Write("ragged.csv", Loans(1000) + "7,8\n");
  ExpectFailure(config, "ragged.csv:1002: the row has 2 fields, the header has 5", kExitFatal);
  config.data.path = Write("header.csv", "id,amount,grade,when,y\n");
  ExpectFailure(config, "has a header but no rows", kExitFatal);

  config = LoanConfig(1000);
  config.data.test_path = Write("test.csv", "amount,grade,y\n1,A,good\n2,A,so-so\n");
  config.data.negative = {"good"};
  ExpectFailure(config, "test.csv:3: nothing says what the label 'so-so' counts as", kExitFatal);
  config.data.test_path = Write("test.csv", "amount,y\n1,good\n");
  ExpectFailure(config, "test.csv: there is no column 'grade' (the model reads it)", kExitUsage);
}

}  // namespace
}  // namespace rubato
