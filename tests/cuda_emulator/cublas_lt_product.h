// What a call of cublasLtMatmul asks for, and its computation.
#pragma once

#include <cublasLt.h>

#include <cstddef>
#include <cstdint>

namespace rubato::emulator {

// Contents of the opaque structures.
struct Layout {
  uint64_t rows = 0;
  uint64_t cols = 0;
  int64_t ld = 0;
  int32_t type = CUDA_R_32F;
  int32_t order = CUBLASLT_ORDER_COL;
  int32_t batch = 1;
  friend bool operator==(const Layout&, const Layout&) = default;
};
struct Recipe {
  void* bias = nullptr;  // read, or written by ..BGRAD..
  void* aux = nullptr;   // bit i + j * aux_ld is of element (i, j)
  int64_t aux_ld = 0;    // bits
  int32_t compute = CUBLAS_COMPUTE_32F;
  int32_t scale = CUDA_R_32F;
  int32_t pointer_mode = CUBLASLT_POINTER_MODE_HOST;
  int32_t transpose_a = CUBLAS_OP_N;
  int32_t transpose_b = CUBLAS_OP_N;
  uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  int32_t bias_type = -1;  // that of D
};

// What is not documented of a product with bias, relu and mask. Both are so on an H200.
struct BiasRounding {
  bool zero_is_positive = false;  // the mask's bit of an element that is exactly 0
  bool comes_first = false;       // the product becomes an element of D before the bias is added
};

// D = epilogue(alpha * op(A) * op(B) + beta * C), with m rows, n columns and k products each.
struct Product {
  Recipe recipe;
  Layout a_layout;
  Layout b_layout;
  Layout c_layout;
  Layout d_layout;
  const void* a = nullptr;
  const void* b = nullptr;
  const void* c = nullptr;
  void* d = nullptr;
  float alpha = 1;
  float beta = 0;
  BiasRounding bias_rounding{};

  uint64_t m() const { return d_layout.rows; }
  uint64_t n() const { return d_layout.cols; }
  uint64_t k() const { return recipe.transpose_a == CUBLAS_OP_N ? a_layout.cols : a_layout.rows; }
};

bool HasBias(uint32_t epilogue);      // reads a bias of m elements
bool HasMask(uint32_t epilogue);      // reads or writes aux
bool HasGradient(uint32_t epilogue);  // writes a bias gradient
uint64_t BiasSize(const Product& product);
size_t BytesOfElement(int32_t type);
size_t BytesOf(const Layout& layout);

void Compute(const Product& product);

}  // namespace rubato::emulator
