#include "tests/cuda_emulator/cublas_lt_product.h"

#include <cuda_bf16.h>

#include <bit>
#include <cstring>
#include <vector>

namespace rubato::emulator {
namespace {

// Column-major and packed.
struct Packed {
  Packed(uint64_t row_count, uint64_t col_count)
      : rows(row_count), cols(col_count), values(row_count * col_count) {}
  float& at(uint64_t i, uint64_t j) { return values[i + j * rows]; }
  float at(uint64_t i, uint64_t j) const { return values[i + j * rows]; }

  uint64_t rows;
  uint64_t cols;
  std::vector<float> values;
};

float Load(const void* from, int32_t type, uint64_t index) {
  if (type == CUDA_R_32F) return static_cast<const float*>(from)[index];
  return static_cast<const __nv_bfloat16*>(from)[index];
}

void Store(void* to, int32_t type, uint64_t index, float value) {
  if (type == CUDA_R_32F) {
    static_cast<float*>(to)[index] = value;
  } else {
    static_cast<__nv_bfloat16*>(to)[index] = value;
  }
}

// As an element of D holds it.
float Rounded(int32_t type, float value) {
  return type == CUDA_R_32F ? value : float{__nv_bfloat16(value)};
}

// Of the 23 bits behind the point tensor cores take 10; that a product's kernel rounds before is
// not promised, so they are cut off.
float Tf32(float value) { return std::bit_cast<float>(std::bit_cast<uint32_t>(value) & ~0x1fffu); }

// What is multiplied: op(memory), in the precision that the recipe asks for.
Packed Read(const Recipe& recipe, const Layout& layout, const void* memory, int32_t transpose) {
  const bool swap = transpose != CUBLAS_OP_N;
  Packed matrix(swap ? layout.cols : layout.rows, swap ? layout.rows : layout.cols);
  const bool tf32 = recipe.compute == CUBLAS_COMPUTE_32F_FAST_TF32 && layout.type == CUDA_R_32F;
  for (uint64_t col = 0; col < layout.cols; ++col) {
    for (uint64_t row = 0; row < layout.rows; ++row) {
      float value = Load(memory, layout.type, row + col * static_cast<uint64_t>(layout.ld));
      if (tf32) value = Tf32(value);
      (swap ? matrix.at(col, row) : matrix.at(row, col)) = value;
    }
  }
  return matrix;
}

// One term after the other: cublasLt promises the same bits for the same call, which OpenBLAS does
// not on every processor (some of its kernels look at where a matrix begins).
Packed ProductOf(const Packed& a, const Packed& b) {
  Packed sum(a.rows, b.cols);
  for (uint64_t j = 0; j < b.cols; ++j) {
    for (uint64_t k = 0; k < a.cols; ++k) {
      const float factor = b.at(k, j);
      for (uint64_t i = 0; i < a.rows; ++i) sum.at(i, j) += a.at(i, k) * factor;
    }
  }
  return sum;
}

struct Bit {
  unsigned char& byte;
  unsigned char mask;
};
Bit MaskBit(const Recipe& recipe, uint64_t i, uint64_t j) {
  const uint64_t bit = i + j * static_cast<uint64_t>(recipe.aux_ld);
  return {static_cast<unsigned char*>(recipe.aux)[bit / 8],
          static_cast<unsigned char>(1u << bit % 8)};
}

// One element of the sum becomes one of D. ReLU of NaN is 0, as with cuBLASLt.
float Finish(const Product& product, float sum, uint64_t i, uint64_t j) {
  const Recipe& recipe = product.recipe;
  float value = product.alpha * sum;
  if (product.beta != 0) {
    value += product.beta * Load(product.c, product.c_layout.type,
                                 i + j * static_cast<uint64_t>(product.c_layout.ld));
  }
  if (HasBias(recipe.epilogue) && product.bias_rounding.comes_first) {
    value = Rounded(product.d_layout.type, value);
  }
  if (HasBias(recipe.epilogue)) value += Load(recipe.bias, product.d_layout.type, i);
  if ((recipe.epilogue & CUBLASLT_EPILOGUE_RELU) != 0) {
    if (HasMask(recipe.epilogue)) {
      const Bit bit = MaskBit(recipe, i, j);
      const bool set = value > 0 || (value == 0 && product.bias_rounding.zero_is_positive);
      bit.byte = static_cast<unsigned char>(set ? bit.byte | bit.mask : bit.byte & ~bit.mask);
    }
    return value > 0 ? value : 0;
  }
  if ((recipe.epilogue & CUBLASLT_EPILOGUE_DRELU) == CUBLASLT_EPILOGUE_DRELU) {
    const Bit bit = MaskBit(recipe, i, j);
    return (bit.byte & bit.mask) != 0 ? value : 0;
  }
  return value;
}

// Sums of the rows, or of the columns.
std::vector<float> RowSums(const Packed& matrix) {
  std::vector<float> sums(matrix.rows);
  for (uint64_t j = 0; j < matrix.cols; ++j) {
    for (uint64_t i = 0; i < matrix.rows; ++i) sums[i] += matrix.at(i, j);
  }
  return sums;
}
std::vector<float> ColumnSums(const Packed& matrix) {
  std::vector<float> sums(matrix.cols);
  for (uint64_t j = 0; j < matrix.cols; ++j) {
    for (uint64_t i = 0; i < matrix.rows; ++i) sums[j] += matrix.at(i, j);
  }
  return sums;
}

}  // namespace

bool HasBias(uint32_t epilogue) { return (epilogue & CUBLASLT_EPILOGUE_BIAS) != 0; }
bool HasMask(uint32_t epilogue) { return (epilogue & 128) != 0; }
bool HasGradient(uint32_t epilogue) {
  return epilogue == CUBLASLT_EPILOGUE_DRELU_BGRAD || epilogue == CUBLASLT_EPILOGUE_BGRADA ||
         epilogue == CUBLASLT_EPILOGUE_BGRADB;
}
uint64_t BiasSize(const Product& product) {
  return product.recipe.epilogue == CUBLASLT_EPILOGUE_BGRADB ? product.n() : product.m();
}
size_t BytesOfElement(int32_t type) { return type == CUDA_R_32F ? 4 : 2; }
size_t BytesOf(const Layout& layout) {
  return ((layout.cols - 1) * static_cast<uint64_t>(layout.ld) + layout.rows) *
         BytesOfElement(layout.type);
}

void Compute(const Product& product) {
  const Recipe& recipe = product.recipe;
  const Packed a = Read(recipe, product.a_layout, product.a, recipe.transpose_a);
  const Packed b = Read(recipe, product.b_layout, product.b, recipe.transpose_b);
  Packed d = ProductOf(a, b);
  const auto ld = static_cast<uint64_t>(product.d_layout.ld);
  for (uint64_t j = 0; j < d.cols; ++j) {
    for (uint64_t i = 0; i < d.rows; ++i) {
      d.at(i, j) = Finish(product, d.at(i, j), i, j);
      Store(product.d, product.d_layout.type, i + j * ld, d.at(i, j));
    }
  }
  if (!HasGradient(recipe.epilogue)) return;
  const std::vector<float> sums = recipe.epilogue == CUBLASLT_EPILOGUE_BGRADA   ? RowSums(a)
                                  : recipe.epilogue == CUBLASLT_EPILOGUE_BGRADB ? ColumnSums(b)
                                                                                : RowSums(d);
  for (uint64_t i = 0; i < sums.size(); ++i) {
    Store(recipe.bias, product.d_layout.type, i, sums[i]);
  }
}

}  // namespace rubato::emulator
