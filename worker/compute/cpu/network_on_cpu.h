// A model on the CPU: the terms of its spec one after the other, and the loss.
#pragma once

#include <memory>

#include "worker/compute/model.h"
#include "worker/spec/model_spec.h"

namespace rubato {

std::unique_ptr<Model> MakeNetworkOnCpu(ModelSpec spec);

}  // namespace rubato
