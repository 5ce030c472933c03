#include <cstdint>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "tests/worker/compute/cuda/cuda_fixture.h"
#include "worker/compute/cuda/device/cuda_status.h"
#include "worker/compute/cuda/device/launch.h"

namespace rubato {
namespace {

using Floats = std::vector<float>;

TEST(CudaStatusTest, CodesSayWhoCanHelp) {
  const CallSite site = {.call = "call()", .file = "some.cc", .line = 7};
  EXPECT_TRUE(CudaStatus(cudaSuccess, site).ok());
  EXPECT_EQ(CudaStatus(cudaErrorNoDevice, site).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(CudaStatus(cudaErrorInsufficientDriver, site).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(CudaStatus(cudaErrorMemoryAllocation, site).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(
      CudaStatus(cudaErrorInvalidValue, site),
      absl::InternalError("CUDA: invalid argument (cudaErrorInvalidValue) at some.cc:7: call()"));
}

TEST(LaunchShapeTest, AThreadForEachItem) {
  EXPECT_EQ(OneThreadEach(0).blocks, 0u);
  EXPECT_EQ(OneThreadEach(1).blocks, 1u);
  EXPECT_EQ(OneThreadEach(256).blocks, 1u);
  EXPECT_EQ(OneThreadEach(257).blocks, 2u);
  EXPECT_EQ(OneThreadEach(257).threads, kBlockThreads);
  EXPECT_EQ(OneThreadEach(65, 32).blocks, 3u);
  EXPECT_EQ(OneThreadEach(kMaxBlocks * 32, 32).blocks, kMaxBlocks);
}

class DeviceTest : public CudaTest {
 protected:
  // Pinned memory with these.
  static PinnedArray<float> Pinned(const Floats& values) {
    PinnedArray<float> array = *PinnedArray<float>::Make(values.size());
    std::copy(values.begin(), values.end(), array.data());
    return array;
  }
};

TEST_F(DeviceTest, CopiesGoThereAndBack) {
  Floats values(1000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 3;
  DeviceArray<float> array = Upload(values);
  EXPECT_EQ(Download(array), values);
  ASSERT_TRUE(ZeroAsync(stream(), array.data() + 10, 980).ok());
  for (size_t i = 10; i < 990; ++i) values[i] = 0;
  EXPECT_EQ(Download(array), values);
}

TEST_F(DeviceTest, NoElementsAreNoMemoryAndNoCopy) {
  DeviceArray<float> array = Upload(Floats());
  EXPECT_EQ(array.data(), nullptr);
  EXPECT_TRUE(Download(array).empty());
  EXPECT_TRUE(ZeroAsync(stream(), array.data(), 0).ok());
}

TEST_F(DeviceTest, ArraysMove) {
  DeviceArray<float> array = Upload<float>({1, 2});
  const float* const memory = array.data();
  DeviceArray<float> moved = std::move(array);
  EXPECT_EQ(moved.data(), memory);
  EXPECT_EQ(array.size(), 0u);
  array = std::move(moved);
  EXPECT_EQ(Download(array), (Floats{1, 2}));
}

TEST_F(DeviceTest, TooMuchMemoryIsSaidSo) {
  const absl::Status status = DeviceArray<float>::Make(size_t{1} << 50).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(status.message().find("4503599627370496 bytes were asked for"), std::string::npos)
      << status;
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);  // the next check is not told
}

TEST_F(DeviceTest, AnEventOrdersTwoStreams) {
  const absl::StatusOr<Stream> other = Stream::Make(Priority::kHigh);
  const absl::StatusOr<StreamEvent> written = StreamEvent::Make();
  ASSERT_TRUE(other.ok() && written.ok());
  DeviceArray<float> array = Upload<float>({0});
  for (float value = 1; value < 20; ++value) {
    PinnedArray<float> source = Pinned({value});
    ASSERT_TRUE(CopyAsync(other->view(), array.data(), source.data(), 1).ok());
    ASSERT_TRUE(written->Record(other->view()).ok());
    ASSERT_TRUE(written->Block(stream()).ok());
    ASSERT_EQ(Download(array)[0], value);
  }
}

TEST_F(DeviceTest, AnEventThatWasNeverRecordedHoldsNobodyUp) {
  const absl::StatusOr<StreamEvent> never = StreamEvent::Make();
  ASSERT_TRUE(never.ok());
  EXPECT_TRUE(never->Block(stream()).ok());
  EXPECT_TRUE(never->Wait().ok());
  Wait();
}

TEST_F(DeviceTest, TheHostWaitsForAnEvent) {
  const absl::StatusOr<StreamEvent> copied = StreamEvent::Make();
  ASSERT_TRUE(copied.ok());
  const DeviceArray<float> array = Upload<float>({3});
  PinnedArray<float> target = Pinned({0});
  ASSERT_TRUE(CopyAsync(stream(), target.data(), array.data(), 1).ok());
  ASSERT_TRUE(copied->Record(stream()).ok());
  ASSERT_TRUE(copied->Wait().ok());
  EXPECT_EQ(target[0], 3);
}

// Work that waits on an event is held up by the newest record at that time, not by later ones.
TEST_F(DeviceTest, AnEventMayBeRecordedAgain) {
  const absl::StatusOr<Stream> other = Stream::Make();
  const absl::StatusOr<StreamEvent> event = StreamEvent::Make();
  ASSERT_TRUE(other.ok() && event.ok());
  ASSERT_TRUE(event->Record(stream()).ok());
  ASSERT_TRUE(event->Block(other->view()).ok());
  ASSERT_TRUE(event->Record(other->view()).ok());  // would else wait for itself
  ASSERT_TRUE(event->Block(stream()).ok());
  Wait();
  EXPECT_TRUE(other->Wait().ok());
}

TEST_F(DeviceTest, AGraphRunsWhenItIsLaunchedAndAsOftenAsItIs) {
  PinnedArray<float> source = Pinned({1, 2});
  DeviceArray<float> array = Upload<float>({0, 0});
  const absl::StatusOr<Graph> graph = Graph::Capture(stream(), [&](StreamView on) {
    RETURN_IF_ERROR(ZeroAsync(on, array.data(), 2));
    return CopyAsync(on, array.data() + 1, source.data(), 1);
  });
  ASSERT_TRUE(graph.ok()) << graph.status();
  source[0] = 5;
  Overwrite(array, {3, 4});
  EXPECT_EQ(Download(array), (Floats{3, 4}));
  for (float value = 6; value < 9; ++value) {
    source[0] = value;
    ASSERT_TRUE(graph->Launch(stream()).ok());
    EXPECT_EQ(Download(array), (Floats{0, value}));
  }
}

TEST_F(DeviceTest, AReplayRunsEveryTimeAndIsCapturedTheSecond) {
  PinnedArray<float> source = Pinned({0});
  DeviceArray<float> array = Upload<float>({0});
  Replay replay;
  std::vector<cudaStreamCaptureStatus> states;
  for (float value = 1; value < 6; ++value) {
    source[0] = value;
    const absl::Status ran = replay.Run(stream(), [&](StreamView on) {
      RETURN_IF_CUDA_ERROR(cudaStreamIsCapturing(on.get(), &states.emplace_back()));
      return CopyAsync(on, array.data(), source.data(), 1);
    });
    ASSERT_TRUE(ran.ok()) << ran;
    EXPECT_EQ(Download(array), Floats{value});
  }
  EXPECT_EQ(states, (std::vector{cudaStreamCaptureStatusNone, cudaStreamCaptureStatusActive}));
}

TEST_F(DeviceTest, ACaptureThatFailsLeavesTheStreamAsItWas) {
  const absl::Status own = absl::InvalidArgumentError("no");
  EXPECT_EQ(Graph::Capture(stream(), [&](StreamView) { return own; }).status(), own);
  EXPECT_EQ(Download(Upload<float>({1})), Floats{1});

  // What a capture must not do.
  EXPECT_EQ(
      Graph::Capture(stream(), [](StreamView) { return DeviceArray<float>::Make(1).status(); })
          .status()
          .code(),
      absl::StatusCode::kInternal);
  EXPECT_EQ(Graph::Capture(stream(),
                           [](StreamView on) {
                             RETURN_IF_CUDA_ERROR(cudaStreamSynchronize(on.get()));
                             return absl::OkStatus();
                           })
                .status()
                .code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(Download(Upload<float>({2})), Floats{2});
}

TEST_F(DeviceTest, OtherThreadsMayAllocateDuringACapture) {
  std::optional<absl::Status> elsewhere;
  const absl::StatusOr<Graph> graph = Graph::Capture(stream(), [&](StreamView) {
    std::thread other([&] { elsewhere = DeviceArray<float>::Make(100).status(); });
    other.join();
    return absl::OkStatus();
  });
  EXPECT_TRUE(graph.ok()) << graph.status();
  EXPECT_TRUE(elsewhere->ok()) << *elsewhere;
}

}  // namespace
}  // namespace rubato
