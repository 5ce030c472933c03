// What tests of PrepareRun share: a scratch folder per test, a small loan book, and looks at what a
// preparation left.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/checksummed_text.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"
#include "worker/data/prepare/part_writers.h"
#include "worker/data/prepare/prepare.h"

namespace rubato {

inline bool NeverStop() { return false; }

class PrepareFixture : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
    return Path(name);
  }
  std::string Read(const std::string& name) const {
    std::ifstream in(Path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
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
    config.data.positive = {"bad"};
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

}  // namespace rubato
