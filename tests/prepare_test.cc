#include "worker/data/prepare.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"
#include "worker/data/batch_order.h"
#include "worker/data/data_json.h"
#include "worker/data/part_writers.h"
#include "worker/data/run_folder.h"

namespace rubato {
namespace {

bool NeverStop() { return false; }

class Prepare : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
    return Path(name);
  }
  // A small loan book: `amount` numbers with gaps, `grade` a category, y follows both.
  static std::string Loans(int rows) {
    std::string text = "id,amount,grade,when,y\n";
    for (int i = 0; i < rows; ++i) {
      const std::string amount = i % 10 == 3 ? "" : absl::StrCat(100 + i * 37 % 1000);
      absl::StrAppend(&text, i, ",", amount, ",", i % 3 == 0 ? "A" : "B", ",", 2000 + i, ",",
                      (i * 37 % 1000 + 300 * (i % 3)) % 4 == 0 ? "bad" : "good", "\n");
    }
    return text;
  }
  RunConfig LoanConfig(int rows) const {
    RunConfig config;
    config.data.path = Write("loans.csv", Loans(rows));
    config.data.label = "y";
    config.data.positive = "bad";
    config.data.drop = {"id", "when"};
    return config;
  }
  absl::StatusOr<Prepared> Run(const RunConfig& config, PrepareMode mode = PrepareMode::kNew) {
    return PrepareRun(config, Path("out"), mode, NeverStop);
  }
  std::unique_ptr<Dataset> Open(SplitPart part) const {
    auto dataset = OpenDataset(PartPath(Path("out/data"), part));
    EXPECT_TRUE(dataset.ok()) << dataset.status();
    return *std::move(dataset);
  }
  static Batch ReadAll(const Dataset& dataset) {
    std::vector<uint64_t> rows(dataset.rows());
    std::iota(rows.begin(), rows.end(), 0);
    Batch batch;
    dataset.Read(rows, &batch);
    return batch;
  }
  // Files and folders beside the inputs, which a failure must not leave.
  std::vector<std::string> Leftovers() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      if (!entry.is_regular_file()) names.push_back(entry.path().filename());
    }
    return names;
  }
  void ExpectFailure(const RunConfig& config, const std::string& part, int exit_code) {
    const auto prepared = Run(config);
    ASSERT_FALSE(prepared.ok());
    EXPECT_TRUE(absl::StrContains(std::string(prepared.status().message()), part))
        << prepared.status();
    EXPECT_EQ(ExitCode(prepared.status()), exit_code) << prepared.status();
    EXPECT_TRUE(Leftovers().empty()) << Leftovers().front();
  }

  ScratchFolder scratch_;
  const std::filesystem::path folder_ = scratch_.path();
};

