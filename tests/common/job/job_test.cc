#include "common/job/job.h"

#include <gtest/gtest.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "common/base/status.h"

namespace rubato {
namespace {

TableSpec Table(uint32_t id, const char* name, TableKind kind, uint32_t dim) {
  TableSpec table;
  table.id = TableId(id);
  table.name = name;
  table.kind = kind;
  table.dim = dim;
  return table;
}

Job TwoTables() {
  Job job;
  TableSpec embedding = Table(0, "embedding", TableKind::kSparse, 8);
  embedding.initializer = {InitializerKind::kNormal, 0.05F};
  embedding.optimizer.kind = OptimizerKind::kFtrl;
  embedding.optimizer.l1 = 0.1F;
  embedding.staleness = Staleness::Infinite();
  TableSpec layer = Table(1, "layer", TableKind::kDense, 4096);
  layer.size = 10'000;
  layer.initializer = {InitializerKind::kConstant, -3.75F};
  layer.staleness = Staleness(4);
  job.tables = {embedding, layer};
  job.places = 3;
  job.seats = 2;
  job.iteration_rows = 77;
  job.data = {.encoding = 7, .rows = 0xffff'ffff'ffff'ffffu};
  job.last_clock = Clock(1234);
  job.seed = 0xffff'ffff'ffff'fff0u;
  job.iterations_per_epoch = 41;
  job.best_epoch = true;
  return job;
}

// The error of a job whose JSON was changed.
std::string ErrorAfter(const std::string& from, const std::string& to) {
  const std::string text = FormatJob(TwoTables());
  const std::string changed = absl::StrReplaceAll(text, {{from, to}});
  EXPECT_NE(text, changed) << from;
  const auto job = ParseJob(changed);
  EXPECT_EQ(ExitCode(job.status()), kExitUsage);
  return std::string(job.status().message());
}

TEST(Job, ParsesBackWhatItFormats) {
  const auto job = ParseJob(FormatJob(TwoTables()));
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(*job, TwoTables());
}

TEST(Job, StalenessIsTheSmallestBound) {
  EXPECT_EQ(TwoTables().staleness(), Staleness(4));
  Job job = TwoTables();
  job.tables.pop_back();
  EXPECT_TRUE(job.staleness().infinite());
}

TEST(Job, ErrorsNameTheField) {
  EXPECT_EQ(ErrorAfter("\"places\": 3", "\"places\": 0"),
            "job: run.places must be an integer from 1 to 1024; undo the edit, or train into a "
            "new folder");
  EXPECT_EQ(ErrorAfter("\"seats\": 2,", ""),
            "job: run.seats is missing; undo the edit, or train into a new folder");
  EXPECT_EQ(ErrorAfter("\"last_clock\": 1234", "\"last_clock\": -1"),
            "job: run.last_clock must be an integer from 0 to 9007199254740992; undo the edit, "
            "or train into a new folder");
  EXPECT_EQ(ErrorAfter("\"ftrl\"", "\"adamw\""),
            "job: tables[0].optimizer.kind is not a word this version knows: adamw; undo the edit, "
            "or train into a new folder");
  EXPECT_EQ(ErrorAfter("\"seats\": 2", "\"seats\": 2, \"extra\": 1"),
            "job: run holds a field this version lacks; undo the edit, or train into a new folder");
  EXPECT_TRUE(absl::StrContains(ErrorAfter("\"size\": 10000", "\"size\": 0"), "tables[1].size"));
  EXPECT_TRUE(absl::StrContains(ErrorAfter("\"inf\"", "-3"), "tables[0].staleness"));
  EXPECT_TRUE(absl::StrContains(ErrorAfter("\"id\": 1", "\"id\": 7"), "tables[1].id"));
}

TEST(Job, AFileOfANewerVersionIsRefused) {
  EXPECT_EQ(ErrorAfter("\"version\": 5,", "\"version\": 1000, \"unheard_of\": 1,"),
            "job: run.version is 1000, and this rubato reads job files up to version 5; use the "
            "newer rubato that wrote it, or train into a new folder");
  EXPECT_EQ(ErrorAfter("\"version\": 5,", "\"version\": 0,"),
            "job: run.version must be an integer from 1 to 4294967295; undo the edit, or train "
            "into a new folder");
  EXPECT_TRUE(absl::StrContains(ErrorAfter("\"version\": 5,", "\"version\": \"1\","),
                                "run.version must be an integer"));
}

// What all files of the first version said.
constexpr char kEvaluates[] = "\"evaluate\": true,";

// `job` as a file of the first version has it, but for that; `more` in its place.
std::string FirstVersion(const Job& job, const std::string& more) {
  return absl::StrReplaceAll(
      FormatJob(job),
      {{"\"version\": 5,", more},
       {",\n  \"lease_ms\": 10000,\n  \"deterministic\": false,\n  "
        "\"iteration_rows\": 77,\n  \"iteration_bytes\": 134217728,\n  \"feature_keys\": 0,\n  "
        "\"encoding_digest\": 7,\n  \"rows_digest\": 18446744073709551615",
        ""}});
}

// And not how many rows an iteration has, or what data there are.
Job OfFirstVersion() {
  Job job = TwoTables();
  job.iteration_rows = 0;
  job.data = {};
  return job;
}

TEST(Job, AFileOfTheFirstVersionSaysThatItEvaluates) {
  const auto first = [](const std::string& more) {
    return ParseJob(FirstVersion(TwoTables(), "\"version\": 1," + more));
  };
  ASSERT_TRUE(first(kEvaluates).ok()) << first(kEvaluates).status();
  EXPECT_EQ(*first(kEvaluates), OfFirstVersion());
  EXPECT_TRUE(absl::StrContains(first("").status().message(), "run.evaluate is missing"));
  EXPECT_TRUE(absl::StrContains(first("\"evaluate\": false,").status().message(),
                                "run.evaluate must be true"));
}

// An older file comes back from its own text as well.
TEST(Job, RowsOfAnIterationMayBeUnknown) {
  EXPECT_EQ(*ParseJob(FormatJob(OfFirstVersion())), OfFirstVersion());
  EXPECT_EQ(ErrorAfter("\"iteration_rows\": 77", "\"iteration_rows\": 1073741825"),
            "job: run.iteration_rows must be an integer from 0 to 1073741824; undo the edit, or "
            "train into a new folder");
}

TEST(Job, AFileWithoutAVersionIsOfTheFirst) {
  const auto job = ParseJob(FirstVersion(TwoTables(), kEvaluates));
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(*job, OfFirstVersion());
}

TEST(Job, AHyperparameterThatAnOlderFileLacksHasItsDefault) {
  Job job = TwoTables();
  job.tables[0].optimizer = {{}, OptimizerKind::kFtrl};
  for (const auto& number : kHyperparameters<float>) {
    Job other = job;
    other.tables[0].optimizer.*number.member = 0.25F;
    const std::string text = FormatJob(other);
    const size_t at = text.find(absl::StrCat("\"", number.name, "\": 0.25"));
    ASSERT_NE(at, std::string::npos) << number.name;
    const size_t begin = text.rfind(',', at);  // the one before: the last member has none behind it
    const size_t end = text.find_first_of(",\n", at);
    const auto older = ParseJob(text.substr(0, begin) + text.substr(end));
    ASSERT_TRUE(older.ok()) << number.name << ": " << older.status();
    EXPECT_EQ(*older, job) << number.name;
  }
}

TEST(Job, HyperparametersKeepToTheRangeOfTheRunFile) {
  Job job = TwoTables();
  for (const auto& number : kHyperparameters<float>) {
    job.tables[0].optimizer.*number.member = static_cast<float>(number.high);
  }
  const auto highest = ParseJob(FormatJob(job));
  ASSERT_TRUE(highest.ok()) << highest.status();
  EXPECT_EQ(*highest, job);
  EXPECT_EQ(ErrorAfter("\"l1\": 0.0", "\"l1\": -1"),
            "job: tables[1].optimizer.l1 must be a number from 0 to 1e+06; undo the edit, or train "
            "into a new folder");
}

TEST(Job, NotJsonIsASentence) {
  for (const auto* text : {"", "{", "[]", "3", "{\"tables\": 3}", "\xff\xfe"}) {
    EXPECT_EQ(ExitCode(ParseJob(text).status()), kExitUsage) << text;
  }
}

TEST(Job, FingerprintIsOfTheModelOnly) {
  const uint64_t model = TwoTables().Fingerprint();
  Job same = TwoTables();
  same.last_clock = Clock(9);
  same.places = 7;
  same.tables[0].staleness = Staleness(0);
  EXPECT_EQ(same.Fingerprint(), model);
  Job seed = TwoTables();
  seed.seed = 5;
  Job shape = TwoTables();
  shape.tables[1].size = 10'001;
  for (const Job& other : {seed, shape}) EXPECT_NE(other.Fingerprint(), model);
}

TEST(Job, FingerprintIsOfTheRuleAndEachOfItsNumbers) {
  std::set<uint64_t> seen = {TwoTables().Fingerprint()};
  for (const UpdateRule& rule : kUpdateRules) {
    Job other = TwoTables();
    other.tables[1].optimizer.kind = rule.kind;
    seen.insert(other.Fingerprint());
  }
  EXPECT_EQ(seen.size(), kUpdateRules.size());  // one is the rule of TwoTables()
  for (const auto& number : kHyperparameters<float>) {
    Job other = TwoTables();
    other.tables[1].optimizer.*number.member = 0.25F;
    EXPECT_TRUE(seen.insert(other.Fingerprint()).second) << number.name;
  }
}

// Snapshots and the states of schedulers hold it: a run that was begun before goes on.
TEST(Job, FingerprintOfAModelStaysWhatItWas) {
  EXPECT_EQ(TwoTables().Fingerprint(), 0xa946'0fbf'c887'2758u);
}

}  // namespace
}  // namespace rubato
