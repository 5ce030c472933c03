#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/cuda/cuda_fixture.h"
#include "worker/compute/cuda/cuda_status.h"

namespace rubato {
namespace {

using DeviceTest = CudaTest;

TEST_F(DeviceTest, CopiesGoThereAndBack) {
  std::vector<float> values(1000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 3;
  EXPECT_EQ(Download(Upload(values)), values);
  EXPECT_TRUE(Download(Upload(std::vector<float>())).empty());
}

}  // namespace
}  // namespace rubato
