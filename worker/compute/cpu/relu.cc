#include "worker/compute/cpu/relu.h"

#include "common/base/status.h"

namespace rubato {

void ReluForward(std::span<float> x) {
  for (float& v : x) v = v > 0.0F ? v : 0.0F;
}

void ReluBackward(std::span<const float> y, std::span<float> dy) {
  CHECK(y.size() == dy.size());
  for (size_t i = 0; i < dy.size(); ++i) dy[i] = y[i] > 0.0F ? dy[i] : 0.0F;
}

}  // namespace rubato
