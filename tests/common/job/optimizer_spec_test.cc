#include "common/job/optimizer_spec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace rubato {
namespace {

TEST(UpdateRules, AreFoundByTheirNames) {
  for (const UpdateRule& rule : kUpdateRules) EXPECT_EQ(FindRule(rule.name), &rule) << rule.name;
  EXPECT_EQ(FindRule("adamw"), nullptr);
  EXPECT_EQ(RuleNames(), (std::vector<std::string>{"sgd", "momentum", "adagrad", "adam", "ftrl"}));
}

TEST(UpdateRules, AreVisitedByTheirNumbers) {
  for (const UpdateRule& rule : kUpdateRules) {
    EXPECT_EQ(&RuleOf(rule.kind), &rule);
    EXPECT_EQ(WithKind(rule.kind, [](auto kind) { return RuleOf(kind()).name; }), rule.name);
  }
}

TEST(UpdateRules, EachNumberIsReadBySome) {
  for (const auto& number : kHyperparameters<float>) {
    const auto reads = [&number](const UpdateRule& rule) { return Reads(rule, number.member); };
    EXPECT_TRUE(std::ranges::any_of(kUpdateRules, reads)) << number.name;
  }
  EXPECT_TRUE(Reads(RuleOf(OptimizerKind::kFtrl), &StepNumbers::l1));
  EXPECT_FALSE(Reads(RuleOf(OptimizerKind::kAdam), &StepNumbers::l1));
}

TEST(Hyperparameters, HaveNamesAndMembersOfTheirOwn) {
  std::set<std::string> names;
  Hyperparameters<double> all;
  for (size_t i = 0; i < kHyperparameters<double>.size(); ++i) {
    const auto& number = kHyperparameters<double>[i];
    EXPECT_EQ(number.name, std::string(kHyperparameters<float>[i].name));
    EXPECT_TRUE(names.insert(number.name).second) << number.name;
    all.*number.member = static_cast<double>(i + 1);
  }
  const Hyperparameters<float> rounded = Rounded(all);
  for (size_t i = 0; i < kHyperparameters<float>.size(); ++i) {
    EXPECT_EQ(rounded.*kHyperparameters<float>[i].member, static_cast<float>(i + 1));
  }
  EXPECT_EQ(sizeof(rounded), sizeof(float) * kHyperparameters<float>.size()) << "one has no entry";
}

TEST(Hyperparameters, AllowTheirDefaults) {
  for (const auto& number : kHyperparameters<double>) {
    const double value = Hyperparameters<double>().*number.member;
    EXPECT_GE(value, 0.0) << number.name;
    EXPECT_LE(value, number.high) << number.name;
  }
  EXPECT_EQ(Rounded({}), Hyperparameters<float>());
}

}  // namespace
}  // namespace rubato
