#include "worker/run_file/run_config_defaults.h"

#include <gtest/gtest.h>

#include <optional>

#include "worker/run_file/run_file.h"

namespace rubato {
namespace {

RunConfig Parsed(const std::string& more) {
  const auto none = [](const std::string&) { return std::optional<std::string>(); };
  const auto config = ParseRunConfig("[data]\npath = \"loans.csv\"\nlabel = \"default\"\n" + more,
                                     "/runs/my.toml", {}, none);
  EXPECT_TRUE(config.ok()) << config.status();
  return config.value_or(RunConfig());
}

double Rate(const std::string& model, const std::string& rule, uint64_t rows = 20'000) {
  RunConfig config =
      Parsed("[model]\nkind = \"" + model + "\"\n[optimizer]\nkind = \"" + rule + "\"\n");
  FitToData({.rows = rows}, &config);
  return config.optimizer.learning_rate;
}

RunConfig Fitted(uint64_t rows) {
  RunConfig config;
  FitToData({.rows = rows}, &config);
  return config;
}

double Epsilon(const std::string& more, double one_sided_gradient) {
  RunConfig config = Parsed(more);
  FitToData({.rows = 20'000, .one_sided_gradient = one_sided_gradient}, &config);
  return config.optimizer.epsilon;
}

TEST(RunConfigDefaults, TheRateIsThatOfRuleAndModel) {
  EXPECT_EQ(Rate("linear", "adagrad"), 0.07);
  EXPECT_EQ(Rate("mlp", "adagrad"), 0.02);
  EXPECT_EQ(Rate("deepfm", "adam"), 0.001);
  EXPECT_EQ(Rate("linear", "ftrl"), 0.1);
  EXPECT_EQ(Parsed("[optimizer]\nlearning_rate = 0.7\n").optimizer.learning_rate, 0.7);
}

TEST(RunConfigDefaults, FewRowsAreLearntAtALowerRate) {
  EXPECT_DOUBLE_EQ(Rate("linear", "adagrad", 4000), 0.07 * 0.8);
  EXPECT_DOUBLE_EQ(Rate("linear", "adagrad", 200), 0.07 * 0.7);
  EXPECT_DOUBLE_EQ(Rate("mlp", "adagrad", 200), 0.02 * 0.3);
}

TEST(RunConfigDefaults, WhatWasFittedIsKeptByARunThatGoesOn) {
  RunConfig before = Parsed("");
  FitToData({.rows = 700, .one_sided_gradient = 0.01}, &before);
  RunConfig now = Parsed("");
  KeepFitted(before, &now);
  EXPECT_EQ(now.train, before.train);
  EXPECT_EQ(now.optimizer, before.optimizer);
}

TEST(RunConfigDefaults, ThePassIsChosenWhereThereIsSomethingToChooseWith) {
  EXPECT_TRUE(Parsed("").train.best_epoch);
  EXPECT_FALSE(Parsed("[train]\nbest_epoch = false\n").train.best_epoch);
  EXPECT_FALSE(Parsed("[split]\nvalidation_percent = 0\n").train.best_epoch);
}

TEST(RunConfigDefaults, FewRowsAreSeenOftenInSmallBatches) {
  EXPECT_EQ(Fitted(0).train.batch, 16);
  EXPECT_EQ(Fitted(700).train.epochs, 200);
  RunConfig deep;
  deep.model.kind = "mlp";
  FitToData({.rows = 700}, &deep);
  EXPECT_EQ(deep.train.epochs, 40);
  EXPECT_EQ(Fitted(700).train.batch, 16);
  EXPECT_EQ(Fitted(21'000).train.epochs, 47);
  EXPECT_EQ(Fitted(21'000).train.batch, 32);
  EXPECT_EQ(Fitted(1'000'000).train.epochs, 6);
  EXPECT_EQ(Fitted(1'000'000).train.batch, 256);
}

TEST(RunConfigDefaults, ALinearModelsFirstStepsHeedHowSmallTheirGradientsAre) {
  EXPECT_NEAR(Epsilon("[train]\nbatch = 32\n", 0.002), 0.002 / 32, 1e-12);
  EXPECT_EQ(Epsilon("[model]\nkind = \"mlp\"\n", 0.002), 1e-8);
  EXPECT_EQ(Epsilon("[optimizer]\nkind = \"adam\"\n", 0.002), 1e-8);
  EXPECT_EQ(Epsilon("[optimizer]\nepsilon = 0.5\n", 0.002), 0.5);
}

TEST(RunConfigDefaults, WhatIsGivenStays) {
  RunConfig config;
  config.train.epochs = 3;
  config.train.batch = 7;
  FitToData({.rows = 1000}, &config);
  EXPECT_EQ(config.train.epochs, 3);
  EXPECT_EQ(config.train.batch, 7);
}

}  // namespace
}  // namespace rubato
