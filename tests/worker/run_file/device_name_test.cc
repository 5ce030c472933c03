#include "worker/run_file/device_name.h"

#include <gtest/gtest.h>

namespace rubato {
namespace {

TEST(DeviceName, KnowsTheCpuAllGpusAndOneGpu) {
  EXPECT_EQ(*ParseDeviceName("cpu"), DeviceName{});
  EXPECT_EQ(*ParseDeviceName("cuda"), (DeviceName{.kind = DeviceKind::kCuda}));
  EXPECT_EQ(*ParseDeviceName("cuda:0"), (DeviceName{.kind = DeviceKind::kCuda, .index = 0}));
  EXPECT_EQ(*ParseDeviceName("cuda:12"), (DeviceName{.kind = DeviceKind::kCuda, .index = 12}));
}

TEST(DeviceName, RefusesAnythingElse) {
  for (const char* text : {"", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:01", "cuda:1 ", "cuda:+1",
                           "cuda:9999999999", "cuda:1x", "cuda1"}) {
    EXPECT_EQ(ParseDeviceName(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace rubato