TEST_F(Prepare, CsvEndToEnd) {
  const auto prepared = Run(LoanConfig(1000));
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->outcome, PrepareOutcome::kPrepared);
  uint64_t rows = 0;
  for (size_t i = 0; i < kSplitParts; ++i) {
    const auto dataset = Open(static_cast<SplitPart>(i));
    EXPECT_EQ(dataset->rows(), prepared->report.parts[i].rows);
    EXPECT_EQ(dataset->positives(), prepared->report.parts[i].positives);
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
  const auto text = ReadTextFile(Path("out/data/encoding.json"));
  ASSERT_TRUE(text.ok());
  const auto encoding = ParseEncoding(*text);
  ASSERT_TRUE(encoding.ok()) << encoding.status();
  auto reader = CsvReader::Open(Path("loans.csv"));
  auto encoder = Encoder::Bind(*encoding, (*reader)->header(), (*reader)->decimal_comma());
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  const Batch test = ReadAll(*Open(SplitPart::kTest));
  size_t row = 0;
  while (*(*reader)->Next()) {
    if (HashSplit((*reader)->row(), SplitConfig{}, TestFile::kNone) != SplitPart::kTest) continue;
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
  const auto before = ReadTextFile(Path("out/data/encoding.json"));
  std::string text = "id,amount,grade,when,y\n";
  auto reader = CsvReader::Open(Path("loans.csv"));
  while (*(*reader)->Next()) {
    const auto f = (*reader)->fields();
    const bool train =
        HashSplit((*reader)->row(), SplitConfig{}, TestFile::kNone) == SplitPart::kTrain;
    absl::StrAppend(&text, f[0], ",", train ? f[1] : "1e9", ",", train ? f[2] : "Z", ",", f[3], ",",
                    f[4], "\n");
  }
  std::filesystem::remove_all(Path("out"));
  RunConfig config = LoanConfig(300);
  config.data.path = Write("moved.csv", text);
  ASSERT_TRUE(Run(config).ok());
  EXPECT_EQ(*before, *ReadTextFile(Path("out/data/encoding.json")));
}

TEST_F(Prepare, CountsRowsThroughEveryStep) {
  RunConfig config = LoanConfig(1000);
  std::string text = Loans(1000);
  absl::StrAppend(&text, "1000,5,A,NA,bad\n1001,5,A,1990,?\n1002,5,A,1991,\n");
  config.data.path = Write("gaps.csv", text);
  config.data.drop = {"id"};
  config.data.time = "when";
  config.split.kind = "time";
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const DataReport& report = prepared->report;
  EXPECT_EQ(report.rows_read, 1003u);
  EXPECT_EQ(report.dropped_missing_label, 2u);
  EXPECT_EQ(report.dropped_missing_time, 1u);
  EXPECT_EQ(report.parts[0].rows + report.parts[1].rows + report.parts[2].rows, 1000u);
  EXPECT_EQ(report.inputs.at(0).sha256.size(), 64u);
  const std::string json = *ReadTextFile(Path("out/data/cleansing.json"));
  EXPECT_TRUE(absl::StrContains(json, "\"read\": 1003"));
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

TEST_F(Prepare, ATestFileIsBoundByName) {
  RunConfig config = LoanConfig(500);
  config.data.test_path = Write("test.csv", "y;grade;amount\ngood;A;1,5\nbad;C;\n;A;1\nbad;NA;3\n");
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.parts[2].rows, 3u);
  EXPECT_EQ(prepared->report.parts[2].positives, 2u);
  EXPECT_EQ(prepared->report.dropped_missing_label, 1u);
  const Batch test = ReadAll(*Open(SplitPart::kTest));
  EXPECT_EQ(test.categories[1], 0u);
  EXPECT_EQ(test.categories[2], 1u);
  EXPECT_EQ(test.numeric[3], 1.0F);  // the indicator of the second row
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
  const auto job = ParseJob(*ReadTextFile(Path("out/job.json")));
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(*job, prepared->job);
  EXPECT_EQ(job->places, 6u);
  EXPECT_EQ(job->seats, 4u);
  EXPECT_EQ(job->seed, 5u);
  EXPECT_EQ(job->staleness(), Staleness(2));
  const BatchOrder order(prepared->report.parts[0].rows, 10, 4, 5);
  EXPECT_EQ(job->iterations_per_epoch, order.IterationsPerEpoch() + 1);
  EXPECT_EQ(job->last_clock, Clock(7 * job->iterations_per_epoch));
  EXPECT_TRUE(job->evaluate);
  EXPECT_TRUE(job->best_epoch);
  EXPECT_EQ(job->snapshot_every_clocks, 11);
}

TEST_F(Prepare, ResumeKeepsTheDataAndTakesWhatMayChange) {
  RunConfig config = LoanConfig(1000);
  ASSERT_TRUE(Run(config).ok());
  std::filesystem::remove(config.data.path);
  config.train.epochs = 9;
  config.train.staleness = Staleness::Infinite();
  const auto resumed = Run(config, PrepareMode::kResume);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->outcome, PrepareOutcome::kKept);
  const auto job = ParseJob(*ReadTextFile(Path("out/job.json")));
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job->last_clock, Clock(9 * job->iterations_per_epoch));
  EXPECT_TRUE(job->staleness().infinite());
  config.optimizer.learning_rate = 0.5;
  const auto refused = Run(config, PrepareMode::kResume);
  EXPECT_EQ(ExitCode(refused.status()), kExitUsage);
  EXPECT_TRUE(absl::StrContains(refused.status().message(), "optimizer.learning_rate"));
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
  EXPECT_EQ(*ReadTextFile(Path("out/notes.txt")), "mine");
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
  ExpectFailure(config, "none.csv: cannot be opened: No such file", kExitFatal);

  config = LoanConfig(1000);
  config.data.label = "Y";
  ExpectFailure(config, "there is no column 'Y' (data.label); did you mean 'y'?", kExitUsage);
  config.data.label = "grad";
  ExpectFailure(config, "did you mean 'grade'?", kExitUsage);
  config.data.label = "id";
  config.data.drop = {};
  ExpectFailure(config, "column 'id': the label is not binary, it holds '0' (1 rows)", kExitFatal);

  config = LoanConfig(1000);
  config.data.positive = "1";
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
  ExpectFailure(config, "test.csv:3: the label 'so-so' is neither 'bad' nor 'good'", kExitFatal);
  config.data.test_path = Write("test.csv", "amount,y\n1,good\n");
  ExpectFailure(config, "test.csv: there is no column 'grade' (the model reads it)", kExitUsage);
}

