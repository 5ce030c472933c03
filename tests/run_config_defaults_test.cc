#include "common/run_config_defaults.h"

#include <gtest/gtest.h>

#include <optional>

namespace rubato {
namespace {

RunConfig Parsed(const std::string& more) {
  const auto none = [](const std::string&) { return std::optional<std::string>(); };
  const auto config = ParseRunConfig("[data]\npath = \"loans.csv\"\nlabel = \"default\"\n" + more,
                                     "/runs/my.toml", {}, none);
  EXPECT_TRUE(config.ok()) << config.status();
  return config.value_or(RunConfig());
}

double Rate(const std::string& model, const std::string& rule) {
  return Parsed("[model]\nkind = \"" + model + "\"\n[optimizer]\nkind = \"" + rule + "\"\n")
      .optimizer.learning_rate;
}

RunConfig Sized(uint64_t rows) {
  RunConfig config;
  SizeByRows(rows, &config);
  return config;
}

TEST(RunConfigDefaults, TheRateIsThatOfRuleAndModel) {
  EXPECT_EQ(Rate("logistic", "adagrad"), 0.07);
  EXPECT_EQ(Rate("mlp", "adagrad"), 0.02);
  EXPECT_EQ(Rate("deepfm", "adam"), 0.001);
  EXPECT_EQ(Rate("logistic", "ftrl"), 0.1);
  EXPECT_EQ(Parsed("[optimizer]\nlearning_rate = 0.7\n").optimizer.learning_rate, 0.7);
}

TEST(RunConfigDefaults, ThePassIsChosenWhereThereIsSomethingToChooseWith) {
  EXPECT_TRUE(Parsed("").train.best_epoch);
  EXPECT_FALSE(Parsed("[train]\nbest_epoch = false\n").train.best_epoch);
  EXPECT_FALSE(Parsed("[split]\nvalidation_percent = 0\n").train.best_epoch);
}

TEST(RunConfigDefaults, FewRowsAreSeenOftenInSmallBatches) {
  EXPECT_EQ(Sized(0).train.batch, 16);
  EXPECT_EQ(Sized(700).train.epochs, 200);
  RunConfig deep;
  deep.model.kind = "mlp";
  SizeByRows(700, &deep);
  EXPECT_EQ(deep.train.epochs, 40);
  EXPECT_EQ(Sized(700).train.batch, 16);
  EXPECT_EQ(Sized(21'000).train.epochs, 47);
  EXPECT_EQ(Sized(21'000).train.batch, 32);
  EXPECT_EQ(Sized(1'000'000).train.epochs, 6);
  EXPECT_EQ(Sized(1'000'000).train.batch, 256);
}

TEST(RunConfigDefaults, WhatIsGivenStays) {
  RunConfig config;
  config.train.epochs = 3;
  config.train.batch = 7;
  SizeByRows(1000, &config);
  EXPECT_EQ(config.train.epochs, 3);
  EXPECT_EQ(config.train.batch, 7);
}

}  // namespace
}  // namespace rubato
