// Predictions for a file without a fleet: what is pulled, what is written, what a failure leaves.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"
#include "tests/worker/compute/cpu/make_model.h"
#include "worker/data/encode/row_source.h"
#include "worker/data/text/level.h"
#include "worker/evaluate/predict.h"

namespace rubato {
namespace {

// Gives a row with key k the weights k, k, ...; counts the rows of each table.
class CountingTables {
 public:
  explicit CountingTables(const Model& model) : model_(model), pulled_(model.tables().size()) {}
  PullRows AsPull() {
    return [this](Parameters keys) -> absl::StatusOr<Parameters> {
      ++pulls_;
      for (size_t t = 0; t < keys.size(); ++t) {
        pulled_[t] += keys[t].keys.size();
        for (const RowKey key : keys[t].keys) {
          keys[t].values.insert(keys[t].values.end(), model_.tables()[t].dim,
                                static_cast<float>(key.value()));
        }
      }
      return keys;
    };
  }
  size_t pulls() const { return pulls_; }
  size_t pulled(size_t table) const { return pulled_[table]; }

 private:
  const Model& model_;
  size_t pulls_ = 0;
  std::vector<size_t> pulled_;
};

class PredictFileTest : public testing::Test {
 protected:
  PredictFileTest() {
    encoding_.numeric.push_back({.name = "amount", .deviation = 1.0, .low = -5.0, .high = 1e6});
    encoding_.categories.push_back(
        {.name = "grade", .levels = {"A", "3"}, .rows = {9, 0, 9, 8}, .rare = {LevelHash("C")}});
    model_ = *MakeModel(RunConfig(), encoding_.Shape());
    tables_ = std::make_unique<CountingTables>(*model_);
  }
  std::string Path(const std::string& name) const { return scratch_.path() + "/" + name; }
  void Write(const std::string& text) const { std::ofstream(Path("in.csv")) << text; }
  std::string Output() const {
    std::stringstream text;
    text << std::ifstream(Path("out.csv")).rdbuf();
    return text.str();
  }
  absl::Status Run() {
    return Predict(encoding_, model_.get(), tables_->AsPull(),
                   {.in = Path("in.csv"),
                    .out = Path("out.csv"),
                    .progress =
                        [this](uint64_t n) {
                          reports_.push_back(n);
                          return absl::OkStatus();
                        },
                    .max_unknown = max_unknown_,
                    .warn =
                        [this](const ColumnNovelty& novelty) {
                          for (const std::string& sentence : DescribeNovelty(novelty)) {
                            warnings_.push_back(sentence);
                          }
                        }});
  }

