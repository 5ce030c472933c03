// The emulator's cuBLASLt and CUB against small examples by hand, and against what their
// documentation refuses.
#include <cublasLt.h>
#include <cuda_bf16.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cub/cub.cuh>
#include <limits>
#include <vector>

#include "tests/cuda_emulator/emulator.h"
#include "tests/worker/compute/cuda/cuda_fixture.h"

namespace rubato {
namespace {

using Floats = std::vector<float>;

// A product of a 2 x 3 matrix A and a 3 x 2 matrix B, both packed and column-major:
//   A = | 1 2 -1 |   B = | 1 -2 |   A B = |  1 -5 |
//       | 0 1  2 |       | 1 -1 |         |  5  1 |
//                        | 2  1 |
const Floats kA = {1, 0, 2, 1, -1, 2};
const Floats kB = {1, 1, 2, -2, -1, 1};

class CublasLtTest : public CudaTest {
 protected:
  struct Shape {
    uint64_t rows;
    uint64_t cols;
    int64_t ld;
    cudaDataType type = CUDA_R_32F;
  };
  struct Call {
    cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
    Shape a = {2, 3, 2};
    Shape b = {3, 2, 3};
    Shape d = {2, 2, 2};
    cublasOperation_t transpose_a = CUBLAS_OP_N;
    cublasOperation_t transpose_b = CUBLAS_OP_N;
    cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    void* bias = nullptr;
    void* aux = nullptr;
    int64_t aux_ld = 0;
    float alpha = 1;
    float beta = 0;
    const void* c = nullptr;
  };

  void SetUp() override {
    CudaTest::SetUp();
    ASSERT_EQ(cublasLtCreate(&handle_), CUBLAS_STATUS_SUCCESS);
  }
  void TearDown() override {
    if (handle_ != nullptr) cublasLtDestroy(handle_);
    emulator::SetFusedEpilogues(emulator::FusedEpilogues::kOffered);
  }

  struct Described {
    cublasLtMatmulDescOpaque_t desc;
    cublasLtMatrixLayoutOpaque_t a;
    cublasLtMatrixLayoutOpaque_t b;
    cublasLtMatrixLayoutOpaque_t d;
  };
  static Described Describe(const Call& call) {
    Described all;
    const auto layout = [](cublasLtMatrixLayout_t to, const Shape& shape) {
      EXPECT_EQ(cublasLtMatrixLayoutInit(to, shape.type, shape.rows, shape.cols, shape.ld),
                CUBLAS_STATUS_SUCCESS);
    };
    layout(&all.a, call.a);
    layout(&all.b, call.b);
    layout(&all.d, call.d);
    EXPECT_EQ(cublasLtMatmulDescInit(&all.desc, call.compute, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
    const auto set = [&](cublasLtMatmulDescAttributes_t attribute, const auto& value) {
      EXPECT_EQ(cublasLtMatmulDescSetAttribute(&all.desc, attribute, &value, sizeof(value)),
                CUBLAS_STATUS_SUCCESS);
    };
    set(CUBLASLT_MATMUL_DESC_TRANSA, call.transpose_a);
    set(CUBLASLT_MATMUL_DESC_TRANSB, call.transpose_b);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, call.epilogue);
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, call.bias);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, call.aux);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, call.aux_ld);
    return all;
  }

  cublasStatus_t Multiply(const Call& call, const void* a, const void* b, void* d) {
    Described all = Describe(call);
    return cublasLtMatmul(handle_, &all.desc, &call.alpha, a, &all.a, b, &all.b, &call.beta, call.c,
                          &all.d, d, &all.d, nullptr, nullptr, 0, stream().get());
  }
  // The 2 x 2 result, column-major.
  Floats Result(const Call& call) {
    const DeviceArray<float> a = Upload(kA);
    const DeviceArray<float> b = Upload(kB);
    DeviceArray<float> d = Unwritten<float>(4);
    EXPECT_EQ(Multiply(call, a.data(), b.data(), d.data()), CUBLAS_STATUS_SUCCESS);
    return Download(d);
  }

