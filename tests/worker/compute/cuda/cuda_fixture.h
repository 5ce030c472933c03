// A test of the CUDA backend: skipped where there is no device, with a stream of its own, and with
// copies between vectors and device memory that wait until they are done.
//
// The tests of this folder run twice: on a GPU, and on the CPU emulator of tests/cuda_emulator.
#pragma once

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "worker/compute/cuda/device/device_memory.h"
#include "worker/compute/cuda/device/stream.h"

namespace rubato {

class CudaTest : public testing::Test {
 protected:
  void SetUp() override {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
      static_cast<void>(cudaGetLastError());
      GTEST_SKIP() << "no CUDA device here: run it where there is one";
    }
    absl::StatusOr<Stream> stream = Stream::Make();
    ASSERT_TRUE(stream.ok()) << stream.status();
    stream_.emplace(*std::move(stream));
  }

  StreamView stream() { return stream_->view(); }
  void Wait() {
    const absl::Status status = stream_->Wait();
    ASSERT_TRUE(status.ok()) << status;
  }

  // Elements as they come, from the emulator NaN.
  template <class T>
  DeviceArray<T> Unwritten(size_t size) {
    absl::StatusOr<DeviceArray<T>> array = DeviceArray<T>::Make(size);
    EXPECT_TRUE(array.ok()) << array.status();
    return array.ok() ? *std::move(array) : DeviceArray<T>();
  }

  template <class T>
  DeviceArray<T> Upload(const std::vector<T>& values) {
    DeviceArray<T> array = Unwritten<T>(values.size());
    Overwrite(array, values);
    return array;
  }

  template <class T>
  void Overwrite(DeviceArray<T>& array, const std::vector<T>& values) {
    ASSERT_EQ(array.size(), values.size());
    absl::StatusOr<PinnedArray<T>> staged = PinnedArray<T>::Make(values.size());
    ASSERT_TRUE(staged.ok()) << staged.status();
    std::copy(values.begin(), values.end(), staged->data());
    const absl::Status status = CopyAsync(stream(), array.data(), staged->data(), values.size());
    ASSERT_TRUE(status.ok()) << status;
    Wait();
  }

  // After all that was put on the stream so far.
  template <class T>
  std::vector<T> Download(const T* memory, size_t size) {
    absl::StatusOr<PinnedArray<T>> staged = PinnedArray<T>::Make(size);
    EXPECT_TRUE(staged.ok()) << staged.status();
    if (!staged.ok()) return {};
    const absl::Status status = CopyAsync(stream(), staged->data(), memory, size);
    EXPECT_TRUE(status.ok()) << status;
    Wait();
    return std::vector<T>(staged->data(), staged->data() + size);
  }
  template <class T>
  std::vector<T> Download(const DeviceArray<T>& array) {
    return Download(array.data(), array.size());
  }

 private:
  std::optional<Stream> stream_;
};

}  // namespace rubato
