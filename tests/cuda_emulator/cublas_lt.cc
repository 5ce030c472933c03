// The calls of cuBLASLt: descriptions, and the way of a product onto a stream.
#include <cublasLt.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "common/base/mutex.h"
#include "tests/cuda_emulator/api.h"
#include "tests/cuda_emulator/cublas_lt_product.h"
#include "tests/cuda_emulator/cublas_lt_rules.h"
#include "tests/cuda_emulator/device.h"

struct cublasLtHandleOpaque_t {};

namespace rubato::emulator {
namespace {

struct Preference {
  uint64_t workspace_bytes = 0;
  uint32_t search_mode = 0;
  uint32_t reductions = ~0u;
  uint32_t alignments[4] = {256, 256, 256, 256};  // of A, B, C and D
};

template <class Contents, class Opaque>
Contents Open(const Opaque* opaque) {
  static_assert(sizeof(Contents) <= sizeof(Opaque));
  Contents contents;
  std::memcpy(static_cast<void*>(&contents), opaque, sizeof(contents));
  return contents;
}

template <class Contents, class Opaque>
void Close(Opaque* opaque, const Contents& contents) {
  static_assert(sizeof(Contents) <= sizeof(Opaque));
  std::memcpy(opaque, &contents, sizeof(contents));
}

// *field = *value, if the caller thinks of the same size.
template <class Field>
cublasStatus_t Assign(Field& field, const void* value, size_t bytes) {
  if (value == nullptr || bytes != sizeof(Field)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&field, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t Assign(Recipe& recipe, int attribute, const void* value, size_t bytes) {
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_COMPUTE_TYPE:
      return Assign(recipe.compute, value, bytes);
    case CUBLASLT_MATMUL_DESC_SCALE_TYPE:
      return Assign(recipe.scale, value, bytes);
    case CUBLASLT_MATMUL_DESC_POINTER_MODE:
      return Assign(recipe.pointer_mode, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return Assign(recipe.transpose_a, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return Assign(recipe.transpose_b, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return Assign(recipe.epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return Assign(recipe.bias, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER:
      return Assign(recipe.aux, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD:
      return Assign(recipe.aux_ld, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE:
      return Assign(recipe.bias_type, value, bytes);
    default:
      return CUBLAS_STATUS_INVALID_VALUE;
  }
}

cublasStatus_t Assign(Layout& layout, int attribute, const void* value, size_t bytes) {
  switch (attribute) {
    case CUBLASLT_MATRIX_LAYOUT_TYPE:
      return Assign(layout.type, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_ORDER:
      return Assign(layout.order, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_ROWS:
      return Assign(layout.rows, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_COLS:
      return Assign(layout.cols, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_LD:
      return Assign(layout.ld, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT:
      return Assign(layout.batch, value, bytes);
    default:
      return CUBLAS_STATUS_INVALID_VALUE;
  }
}

cublasStatus_t Assign(Preference& preference, int attribute, const void* value, size_t bytes) {
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_SEARCH_MODE:
      return Assign(preference.search_mode, value, bytes);
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      return Assign(preference.workspace_bytes, value, bytes);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
      return Assign(preference.reductions, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
      return Assign(preference.alignments[attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES],
                    value, bytes);
    default:
      return CUBLAS_STATUS_INVALID_VALUE;
  }
}

template <class Contents, class Opaque, class Attribute>
cublasStatus_t SetAttribute(Opaque* opaque, Attribute attribute, const void* value, size_t bytes) {
  if (opaque == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  auto contents = Open<Contents>(opaque);
  const cublasStatus_t status = Assign(contents, static_cast<int>(attribute), value, bytes);
  Close(opaque, contents);
  return status;
}

constexpr uint64_t kWorkspaceBytes = uint64_t{32} << 10;  // if the caller has so much
constexpr int kAlgorithms = 2;                            // if the caller asks for so many

template <class Opaque>
cublasStatus_t Make(Opaque** opaque) {
  if (opaque == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  *opaque = new Opaque;
  return CUBLAS_STATUS_SUCCESS;
}
template <class Opaque>
cublasStatus_t Destroy(Opaque* opaque) {
  delete opaque;
  return CUBLAS_STATUS_SUCCESS;
}

// What a test may have set.
struct Settings {
  FusedEpilogues fused_epilogues;
  BiasRounding bias_rounding;
};
Settings CurrentSettings() {
  Device& device = TheDevice();
  MutexLock lock(&device.mutex);
  return {device.fused_epilogues, device.bias_rounding};
}

struct StatusText {
  cublasStatus_t status;
  const char* name;
  const char* text;
};
constexpr StatusText kStatuses[] = {
    {CUBLAS_STATUS_SUCCESS, "CUBLAS_STATUS_SUCCESS", "success"},
    {CUBLAS_STATUS_NOT_INITIALIZED, "CUBLAS_STATUS_NOT_INITIALIZED",
     "the library was not initialized"},
    {CUBLAS_STATUS_ALLOC_FAILED, "CUBLAS_STATUS_ALLOC_FAILED", "the resource allocation failed"},
    {CUBLAS_STATUS_INVALID_VALUE, "CUBLAS_STATUS_INVALID_VALUE",
     "an unsupported value or parameter was passed to the function"},
    {CUBLAS_STATUS_EXECUTION_FAILED, "CUBLAS_STATUS_EXECUTION_FAILED",
     "the GPU program failed to execute"},
    {CUBLAS_STATUS_NOT_SUPPORTED, "CUBLAS_STATUS_NOT_SUPPORTED",
     "the functionality requested is not supported"},
};
const StatusText& TextOf(cublasStatus_t status) {
  for (const StatusText& text : kStatuses) {
    if (text.status == status) return text;
  }
  static constexpr StatusText kUnknown = {
      CUBLAS_STATUS_INTERNAL_ERROR, "CUBLAS_STATUS_INTERNAL_ERROR", "an internal operation failed"};
  return kUnknown;
}

}  // namespace
}  // namespace rubato::emulator

using rubato::MutexLock;
using rubato::emulator::Algorithm;
using rubato::emulator::Device;
using rubato::emulator::Layout;
using rubato::emulator::Preference;
using rubato::emulator::Product;
using rubato::emulator::Recipe;
using rubato::emulator::TheDevice;

const char* cublasLtGetStatusName(cublasStatus_t status) {
  return rubato::emulator::TextOf(status).name;
}
const char* cublasLtGetStatusString(cublasStatus_t status) {
  return rubato::emulator::TextOf(status).text;
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;
  return rubato::emulator::Make(handle);
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  return rubato::emulator::Destroy(handle);
}
size_t cublasLtGetVersion() { return 130000; }

cublasStatus_t cublasLtMatrixLayoutInit(cublasLtMatrixLayout_t layout, cudaDataType type,
                                        uint64_t rows, uint64_t cols, int64_t ld) {
  rubato::emulator::Close(layout,
                          Layout{.rows = rows, .cols = cols, .ld = ld, .type = int32_t{type}});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type,
                                          uint64_t rows, uint64_t cols, int64_t ld) {
  const cublasStatus_t status = rubato::emulator::Make(layout);
  return status != CUBLAS_STATUS_SUCCESS ? status
                                         : cublasLtMatrixLayoutInit(*layout, type, rows, cols, ld);
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  return rubato::emulator::Destroy(layout);
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attribute,
                                                const void* value, size_t bytes) {
  return rubato::emulator::SetAttribute<Layout>(layout, attribute, value, bytes);
}

cublasStatus_t cublasLtMatmulDescInit(cublasLtMatmulDesc_t desc, cublasComputeType_t compute,
                                      cudaDataType_t scale) {
  rubato::emulator::Close(desc, Recipe{.compute = int32_t{compute}, .scale = int32_t{scale}});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* desc, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
  const cublasStatus_t status = rubato::emulator::Make(desc);
  return status != CUBLAS_STATUS_SUCCESS ? status : cublasLtMatmulDescInit(*desc, compute, scale);
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) {
  return rubato::emulator::Destroy(desc);
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, size_t bytes) {
  return rubato::emulator::SetAttribute<Recipe>(desc, attribute, value, bytes);
}

cublasStatus_t cublasLtMatmulPreferenceInit(cublasLtMatmulPreference_t preference) {
  rubato::emulator::Close(preference, Preference{});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  const cublasStatus_t status = rubato::emulator::Make(preference);
  return status != CUBLAS_STATUS_SUCCESS ? status : cublasLtMatmulPreferenceInit(*preference);
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  return rubato::emulator::Destroy(preference);
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* value, size_t bytes) {
  return rubato::emulator::SetAttribute<Preference>(preference, attribute, value, bytes);
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
    cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a_layout,
    cublasLtMatrixLayout_t b_layout, cublasLtMatrixLayout_t c_layout,
    cublasLtMatrixLayout_t d_layout, cublasLtMatmulPreference_t preference, int asked,
    cublasLtMatmulHeuristicResult_t* results, int* found) {
  using rubato::emulator::Open;
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  *found = 0;
  if (asked <= 0) return CUBLAS_STATUS_INVALID_VALUE;
  const Product product = {.recipe = Open<Recipe>(desc),
                           .a_layout = Open<Layout>(a_layout),
                           .b_layout = Open<Layout>(b_layout),
                           .c_layout = Open<Layout>(c_layout),
                           .d_layout = Open<Layout>(d_layout)};
  const cublasStatus_t status =
      rubato::emulator::Judge(product, rubato::emulator::CurrentSettings().fused_epilogues);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  const auto wish = Open<Preference>(preference);
  Algorithm algorithm = {
      .workspace_bytes = std::min(wish.workspace_bytes, rubato::emulator::kWorkspaceBytes),
      .epilogue = product.recipe.epilogue};
  std::copy(std::begin(wish.alignments), std::end(wish.alignments), algorithm.alignments);
  *found = std::min(asked, rubato::emulator::kAlgorithms);
  for (int i = 0; i < *found; ++i) {
    results[i] = {.algo = {},
                  .workspaceSize = algorithm.workspace_bytes,
                  .state = CUBLAS_STATUS_SUCCESS,
                  .wavesCount = 1,
                  .reserved = {}};
    algorithm.number = static_cast<uint32_t>(i);
    rubato::emulator::Close(&results[i].algo, algorithm);
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void* alpha,
                              const void* a, cublasLtMatrixLayout_t a_layout, const void* b,
                              cublasLtMatrixLayout_t b_layout, const void* beta, const void* c,
                              cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algo,
                              void* workspace, size_t workspace_bytes, cudaStream_t stream) {
  using rubato::emulator::Open;
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  const rubato::emulator::Settings settings = rubato::emulator::CurrentSettings();
  const Product product = {.recipe = Open<Recipe>(desc),
                           .a_layout = Open<Layout>(a_layout),
                           .b_layout = Open<Layout>(b_layout),
                           .c_layout = Open<Layout>(c_layout),
                           .d_layout = Open<Layout>(d_layout),
                           .a = a,
                           .b = b,
                           .c = c,
                           .d = d,
                           .alpha = *static_cast<const float*>(alpha),
                           .beta = *static_cast<const float*>(beta),
                           .bias_rounding = settings.bias_rounding};
  const cublasStatus_t status = rubato::emulator::Judge(product, settings.fused_epilogues);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  Algorithm algorithm = {.epilogue = product.recipe.epilogue, .alignments = {2, 2, 2, 2}};
  if (algo != nullptr) algorithm = Open<Algorithm>(algo);
  if (algorithm.epilogue != product.recipe.epilogue ||
      workspace_bytes < algorithm.workspace_bytes ||
      !rubato::emulator::PointersFit(product, algorithm)) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (!rubato::emulator::Runs(algorithm, settings.fused_epilogues)) {
    return CUBLAS_STATUS_EXECUTION_FAILED;
  }
  rubato::emulator::CheckMemory(product);
  rubato::emulator::CheckAccess("cuBLASLt: workspace", workspace, algorithm.workspace_bytes);
  const cudaError_t put = rubato::emulator::PutLibraryWork(
      stream, [product, workspace, bytes = algorithm.workspace_bytes] {
        rubato::emulator::Poison(workspace, bytes);
        rubato::emulator::Compute(product);
      });
  return put == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}
