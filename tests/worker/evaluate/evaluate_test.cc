// Evaluation of a run without a fleet: what is written, and what a stop leaves.
#include "worker/evaluate/evaluate.h"

#include <filesystem>

#include "tests/worker/compute/cpu/make_model.h"
#include "tests/worker/data/prepare/prepare_fixture.h"
#include "worker/data/encode/encoding_json.h"

namespace rubato {
namespace {

class EvaluateTest : public PrepareFixture {
 protected:
  void SetUp() override {
    config_ = LoanConfig(1000);
    const auto prepared = Run(config_);
    ASSERT_TRUE(prepared.ok()) << prepared.status();
    encoding_ = *ParseEncoding(*ReadChecksummedText(Path("out/data/encoding.json")));
    model_ = *MakeModel(config_, encoding_.Shape());
  }

  // Every weight is its key.
  absl::StatusOr<Parameters> Pull(Parameters keys) const {
    for (size_t t = 0; t < keys.size(); ++t) {
      for (const RowKey key : keys[t].keys) {
        keys[t].values.insert(keys[t].values.end(), model_->tables()[t].dim,
                              static_cast<float>(key.value()));
      }
    }
    return keys;
  }

  // A stop at the question after `questions`; counts those asked.
  absl::Status EvaluateAndStop(int questions) {
    asked_ = 0;
    const auto go_on = [this, questions] {
      return asked_++ < questions ? absl::OkStatus() : absl::CancelledError("stop");
    };
    return EvaluateRun(
        {.folder = Path("out"), .encoding = encoding_, .seed = 1}, model_.get(),
        [this](Parameters keys) { return Pull(std::move(keys)); }, go_on);
  }

  RunConfig config_;
  Encoding encoding_;
  std::unique_ptr<Model> model_;
  int asked_ = 0;
};

TEST_F(EvaluateTest, AStopAnywhereIsHeardAndLeavesNothing) {
  constexpr int kForever = 1000;
  ASSERT_TRUE(EvaluateAndStop(kForever).ok());
  const int questions = asked_;
  EXPECT_GE(questions, 8);
  const std::string path = Path("out/evaluation.json");
  const std::string json = *ReadChecksummedText(path);
  for (const char* name : {"test", "validation", "top_features"}) {
    EXPECT_TRUE(absl::StrContains(json, absl::StrCat("\"", name, "\": "))) << json;
  }
  std::filesystem::remove(path);
  for (int i = 0; i < questions; ++i) {
    EXPECT_EQ(EvaluateAndStop(i), absl::CancelledError("stop"));
    EXPECT_EQ(asked_, i + 1);
    EXPECT_FALSE(std::filesystem::exists(path));
  }
}

}  // namespace
}  // namespace rubato
