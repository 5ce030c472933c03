// Update rules and their hyperparameters, each declared once: what a rule is called, what state a
// row keeps for it, and the rate that it begins with. Run files, job files, model specs, servers
// and devices read these two lists. The arithmetic is in server/table/rule.cc and, for weights on a
// GPU, in worker/compute/cuda/kernels/update_rules.h; the formulas are in server/table/optimizer.h.
//
// A new rule is a number of OptimizerKind, an entry of kUpdateRules and a step in each of those two
// files. A new hyperparameter is a member of Hyperparameters and an entry of kHyperparameters, with
// the next version of job files.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "common/base/status.h"

namespace rubato {

// The numbers are hashed into what is written to disk and wire: append only.
enum class OptimizerKind : uint8_t { kSgd = 0, kMomentum = 1, kAdagrad = 2, kAdam = 3, kFtrl = 4 };

// A run file's as it says them, in doubles; those of a step in floats.
template <class Real>
struct Hyperparameters {
  Real learning_rate = static_cast<Real>(0.1);
  Real l1 = static_cast<Real>(0.0);
  Real l2 = static_cast<Real>(0.0);
  Real momentum = static_cast<Real>(0.9);
  Real beta1 = static_cast<Real>(0.9);
  Real beta2 = static_cast<Real>(0.999);
  Real epsilon = static_cast<Real>(1e-8);
  friend bool operator==(const Hyperparameters&, const Hyperparameters&) = default;
};

template <class Real>
using MemberOf = Real Hyperparameters<Real>::*;

template <class Real>
struct Hyperparameter {
  const char* name;  // in run and job files
  MemberOf<Real> member;
  double high;          // allowed are 0 to high, both ends included
  bool fitted = false;  // 0 in a run file: chosen by rule, model and data
  uint32_t since = 1;   // the version of job files that it came with
};

// In the order of run and job files; fingerprints depend on it: append only.
template <class Real>
inline constexpr auto kHyperparameters = std::to_array<Hyperparameter<Real>>(
    {{.name = "learning_rate",
      .member = &Hyperparameters<Real>::learning_rate,
      .high = 1e6,
      .fitted = true},
     {.name = "l1", .member = &Hyperparameters<Real>::l1, .high = 1e6},
     {.name = "l2", .member = &Hyperparameters<Real>::l2, .high = 1e6},
     {.name = "momentum", .member = &Hyperparameters<Real>::momentum, .high = 0.999999},
     {.name = "beta1", .member = &Hyperparameters<Real>::beta1, .high = 0.999999},
     {.name = "beta2", .member = &Hyperparameters<Real>::beta2, .high = 0.999999},
     {.name = "epsilon", .member = &Hyperparameters<Real>::epsilon, .high = 1e6, .fitted = true}});

using StepNumbers = Hyperparameters<float>;

// Each rounded to the nearest float.
StepNumbers Rounded(const Hyperparameters<double>& exact);

// The rule of a table, with its numbers.
struct OptimizerSpec : StepNumbers {
  OptimizerKind kind = OptimizerKind::kSgd;
  friend bool operator==(const OptimizerSpec&, const OptimizerSpec&) = default;
};

struct UpdateRule {
  OptimizerKind kind;
  const char* name;           // in run and job files
  uint32_t slots;             // floats of state beside each weight
  bool counts_steps = false;  // and one float more a row: how often it was stepped
  // What a run file begins with that leaves the learning rate out.
  double linear_rate;  // of a linear model
  double deep_rate;    // of one with hidden layers
  // The hyperparameters that its step reads, then nulls.
  std::array<MemberOf<float>, 6> reads;
};

// In the order of their numbers.
inline constexpr auto kUpdateRules = std::to_array<UpdateRule>(
    {{.kind = OptimizerKind::kSgd,
      .name = "sgd",
      .slots = 0,
      .linear_rate = 0.05,
      .deep_rate = 0.02,
      .reads = {&StepNumbers::learning_rate, &StepNumbers::l2}},
     {.kind = OptimizerKind::kMomentum,
      .name = "momentum",
      .slots = 1,
      .linear_rate = 0.005,
      .deep_rate = 0.002,
      .reads = {&StepNumbers::learning_rate, &StepNumbers::l2, &StepNumbers::momentum}},
     {.kind = OptimizerKind::kAdagrad,
      .name = "adagrad",
      .slots = 1,
      .linear_rate = 0.07,
      .deep_rate = 0.02,
      .reads = {&StepNumbers::learning_rate, &StepNumbers::l2, &StepNumbers::epsilon}},
     {.kind = OptimizerKind::kAdam,
      .name = "adam",
      .slots = 2,
      .counts_steps = true,
      .linear_rate = 0.003,
      .deep_rate = 0.001,
      .reads = {&StepNumbers::learning_rate, &StepNumbers::l2, &StepNumbers::beta1,
                &StepNumbers::beta2, &StepNumbers::epsilon}},
     {.kind = OptimizerKind::kFtrl,
      .name = "ftrl",
      .slots = 2,
      .linear_rate = 0.1,
      .deep_rate = 0.02,
      .reads = {&StepNumbers::learning_rate, &StepNumbers::l1, &StepNumbers::l2}}});

constexpr const UpdateRule& RuleOf(OptimizerKind kind) {
  return kUpdateRules[static_cast<size_t>(kind)];
}

// Whether its step reads the hyperparameter.
bool Reads(const UpdateRule& rule, MemberOf<float> number);

// nullptr: there is none of that name.
const UpdateRule* FindRule(const std::string& name);
// In the order of their numbers.
std::vector<std::string> RuleNames();

// visit(std::integral_constant<OptimizerKind, kind>): what differs by rule is a template over the
// kind, and a declared rule that lacks it does not compile.
template <size_t kFirst = 0, class Visit>
auto WithKind(OptimizerKind kind, const Visit& visit) {
  using First = std::integral_constant<OptimizerKind, kUpdateRules[kFirst].kind>;
  static_assert(static_cast<size_t>(First::value) == kFirst, "rules stand at their numbers");
  if constexpr (kFirst + 1 < kUpdateRules.size()) {
    if (kind != First::value) return WithKind<kFirst + 1>(kind, visit);
  }
  CHECK(kind == First::value, "an OptimizerKind without a rule");
  return visit(First{});
}

}  // namespace rubato
