// What a capture of the emulator records, and what it refuses, as CUDA does. What is the same on a
// GPU is tested in cuda/device_test.cc.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "tests/cuda_emulator/emulator.h"
#include "tests/worker/compute/cuda/cuda_fixture.h"
#include "worker/compute/cuda/device/launch.h"

namespace rubato {
namespace {

__global__ void Add(float* to, float value) { *to += value; }

class EmulatedCaptureTest : public CudaTest {
 protected:
  void Begin(cudaStreamCaptureMode mode = cudaStreamCaptureModeThreadLocal) {
    ASSERT_EQ(cudaStreamBeginCapture(stream().get(), mode), cudaSuccess);
  }
  // What ended the capture; the graph is thrown away.
  cudaError_t End() {
    cudaGraph_t graph = nullptr;
    const cudaError_t code = cudaStreamEndCapture(stream().get(), &graph);
    EXPECT_EQ(graph != nullptr, code == cudaSuccess);
    if (graph != nullptr) {
      EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
    }
    return code;
  }
};

TEST_F(EmulatedCaptureTest, ArgumentsAreThoseOfTheCapture) {
  DeviceArray<float> sum = Upload<float>({0});
  float value = 2;
  const emulator::Counts before = emulator::CountsSoFar();
  const absl::StatusOr<Graph> graph = Graph::Capture(stream(), [&](StreamView on) {
    RETURN_IF_ERROR(Launch(on, OneThreadEach(1, 1), Add, sum.data(), value));
    return Launch(on, OneThreadEach(1, 1), Add, sum.data(), value * 10);
  });
  ASSERT_TRUE(graph.ok()) << graph.status();
  value = 100;
  EXPECT_EQ(Download(sum)[0], 0);
  ASSERT_TRUE(graph->Launch(stream()).ok());
  ASSERT_TRUE(graph->Launch(stream()).ok());
  EXPECT_EQ(Download(sum)[0], 44);
  EXPECT_EQ(emulator::CountsSoFar().kernels, before.kernels + 2);
  EXPECT_EQ(emulator::CountsSoFar().graph_launches, before.graph_launches + 2);
}

// A graph that is gone from the host still runs where it was launched.
TEST_F(EmulatedCaptureTest, AGraphMayGoOnceItIsLaunched) {
  DeviceArray<float> sum = Upload<float>({0});
  {
    const absl::StatusOr<Graph> graph = Graph::Capture(stream(), [&](StreamView on) {
      return Launch(on, OneThreadEach(1, 1), Add, sum.data(), 3.0f);
    });
    ASSERT_TRUE(graph.ok() && graph->Launch(stream()).ok());
  }
  EXPECT_EQ(Download(sum)[0], 3);
}

TEST_F(EmulatedCaptureTest, WhatWaitsOrAllocatesEndsTheCapture) {
  const absl::StatusOr<StreamEvent> event = StreamEvent::Make();
  ASSERT_TRUE(event.ok() && event->Record(stream()).ok());
  void* memory = nullptr;
  size_t ended = 0;
  const auto refused = [&](cudaError_t code) {
    EXPECT_EQ(code, cudaErrorStreamCaptureUnsupported) << ended;
    EXPECT_EQ(End(), cudaErrorStreamCaptureInvalidated) << ended++;
    Begin();
  };
  Begin();
  refused(cudaMalloc(&memory, 1));
  refused(cudaMallocHost(&memory, 1));
  refused(cudaStreamSynchronize(stream().get()));
  refused(cudaStreamQuery(stream().get()));
  refused(cudaDeviceSynchronize());
  EXPECT_EQ(End(), cudaSuccess);
  EXPECT_EQ(End(), cudaErrorIllegalState);
  static_cast<void>(cudaGetLastError());
}

TEST_F(EmulatedCaptureTest, NothingIsRecordedOnceTheCaptureIsInvalid) {
  DeviceArray<float> sum = Upload<float>({0});
  void* memory = nullptr;
  Begin();
  EXPECT_NE(cudaMalloc(&memory, 1), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(sum.data(), 0, 4, stream().get()), cudaErrorStreamCaptureInvalidated);
  EXPECT_EQ(End(), cudaErrorStreamCaptureInvalidated);
  static_cast<void>(cudaGetLastError());
}

TEST_F(EmulatedCaptureTest, EventsStayOnTheirSideOfTheCapture) {
  const absl::StatusOr<Stream> other = Stream::Make();
  const absl::StatusOr<StreamEvent> outside = StreamEvent::Make();
  const absl::StatusOr<StreamEvent> inside = StreamEvent::Make();
  ASSERT_TRUE(other.ok() && outside.ok() && inside.ok());
  ASSERT_TRUE(outside->Record(other->view()).ok());
  Begin();
  EXPECT_TRUE(inside->Record(stream()).ok());
  EXPECT_TRUE(inside->Block(stream()).ok());
  EXPECT_EQ(End(), cudaSuccess);
  EXPECT_FALSE(inside->Wait().ok());
  Begin();
  EXPECT_FALSE(outside->Block(stream()).ok());
  EXPECT_EQ(End(), cudaErrorStreamCaptureInvalidated);
  static_cast<void>(cudaGetLastError());
}

TEST_F(EmulatedCaptureTest, ModesSayWhichThreadsAreHeldToTheRules) {
  const auto allocate_elsewhere = [] {
    bool allocated = false;
    std::thread other([&] { allocated = DeviceArray<float>::Make(1).ok(); });
    other.join();
    return allocated;
  };
  Begin(cudaStreamCaptureModeThreadLocal);
  EXPECT_TRUE(allocate_elsewhere());
  EXPECT_EQ(End(), cudaSuccess);
  Begin(cudaStreamCaptureModeGlobal);
  EXPECT_FALSE(allocate_elsewhere());
  EXPECT_EQ(End(), cudaErrorStreamCaptureInvalidated);
  Begin(cudaStreamCaptureModeRelaxed);
  EXPECT_TRUE(DeviceArray<float>::Make(1).ok());
  EXPECT_EQ(End(), cudaSuccess);
  Begin(cudaStreamCaptureModeThreadLocal);
  cudaError_t elsewhere = cudaSuccess;
  std::thread([&] { elsewhere = End(); }).join();
  EXPECT_EQ(elsewhere, cudaErrorStreamCaptureWrongThread);
  EXPECT_EQ(End(), cudaSuccess);
  static_cast<void>(cudaGetLastError());
}

TEST_F(EmulatedCaptureTest, LaunchesThatNoDeviceCouldRun) {
  DeviceArray<float> sum = Upload<float>({0});
  cudaLaunchConfig_t config{};
  config.stream = stream().get();
  const auto launch = [&](unsigned blocks, unsigned threads) {
    config.gridDim = dim3(blocks);
    config.blockDim = dim3(threads);
    return cudaLaunchKernelEx(&config, Add, sum.data(), 1.0f);
  };
  EXPECT_EQ(launch(1, 1025), cudaErrorInvalidConfiguration);
  EXPECT_EQ(launch(1, 0), cudaErrorInvalidConfiguration);
  EXPECT_EQ(launch(0, 1), cudaErrorInvalidConfiguration);
  EXPECT_EQ(launch(1, 1), cudaSuccess);
  config.stream = nullptr;  // nothing uses the default stream
  EXPECT_EQ(launch(1, 1), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(Download(sum)[0], 1);
}

}  // namespace
}  // namespace rubato
