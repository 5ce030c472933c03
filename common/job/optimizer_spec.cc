#include "common/job/optimizer_spec.h"

#include <algorithm>

namespace rubato {

StepNumbers Rounded(const Hyperparameters<double>& exact) {
  StepNumbers rounded;
  for (size_t i = 0; i < kHyperparameters<float>.size(); ++i) {
    rounded.*kHyperparameters<float>[i].member =
        static_cast<float>(exact.*kHyperparameters<double>[i].member);
  }
  return rounded;
}

bool Reads(const UpdateRule& rule, MemberOf<float> number) {
  return std::ranges::find(rule.reads, number) != rule.reads.end();
}

const UpdateRule* FindRule(const std::string& name) {
  const auto found = std::ranges::find(kUpdateRules, name, &UpdateRule::name);
  return found == kUpdateRules.end() ? nullptr : &*found;
}

std::vector<std::string> RuleNames() {
  std::vector<std::string> names;
  for (const UpdateRule& rule : kUpdateRules) names.emplace_back(rule.name);
  return names;
}

}  // namespace rubato