  cublasStatus_t Find(const Call& call, cublasLtMatmulHeuristicResult_t* result = nullptr) {
    Described all = Describe(call);
    cublasLtMatmulPreferenceOpaque_t preference;
    EXPECT_EQ(cublasLtMatmulPreferenceInit(&preference), CUBLAS_STATUS_SUCCESS);
    cublasLtMatmulHeuristicResult_t unused;
    int found = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        handle_, &all.desc, &all.a, &all.b, &all.d, &all.d, &preference, 1,
        result == nullptr ? &unused : result, &found);
    EXPECT_EQ(found, status == CUBLAS_STATUS_SUCCESS ? 1 : 0);
    return status;
  }

  cublasLtHandle_t handle_ = nullptr;
};

TEST_F(CublasLtTest, ProductsAndTheirScales) {
  EXPECT_EQ(Result({}), (Floats{1, 5, -5, 1}));
  const DeviceArray<float> c = Upload<float>({1, 2, 3, 4});
  EXPECT_EQ(Result({.alpha = 2, .beta = -1, .c = c.data()}), (Floats{1, 8, -13, -2}));
  // beta 0: what C holds does not matter.
  const DeviceArray<float> unwritten = Unwritten<float>(4);
  EXPECT_EQ(Result({.c = unwritten.data()}), (Floats{1, 5, -5, 1}));
}

