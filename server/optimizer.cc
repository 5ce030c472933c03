#include "server/optimizer.h"

#include "common/status.h"
#include "server/rules.h"

namespace rubato {

std::unique_ptr<Optimizer> MakeOptimizer(const OptimizerSpec& spec) {
  switch (spec.kind) {
    case OptimizerKind::kSgd:
      return MakeSgd(spec);
    case OptimizerKind::kMomentum:
      return MakeMomentum(spec);
    case OptimizerKind::kAdagrad:
      return MakeAdagrad(spec);
    case OptimizerKind::kAdam:
      return MakeAdam(spec);
    case OptimizerKind::kFtrl:
      return MakeFtrl(spec);
  }
  CHECK(false, "an OptimizerKind without a rule");
  return nullptr;
}

}  // namespace rubato