  ScratchFolder scratch_;
  Encoding encoding_;
  std::unique_ptr<Model> model_;  // linear: weight of a key = the key; bias 0
  std::unique_ptr<CountingTables> tables_;
  std::vector<uint64_t> reports_;
  std::vector<std::string> warnings_;
  double max_unknown_ = 1.0;
};

// Keys: amount 0, then grade: other 1, missing 2, A 3, "3" 4. Training missed none: their mean.
TEST_F(PredictFileTest, KeepsRowsSeparatorAndQuotes) {
  Write(
      "grade;\"the \"\"note\"\"\";amount\r\nA;\"x;y\";1,5\r\n\r\n\" 3 \";say \"hi\";2\r\n?;;\r\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Output(),
            "grade;\"the \"\"note\"\"\";amount;pd\n"
            "A;\"x;y\";1,5;0.952574134\n"
            " 3 ;\"say \"\"hi\"\"\";2;0.982013762\n"
            "?;;;0.931845129\n");
  EXPECT_EQ(reports_, std::vector<uint64_t>{3});
}

TEST_F(PredictFileTest, ARowsOffsetIsAddedToItsMarginAndMustBeThere) {
  encoding_.offset = {.column = "bureau", .missing = {"-999"}};
  Write("grade,amount,bureau\nA,1.5,-3\nA,1.5,0\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Output(), "grade,amount,bureau,pd\nA,1.5,-3,0.5\nA,1.5,0,0.952574134\n");
  Write("grade,amount,bureau\nA,1.5,-3\nA,1.5,\n");
  const absl::Status lacking = Run();
  EXPECT_EQ(lacking.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(lacking.message(), Path("in.csv") +
                                   ":3: column 'bureau' (target.offset) holds '', which is not a "
                                   "number to add to a margin; every row needs one");
  Write("grade,amount,bureau\nA,1.5,-999\n");
  EXPECT_TRUE(absl::StrContains(Run().message(), "holds '-999'"))
      << "a missing value (data.missing)";
  Write("grade,amount\nA,1.5\n");
  EXPECT_TRUE(absl::StrContains(Run().message(), "bureau"));
}

TEST_F(PredictFileTest, APredictionIsMultipliedByTheRowsScaleWhichMustBeThere) {
  encoding_.scale = {.column = "unit", .missing = {}};
  Write("grade,amount,unit\nA,1.5,2\nA,1.5,0.5\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Output(), "grade,amount,unit,pd\nA,1.5,2,1.90514827\nA,1.5,0.5,0.476287067\n");
  for (const char* unit : {"", "0", "-1", "x"}) {
    Write(absl::StrCat("grade,amount,unit\nA,1.5,1\nA,1.5,", unit, "\n"));
    EXPECT_EQ(Run().message(),
              absl::StrCat(Path("in.csv"), ":3: column 'unit' (target.scale) holds '", unit,
                           "', which is not a number above 0; every row needs "
                           "one"));
  }
  Write("grade,amount\nA,1.5\n");
  EXPECT_TRUE(absl::StrContains(Run().message(), "there is no column 'unit' (target.scale)"));
}

TEST_F(PredictFileTest, ColumnsThatTheFileLacksAreJoined) {
  std::ofstream(Path("policies.csv")) << "id,grade,pd\nP1,A,x\nP2,3,y\n";
  encoding_.join = {.source = {.path = Path("policies.csv"), .key = "id"}, .columns = {"grade"}};
  Write("amount,id\n1.5,P1\n2,P2\n1.5,P3\n1.5,\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Output(),
            "amount,id,pd\n1.5,P1,0.952574134\n2,P2,0.982013762\n1.5,P3,0.931845129\n"
            "1.5,,0.931845129\n")
      << "what was joined is not written";
  EXPECT_EQ(warnings_.back(),
            "column 'id': 2 of 4 values (50 %), the first 'P3' in line 4, are in no row of " +
                Path("policies.csv") +
                "; the columns that it brings (data.join) are missing in these rows");
  max_unknown_ = 0.4;
  EXPECT_EQ(Run().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(PredictFileTest, AFileWithTheJoinedColumnsNeedsNoJoin) {
  encoding_.join = {.source = {.path = Path("policies.csv"), .key = "id"}, .columns = {"grade"}};
  Write("amount,grade\n1.5,A\n");
  ASSERT_TRUE(Run().ok()) << "the other file is gone, and so is the key";
  EXPECT_EQ(Output(), "amount,grade,pd\n1.5,A,0.952574134\n");
  Write("amount,id\n1.5,P1\n");
  const absl::Status gone = Run();
  EXPECT_EQ(gone.code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(absl::StrContains(gone.message(), Path("policies.csv"))) << gone;
  EXPECT_TRUE(absl::EndsWith(gone.message(),
                             "; " + Path("in.csv") +
                                 " lacks the column 'grade', which that file brings (data.join), "
                                 "so put it there, or give rows that have it"))
      << gone;
  Write("amount,policy\n1.5,P1\n");
  EXPECT_TRUE(absl::StrContains(Run().message(), "in.csv: there is no column 'id' (data.join.key"));
}

TEST_F(PredictFileTest, PullsEachRowOnce) {
  std::string text = "amount,grade\n";
  for (size_t i = 0; i < 3 * kPredictRows; ++i) absl::StrAppend(&text, i, i % 2 ? ",A\n" : ",3\n");
  Write(text + "1,C\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(tables_->pulls(), 2);    // the first chunk, and the one with a level not yet seen
  EXPECT_EQ(tables_->pulled(0), 4);  // amount, A, 3; other
  EXPECT_EQ(tables_->pulled(1), 1);
}

TEST_F(PredictFileTest, ForgetsWeightsThatOutgrowTheirRoom) {
  KnownWeights weights(model_->tables(), tables_->AsPull(), /*max_floats=*/3);
  for (const uint64_t first : std::vector<uint64_t>{0, 2, 0}) {
    Parameters rows(2);
    rows[0].keys = {RowKey(first), RowKey(first + 1)};
    rows[1].table = TableId(1);
    rows[1].keys = {RowKey(0)};
    ASSERT_TRUE(weights.Fill(&rows).ok());
    EXPECT_EQ(rows[0].values, (Floats{static_cast<float>(first), static_cast<float>(first + 1)}));
  }
  EXPECT_EQ(tables_->pulled(0), 6);
  EXPECT_EQ(tables_->pulled(1), 1);
}

TEST_F(PredictFileTest, WhatTrainingNeverSawIsWarnedOf) {
  Write("grade,amount\nA,\"1,5\"\na,NA\nnew,2\nC,n.a.\nA,x\n,2e6\n3.0,-6\nA,1\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(warnings_,
            (std::vector<std::string>{
                "column 'amount': 2 of 8 values (25 %), the first '1,5' in line 2, are not "
                "written as the numbers of the training file are, and were taken as missing",
                "column 'amount': 2 of 8 values (25 %), the first '2e6' in line 7, lie outside of "
                "-5 to 1e+06, the range of training",
                "column 'amount': 2 of 8 values are missing, the first in line 3, and none was in "
                "training",
                "column 'grade': 2 of 8 values (25 %), the first 'a' in line 3, were never seen in "
                "training, and score as an average level; 'a' differs only by case from the known "
                "'A'",
                "column 'grade': 1 of 8 values are missing, the first in line 7, and none was in "
                "training"}));
}

TEST_F(PredictFileTest, WhereRareLevelsAreForgottenTheSentenceSaysSo) {
  encoding_.categories[0].rare.assign(kMaxRareLevels, LevelHash("C"));
  Write("grade,amount\nnew,1\nC,1\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(warnings_, (std::vector<std::string>{
                           "column 'grade': 1 of 2 values (50 %), the first 'new' in line 2, were "
                           "never seen in training, or too rarely to be remembered, and score as "
                           "an average level"}));
}

TEST_F(PredictFileTest, LibsvmFeaturesThatTrainingNeverSawAreCounted) {
  encoding_ = Encoding();
  encoding_.format = "libsvm";
  encoding_.sparse_keys = 10;
  encoding_.indices = {1, 9};
  encoding_.trained_indices = {{1, 5}, {9, 9}};
  model_ = *MakeModel(RunConfig(), encoding_.Shape());
  tables_ = std::make_unique<CountingTables>(*model_);
  Write("1 1:1 9:1\n0 2:1 7:1 12:1\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(warnings_, (std::vector<std::string>{"2 of 5 features, the first 7 in line 2, were "
                                                 "never seen in training"}));
  Write("1 1:1 9:1\n0 0:1\n");
  ASSERT_TRUE(Run().ok()) << "both may count from 0, and training lack it";
  EXPECT_EQ(warnings_.back(),
            "1 of 3 features, the first 0 in line 2, were never seen in training");
  Write("1 1:1 8:1\n0 0:1\n");
  const absl::Status status = Run();
  EXPECT_EQ(ExitCode(status), kExitUsage);
  EXPECT_TRUE(absl::StrContains(status.message(),
                                "in.csv: its indices begin at 0 and those of "
                                "the training file at 1"))
      << status;
}

TEST_F(PredictFileTest, EqualValuesScoreAlike) {
  Write("grade,amount\n3,1\n3.0,1\n+3,1\n3e+0,1.0\n 3 ,1\n");
  ASSERT_TRUE(Run().ok());
  std::istringstream lines(Output());
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) EXPECT_TRUE(absl::EndsWith(line, ",0.982013762")) << line;
  EXPECT_TRUE(warnings_.empty()) << warnings_[0];
  Write("grade,amount\n03,1\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(warnings_.size(), 1);
}

TEST_F(PredictFileTest, MoreUnknownValuesThanAllowedWriteNothing) {
  Write("grade,amount\nA,1\nB,1\nb,9e9\n3,1\n");
  max_unknown_ = 0.5;
  EXPECT_TRUE(Run().ok());
  Write("grade,amount\nA,1\nB,1\nb,1\nc,1\n");
  const absl::Status status = Run();
  EXPECT_EQ(ExitCode(status), kExitFatal);
  EXPECT_TRUE(absl::StrContains(status.message(),
                                "in.csv: column 'grade': 3 of 4 values (75 %), the first 'B' in "
                                "line 3, were never seen in training"))
      << status;
  EXPECT_TRUE(
      absl::EndsWith(status.message(), "--max-unknown 0.5 allows less, so nothing was written"));
  EXPECT_TRUE(absl::StrContains(Output(), "9e9"));  // of the first file
}

TEST_F(PredictFileTest, BlanksAndOtherUnitsThatTrainingNeverSawAreUnknown) {
  max_unknown_ = 0.5;
  for (const char* amounts : {"A,\nA,\nA,1\n", "A,9e9\nA,9e9\nA,1\n", "A,9e9\nA,\nA,1\n"}) {
    Write(absl::StrCat("grade,amount\n", amounts));
    const absl::Status status = Run();
    EXPECT_EQ(ExitCode(status), kExitFatal) << amounts;
    EXPECT_TRUE(absl::StrContains(status.message(), "in.csv: column 'amount': ")) << status;
  }
}

TEST_F(PredictFileTest, WithoutAHeaderTheColumnsAreKnownByTheirPosition) {
  encoding_.layout.header = false;
  encoding_.columns = 3;
  encoding_.numeric[0].name = "column_2";
  encoding_.categories[0].name = "column_1";
  Write("A,1.5,0\n3,2,1\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Output(), "column_1,column_2,column_3,pd\nA,1.5,0,0.952574134\n3,2,1,0.982013762\n");
  Write("A,1.5\n");
  EXPECT_TRUE(absl::StrContains(
      Run().message(), "in.csv: has 2 columns and the training file had 3; without a header"));
  encoding_.label = "column_3";
  EXPECT_TRUE(Run().ok());
}

TEST_F(PredictFileTest, TitlesAreSkippedWhereThereAreAny) {
  encoding_.layout.skip_lines = 1;
  Write("Loans of March\namount,grade\n1.5,A\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Output(), "amount,grade,pd\n1.5,A,0.952574134\n");
  Write("amount,grade\n1.5,A\n2,3\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Output(), "amount,grade,pd\n1.5,A,0.952574134\n2,3,0.982013762\n");
  encoding_.layout.header = false;
  encoding_.columns = 2;
  encoding_.numeric[0].name = "column_1";
  encoding_.categories[0].name = "column_2";
  for (const char* text :
       {"1.5,A\n2,3\n", "Loans of March\n1.5,A\n2,3\n", "Loans of March,\n1.5,A\n2,3\n"}) {
    Write(text);
    ASSERT_TRUE(Run().ok());
    EXPECT_EQ(Output(), "column_1,column_2,pd\n1.5,A,0.952574134\n2,3,0.982013762\n");
  }
}

TEST_F(PredictFileTest, ARowOfWhichNothingIsKnownIsNoTitle) {
  encoding_.layout = {.header = false, .skip_lines = 1};
  encoding_.columns = 3;
  encoding_.label = "column_3";
  encoding_.numeric[0].name = "column_1";
  encoding_.categories[0].name = "column_2";
  Write(",w,0\n1.5,A,1\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(reports_, std::vector<uint64_t>{2});
  EXPECT_TRUE(absl::StrContains(Output(), "\n,w,0,")) << Output();
}

TEST_F(PredictFileTest, NamesAboveRowsOfAModelThatHasNoneAreNoRow) {
  encoding_.layout.header = false;
  encoding_.columns = 2;
  encoding_.numeric[0].name = "column_1";
  encoding_.categories[0].name = "column_2";
  Write("amount,grade\n1.5,A\n");
  const absl::Status status = Run();
  EXPECT_EQ(ExitCode(status), kExitUsage);
  EXPECT_TRUE(absl::StrContains(status.message(), "in.csv: line 1 looks like the names of columns"))
      << status;
  Write("n.a.,new\n1.5,A\n");
  EXPECT_TRUE(Run().ok()) << "no text where numbers stand";
  Write("1.5,A,\n2,3,\n");
  ASSERT_TRUE(Run().ok()) << "a separator behind each row";
  EXPECT_EQ(Output(), "column_1,column_2,pd\n1.5,A,0.952574134\n2,3,0.982013762\n");
}

TEST_F(PredictFileTest, NoRowsGiveAHeader) {
  Write("amount,grade\n");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Output(), "amount,grade,pd\n");
}

TEST_F(PredictFileTest, FullDiskIsASentence) {
  Write("amount,grade\n1,A\n");
  std::filesystem::create_symlink("/dev/full", Path("out.csv"));
  const absl::Status status = Run();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(absl::StrContains(status.message(), "out.csv failed: No space left on device; free"))
      << status;
  EXPECT_EQ(std::filesystem::read_symlink(Path("out.csv")), "/dev/full");
}

TEST_F(PredictFileTest, FailedPullLeavesNothing) {
  Write("amount,grade\n1,A\n");
  const absl::Status status =
      Predict(encoding_, model_.get(), [](const Parameters&) { return absl::AbortedError("gone"); },
              {.in = Path("in.csv"), .out = Path("out.csv"), .progress = [](uint64_t) {
                 return absl::OkStatus();
               }});
  EXPECT_EQ(status, absl::AbortedError("gone"));
  EXPECT_FALSE(std::filesystem::exists(Path(".out.csv.part")));
  EXPECT_FALSE(std::filesystem::exists(Path("out.csv")));
}

}  // namespace
}  // namespace rubato
