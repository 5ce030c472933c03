#include "worker/compute_device.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "common/base/status.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

std::string Refusal(const std::string& device, const std::string& library) {
  const auto found = ComputeDevice::Find(device, library);
  if (found.ok()) return "";
  EXPECT_EQ(ExitCode(found.status()), kExitUsage);
  return std::string(found.status().message());
}

TEST(ComputeDevice, TheCpuNeedsNoLibrary) {
  EXPECT_TRUE(ComputeDevice::Find("cpu", "/nowhere/librubato_cuda.so").ok());
}

TEST(ComputeDevice, ABuildWithoutTheBackendIsOneSentence) {
  EXPECT_EQ(
      Refusal("cuda", "/nowhere/librubato_cuda.so"),
      "device = \"cuda\": there is no /nowhere/librubato_cuda.so; install the CUDA 13 toolkit "
      "and build with RUBATO_CUDA=ON, or use device = \"cpu\"");
}

TEST(ComputeDevice, WhatIsNoLibraryIsOneSentence) {
  const ScratchFolder folder;
  const std::string path = folder.path() + "/librubato_cuda.so";
  std::ofstream(path) << "not a library";
  const std::string refusal = Refusal("cuda:0", path);
  EXPECT_EQ(refusal.rfind("device = \"cuda:0\": it cannot be loaded: ", 0), 0u) << refusal;
}

}  // namespace
}  // namespace rubato
