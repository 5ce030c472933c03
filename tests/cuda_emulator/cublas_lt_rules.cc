#include "tests/cuda_emulator/cublas_lt_rules.h"

#include <algorithm>
#include <iterator>

#include "tests/cuda_emulator/api.h"

namespace rubato::emulator {
namespace {

bool IsAligned(const void* memory, uint64_t bytes) {
  return reinterpret_cast<uintptr_t>(memory) % bytes == 0;
}

bool IsPossible(const Layout& layout) {
  return layout.rows > 0 && layout.cols > 0 && layout.ld >= 0 &&
         static_cast<uint64_t>(layout.ld) >= layout.rows;
}

// Shapes that do not fit are a wrong call, whatever the device.
bool ShapesFit(const Product& product) {
  const Recipe& recipe = product.recipe;
  const bool swap_a = recipe.transpose_a != CUBLAS_OP_N;
  const bool swap_b = recipe.transpose_b != CUBLAS_OP_N;
  const Layout& a = product.a_layout;
  const Layout& b = product.b_layout;
  for (const Layout* layout : {&a, &b, &product.c_layout, &product.d_layout}) {
    if (!IsPossible(*layout)) return false;
  }
  return (swap_a ? a.cols : a.rows) == product.m() && (swap_b ? b.rows : b.cols) == product.n() &&
         (swap_b ? b.cols : b.rows) == product.k() && product.c_layout.rows == product.m() &&
         product.c_layout.cols == product.n();
}

// The documentation's table of types, as far as float and bfloat16 go.
bool TypesAreOffered(const Product& product) {
  const int32_t in = product.a_layout.type;
  const int32_t out = product.d_layout.type;
  const Recipe& recipe = product.recipe;
  if (product.b_layout.type != in || product.c_layout.type != out) return false;
  if (recipe.scale != CUDA_R_32F) return false;
  if (recipe.bias_type != -1 && recipe.bias_type != out) return false;
  switch (recipe.compute) {
    case CUBLAS_COMPUTE_32F:
    case CUBLAS_COMPUTE_32F_PEDANTIC:
      return (in == CUDA_R_32F && out == CUDA_R_32F) ||
             (in == CUDA_R_16BF && (out == CUDA_R_16BF || out == CUDA_R_32F));
    case CUBLAS_COMPUTE_32F_FAST_TF32:
      return in == CUDA_R_32F && out == CUDA_R_32F;
    default:
      return false;
  }
}

bool IsEpilogue(uint32_t epilogue) {
  static constexpr uint32_t kEpilogues[] = {
      CUBLASLT_EPILOGUE_DEFAULT, CUBLASLT_EPILOGUE_RELU,        CUBLASLT_EPILOGUE_RELU_AUX,
      CUBLASLT_EPILOGUE_BIAS,    CUBLASLT_EPILOGUE_RELU_BIAS,   CUBLASLT_EPILOGUE_RELU_AUX_BIAS,
      CUBLASLT_EPILOGUE_DRELU,   CUBLASLT_EPILOGUE_DRELU_BGRAD, CUBLASLT_EPILOGUE_BGRADA,
      CUBLASLT_EPILOGUE_BGRADB};
  return std::find(std::begin(kEpilogues), std::end(kEpilogues), epilogue) != std::end(kEpilogues);
}

bool EpilogueIsOffered(const Product& product, FusedEpilogues offered) {
  const Recipe& recipe = product.recipe;
  if (!IsEpilogue(recipe.epilogue)) return false;
  if (recipe.epilogue == CUBLASLT_EPILOGUE_DEFAULT) return true;
  if (offered == FusedEpilogues::kRefused) return false;
  if (!HasMask(recipe.epilogue)) return true;
  return recipe.aux_ld > 0 && recipe.aux_ld % 128 == 0 &&
         static_cast<uint64_t>(recipe.aux_ld) >= product.m();
}

}  // namespace

cublasStatus_t Judge(const Product& product, FusedEpilogues offered) {
  if (!ShapesFit(product)) return CUBLAS_STATUS_INVALID_VALUE;
  const Recipe& recipe = product.recipe;
  for (const Layout* layout :
       {&product.a_layout, &product.b_layout, &product.c_layout, &product.d_layout}) {
    if (layout->order != CUBLASLT_ORDER_COL || layout->batch != 1) {
      return CUBLAS_STATUS_NOT_SUPPORTED;  // by the emulator
    }
  }
  if (recipe.pointer_mode != CUBLASLT_POINTER_MODE_HOST) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (recipe.epilogue != CUBLASLT_EPILOGUE_DEFAULT && offered == FusedEpilogues::kInvalid) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  return TypesAreOffered(product) && EpilogueIsOffered(product, offered)
             ? CUBLAS_STATUS_SUCCESS
             : CUBLAS_STATUS_NOT_SUPPORTED;
}

bool Runs(const Algorithm& algorithm, FusedEpilogues offered) {
  if (algorithm.epilogue == CUBLASLT_EPILOGUE_DEFAULT) return true;
  return offered != FusedEpilogues::kFail &&
         (offered != FusedEpilogues::kFirstFails || algorithm.number > 0);
}

bool PointersFit(const Product& product, const Algorithm& algorithm) {
  const Recipe& recipe = product.recipe;
  const void* const pointers[] = {product.a, product.b, product.c, product.d};
  for (int i = 0; i < 4; ++i) {
    const bool read = i != 2 || product.beta != 0;
    if (read && (pointers[i] == nullptr || !IsAligned(pointers[i], algorithm.alignments[i]))) {
      return false;
    }
  }
  if (product.beta != 0 && product.c == product.d && product.c_layout != product.d_layout) {
    return false;
  }
  if ((HasBias(recipe.epilogue) || HasGradient(recipe.epilogue)) && recipe.bias == nullptr) {
    return false;
  }
  return !HasMask(recipe.epilogue) || (recipe.aux != nullptr && IsAligned(recipe.aux, 16));
}

void CheckMemory(const Product& product) {
  const Recipe& recipe = product.recipe;
  CheckAccess("cuBLASLt: A", product.a, BytesOf(product.a_layout));
  CheckAccess("cuBLASLt: B", product.b, BytesOf(product.b_layout));
  if (product.beta != 0) CheckAccess("cuBLASLt: C", product.c, BytesOf(product.c_layout));
  CheckAccess("cuBLASLt: D", product.d, BytesOf(product.d_layout));
  if (HasBias(recipe.epilogue) || HasGradient(recipe.epilogue)) {
    CheckAccess("cuBLASLt: bias", recipe.bias,
                BiasSize(product) * BytesOfElement(product.d_layout.type));
  }
  if (HasMask(recipe.epilogue)) {
    CheckAccess("cuBLASLt: mask", recipe.aux,
                product.n() * static_cast<uint64_t>(recipe.aux_ld) / 8);
  }
}

}  // namespace rubato::emulator