TEST_F(CublasLtTest, TransposedAndStridedOperands) {
  // The same matrices, by rows, so that they are transposed; leading dimensions with a gap.
  const float gap = std::numeric_limits<float>::quiet_NaN();
  const DeviceArray<float> a = Upload<float>({1, 2, -1, gap, 0, 1, 2});
  const DeviceArray<float> b = Upload<float>({1, -2, gap, gap, 1, -1, gap, gap, 2, 1});
  DeviceArray<float> d = Upload<float>({7, 7, 7, 7, 7});
  ASSERT_EQ(Multiply({.a = {3, 2, 4},
                      .b = {2, 3, 4},
                      .d = {2, 2, 3},
                      .transpose_a = CUBLAS_OP_T,
                      .transpose_b = CUBLAS_OP_T},
                     a.data(), b.data(), d.data()),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(Download(d), (Floats{1, 5, 7, -5, 1}));
}

TEST_F(CublasLtTest, BiasAndReluAndItsMask) {
  DeviceArray<float> bias = Upload<float>({2, -6});
  EXPECT_EQ(Result({.epilogue = CUBLASLT_EPILOGUE_BIAS, .bias = bias.data()}),
            (Floats{3, -1, -3, -5}));
  EXPECT_EQ(Result({.epilogue = CUBLASLT_EPILOGUE_RELU}), (Floats{1, 5, 0, 1}));
  EXPECT_EQ(Result({.epilogue = CUBLASLT_EPILOGUE_RELU_BIAS, .bias = bias.data()}),
            (Floats{3, 0, 0, 0}));
  DeviceArray<uint32_t> mask = Upload<uint32_t>(std::vector<uint32_t>(8, 0));
  EXPECT_EQ(Result({.epilogue = CUBLASLT_EPILOGUE_RELU_AUX, .aux = mask.data(), .aux_ld = 128}),
            (Floats{1, 5, 0, 1}));
  // Bit i of column j is bit 128 j + i.
  EXPECT_EQ(Download(mask), (std::vector<uint32_t>{0b11, 0, 0, 0, 0b10, 0, 0, 0}));
  EXPECT_EQ(Result({.epilogue = CUBLASLT_EPILOGUE_RELU_AUX_BIAS,
                    .bias = bias.data(),
                    .aux = mask.data(),
                    .aux_ld = 128}),
            (Floats{3, 0, 0, 0}));
  EXPECT_EQ(Download(mask), (std::vector<uint32_t>{0b01, 0, 0, 0, 0, 0, 0, 0}));
}

TEST_F(CublasLtTest, GradientsOfReluAndBias) {
  DeviceArray<uint32_t> mask = Upload<uint32_t>({0b01, 0, 0, 0, 0b11, 0, 0, 0});
  EXPECT_EQ(Result({.epilogue = CUBLASLT_EPILOGUE_DRELU, .aux = mask.data(), .aux_ld = 128}),
            (Floats{1, 0, -5, 1}));
  DeviceArray<float> sums = Unwritten<float>(2);
  // Of the rows of D, of A, and of the columns of B.
  EXPECT_EQ(Result({.epilogue = CUBLASLT_EPILOGUE_DRELU_BGRAD,
                    .bias = sums.data(),
                    .aux = mask.data(),
                    .aux_ld = 128}),
            (Floats{1, 0, -5, 1}));
  EXPECT_EQ(Download(sums), (Floats{-4, 1}));
  EXPECT_EQ(Result({.epilogue = CUBLASLT_EPILOGUE_BGRADA, .bias = sums.data()}),
            (Floats{1, 5, -5, 1}));
  EXPECT_EQ(Download(sums), (Floats{2, 3}));
  EXPECT_EQ(Result({.epilogue = CUBLASLT_EPILOGUE_BGRADB, .bias = sums.data()}),
            (Floats{1, 5, -5, 1}));
  EXPECT_EQ(Download(sums), (Floats{4, -2}));
}

TEST_F(CublasLtTest, PrecisionIsThatOfTheTypes) {
  const DeviceArray<float> a = Upload<float>({1 + 0x1p-10f + 0x1p-11f});
  const DeviceArray<float> one = Upload<float>({1});
  DeviceArray<float> d = Unwritten<float>(1);
  const Shape single = {1, 1, 1};
  Call call = {.a = single, .b = single, .d = single};
  ASSERT_EQ(Multiply(call, a.data(), one.data(), d.data()), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(Download(d)[0], 1 + 0x1p-10f + 0x1p-11f);
  call.compute = CUBLAS_COMPUTE_32F_FAST_TF32;
  ASSERT_EQ(Multiply(call, a.data(), one.data(), d.data()), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(Download(d)[0], 1 + 0x1p-10f);

  // 1 + 2^-7 is the bfloat16 behind 1; the square has 14 bits behind the point.
  DeviceArray<__nv_bfloat16> narrow = Upload<__nv_bfloat16>({1 + 0x1p-7f});
  DeviceArray<__nv_bfloat16> rounded = Unwritten<__nv_bfloat16>(1);
  const Shape bf16 = {1, 1, 1, CUDA_R_16BF};
  ASSERT_EQ(Multiply({.a = bf16, .b = bf16, .d = single}, narrow.data(), narrow.data(), d.data()),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(Download(d)[0], 1 + 0x1p-6f + 0x1p-14f);
  ASSERT_EQ(
      Multiply({.a = bf16, .b = bf16, .d = bf16}, narrow.data(), narrow.data(), rounded.data()),
      CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(float{Download(rounded)[0]}, 1 + 0x1p-6f);
}

TEST_F(CublasLtTest, WhatIsRefused) {
  EXPECT_EQ(Find({}), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(Find({.a = {2, 4, 2}}), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(Find({.a = {2, 3, 1}}), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(Find({.d = {2, 2, 2, CUDA_R_16BF}}), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(Find({.a = {2, 3, 2, CUDA_R_16BF}}), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(Find({.epilogue = CUBLASLT_EPILOGUE_RELU_AUX, .aux_ld = 64}),
            CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(Find({.epilogue = CUBLASLT_EPILOGUE_RELU_AUX, .aux_ld = 128}), CUBLAS_STATUS_SUCCESS);
  emulator::SetFusedEpilogues(emulator::FusedEpilogues::kRefused);
  EXPECT_EQ(Find({.epilogue = CUBLASLT_EPILOGUE_RELU}), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(Find({}), CUBLAS_STATUS_SUCCESS);
}

// Chosen for the default alignment of 256 bytes.
TEST_F(CublasLtTest, AnAlgorithmIsForWhatItWasChosenFor) {
  cublasLtMatmulHeuristicResult_t result;
  ASSERT_EQ(Find({}, &result), CUBLAS_STATUS_SUCCESS);
  const DeviceArray<float> a = Upload(Floats(100, 1));
  DeviceArray<float> d = Unwritten<float>(4);
  Described all = Describe({});
  const float alpha = 1;
  const float beta = 0;
  const auto multiply = [&](const float* from) {
    return cublasLtMatmul(handle_, &all.desc, &alpha, from, &all.a, a.data(), &all.b, &beta,
                          nullptr, &all.d, d.data(), &all.d, &result.algo, nullptr, 0,
                          stream().get());
  };
  EXPECT_EQ(multiply(a.data() + 64), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(multiply(a.data() + 4), CUBLAS_STATUS_INVALID_VALUE);
}

class CubTest : public CudaTest {
 protected:
  // Calls twice: for the size of the temporary storage, and with it.
  template <class Call>
  void Run(const Call& call) {
    size_t bytes = 0;
    ASSERT_EQ(call(nullptr, bytes), cudaSuccess);
    DeviceArray<std::byte> storage = Unwritten<std::byte>(bytes);
    size_t less = bytes - 1;
    EXPECT_EQ(call(storage.data(), less), cudaErrorInvalidValue);
    ASSERT_EQ(call(storage.data(), bytes), cudaSuccess);
    Wait();
  }
};

TEST_F(CubTest, SortsAreStableAndByTheBitsAskedFor) {
  const DeviceArray<uint64_t> keys = Upload<uint64_t>({0x21, 0x13, 0x11, 0x23, ~uint64_t{0}});
  const DeviceArray<uint32_t> values = Upload<uint32_t>({0, 1, 2, 3, 4});
  DeviceArray<uint64_t> sorted = Unwritten<uint64_t>(5);
  DeviceArray<uint32_t> order = Unwritten<uint32_t>(5);
  const auto sort = [&](int begin_bit, int end_bit) {
    Run([&](void* storage, size_t& bytes) {
      return cub::DeviceRadixSort::SortPairs(storage, bytes, keys.data(), sorted.data(),
                                             values.data(), order.data(), 5, begin_bit, end_bit,
                                             stream().get());
    });
    return Download(order);
  };
  EXPECT_EQ(sort(0, 64), (std::vector<uint32_t>{2, 1, 0, 3, 4}));
  EXPECT_EQ(Download(sorted), (std::vector<uint64_t>{0x11, 0x13, 0x21, 0x23, ~uint64_t{0}}));
  EXPECT_EQ(sort(4, 8), (std::vector<uint32_t>{1, 2, 0, 3, 4}));
  EXPECT_EQ(sort(0, 4), (std::vector<uint32_t>{0, 2, 1, 3, 4}));
}

TEST_F(CubTest, ScansAndSums) {
  DeviceArray<uint32_t> values = Upload<uint32_t>({3, 0, 4, 1});
  DeviceArray<uint32_t> sums = Unwritten<uint32_t>(4);
  Run([&](void* storage, size_t& bytes) {
    return cub::DeviceScan::ExclusiveSum(storage, bytes, values.data(), sums.data(), 4,
                                         stream().get());
  });
  EXPECT_EQ(Download(sums), (std::vector<uint32_t>{0, 3, 3, 7}));
  Run([&](void* storage, size_t& bytes) {
    return cub::DeviceReduce::Sum(storage, bytes, values.data(), sums.data(), 4, stream().get());
  });
  EXPECT_EQ(Download(sums)[0], 8u);
  Run([&](void* storage, size_t& bytes) {
    return cub::DeviceScan::InclusiveSum(storage, bytes, values.data(), values.data(), 4,
                                         stream().get());
  });
  EXPECT_EQ(Download(values), (std::vector<uint32_t>{3, 3, 7, 8}));
}

}  // namespace
}  // namespace rubato
