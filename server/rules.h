// The update rules behind MakeOptimizer, one file each. Formulas: server/optimizer.h.
#pragma once

#include <memory>

#include "server/optimizer.h"

namespace rubato {

std::unique_ptr<Optimizer> MakeSgd(const OptimizerSpec& spec);
std::unique_ptr<Optimizer> MakeMomentum(const OptimizerSpec& spec);
std::unique_ptr<Optimizer> MakeAdagrad(const OptimizerSpec& spec);
std::unique_ptr<Optimizer> MakeAdam(const OptimizerSpec& spec);
std::unique_ptr<Optimizer> MakeFtrl(const OptimizerSpec& spec);

}  // namespace rubato