std::string Libsvm(int rows) {
  std::string text;
  for (int i = 0; i < rows; ++i) {
    absl::StrAppend(&text, i % 3 == 0 ? "+1" : "-1", " ", 1 + i % 5, ":1 ", 7 + i % 11, ":0.5\n");
  }
  return text;
}

TEST_F(Prepare, LibsvmWithATestFile) {
  RunConfig config;
  config.data.format = "libsvm";
  config.data.path = Write("train.svm", Libsvm(500));
  config.data.test_path = Write("test.svm", "-1 2:1\n1 3:1 40:2\n");
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->report.rows_read, 502u);
  EXPECT_EQ(prepared->report.shape.sparse_keys, 41u);
  EXPECT_EQ(prepared->report.parts[2].rows, 2u);
  EXPECT_EQ(prepared->report.parts[2].positives, 1u);
  EXPECT_EQ(prepared->report.parts[0].rows + prepared->report.parts[1].rows, 500u);
  const Batch test = ReadAll(*Open(SplitPart::kTest));
  EXPECT_EQ(test.keys, (std::vector<uint64_t>{2, 3, 40}));
  EXPECT_EQ(test.values, (std::vector<float>{1, 1, 2}));
  const auto encoding = ParseEncoding(*ReadTextFile(Path("out/data/encoding.json")));
  ASSERT_TRUE(encoding.ok());
  EXPECT_EQ(encoding->format, "libsvm");
  EXPECT_EQ(encoding->sparse_keys, 41u);
}

TEST_F(Prepare, LibsvmBadInputs) {
  RunConfig config;
  config.data.format = "libsvm";
  config.data.path = Write("bad.svm", Libsvm(500) + "1 3:x\n");
  ExpectFailure(config, "bad.svm:501: the value of '3:x'", kExitFatal);
  config.data.path = Write("three.svm", Libsvm(500) + "7 3:1\n");
  ExpectFailure(config, "the label is not binary, it holds '1' (167 rows), '-1' (333 rows), '7'",
                kExitFatal);
  config.data.path = Write("empty.svm", "# nothing\n");
  ExpectFailure(config, "empty.svm: has no rows", kExitFatal);
}

class RealData : public Prepare {
 protected:
  RealData() {
    if (const char* folder = std::getenv("RUBATO_DATA_DIR")) data_folder_ = folder;
  }
  std::string data_folder_;  // "" when there is none
};

constexpr char kNoRealData[] = "needs RUBATO_DATA_DIR, the folder of the real data sets";

TEST_F(RealData, TaiwanDefault) {
  if (data_folder_.empty()) GTEST_SKIP() << kNoRealData;
  RunConfig config;
  config.data.path = data_folder_ + "/taiwan_default/UCI_Credit_Card.csv.gz";
  config.data.label = "class";
  config.data.drop = {"ID"};
  config.data.categorical = {"SEX",   "EDUCATION", "MARRIAGE", "PAY_0", "PAY_2",
                             "PAY_3", "PAY_4",     "PAY_5",    "PAY_6"};
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const DataReport& report = prepared->report;
  EXPECT_EQ(report.rows_read, 30'000u);
  EXPECT_EQ(report.parts[0].rows, 20'915u);
  EXPECT_EQ(report.parts[1].rows, 4'662u);
  EXPECT_EQ(report.parts[2].rows, 4'423u);
  EXPECT_EQ(report.parts[0].positives + report.parts[1].positives + report.parts[2].positives,
            6'636u);
  EXPECT_EQ(report.shape.category_columns, 9u);
  EXPECT_EQ(report.shape.numeric_columns, 14u);  // no value is missing
}

TEST_F(RealData, A9a) {
  if (data_folder_.empty()) GTEST_SKIP() << kNoRealData;
  RunConfig config;
  config.data.format = "libsvm";
  config.data.path = data_folder_ + "/a9a/a9a.gz";
  config.data.test_path = data_folder_ + "/a9a/a9a.t.gz";
  const auto prepared = Run(config);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const DataReport& report = prepared->report;
  EXPECT_EQ(report.parts[0].rows, 32'561u - 5'036u);
  EXPECT_EQ(report.parts[1].rows, 5'036u);
  EXPECT_EQ(report.parts[2].rows, 16'281u);
  EXPECT_EQ(report.parts[2].positives, 3'846u);
  EXPECT_EQ(report.shape.sparse_keys, 124u);
}

}  // namespace
}  // namespace rubato
