#include "bench/gpu_ceilings.h"

#include "bench/gpu_inputs.h"
#include "bench/gpu_timing.h"
#include "common/base/status.h"
#include "worker/compute/cuda/device/blas_lt.h"

namespace rubato {
namespace {

// Both ways: how many bytes a second a copy moves, counted once.
template <class To, class From>
absl::StatusOr<double> CopySpeed(const Stream& stream, To* to, const From& from) {
  ASSIGN_OR_RETURN(const double seconds,
                   SecondsOfCall(stream, {.calls = 4}, [&](StreamView recorded, size_t) {
                     return CopyAsync(recorded, to->data(), from.data(), from.size());
                   }));
  return static_cast<double>(from.size() * sizeof(float)) / seconds;
}

absl::Status MeasureCopies(const Stream& stream, size_t floats, Ceilings* ceilings) {
  Rng rng(1);
  ASSIGN_OR_RETURN(auto from, RandomFloats(stream, 4 * floats, &rng));
  ASSIGN_OR_RETURN(auto to, DeviceArray<float>::Make(4 * floats));
  ASSIGN_OR_RETURN(ceilings->copy_bytes, CopySpeed(stream, &to, from));
  ceilings->copy_bytes *= 2;
  ASSIGN_OR_RETURN(auto host, PinnedArray<float>::Make(floats));
  for (size_t i = 0; i < floats; ++i) host[i] = static_cast<float>(rng.Uniform());
  ASSIGN_OR_RETURN(ceilings->upload_bytes, CopySpeed(stream, &to, host));
  ASSIGN_OR_RETURN(const auto part, RandomFloats(stream, floats, &rng));
  ASSIGN_OR_RETURN(ceilings->download_bytes, CopySpeed(stream, &host, part));
  return absl::OkStatus();
}

template <class T>
absl::StatusOr<double> ProductSpeed(const Stream& stream, const MatmulSpec& spec,
                                    const DeviceArray<T>& a, const DeviceArray<T>& b) {
  ASSIGN_OR_RETURN(BlasLt blas, BlasLt::Make());
  ASSIGN_OR_RETURN(MatmulPlan plan, MatmulPlan::Make(&blas, spec));
  ASSIGN_OR_RETURN(auto product, DeviceArray<T>::Make(a.size()));
  ASSIGN_OR_RETURN(const double seconds,
                   SecondsOfCall(stream, {.calls = 10}, [&](StreamView recorded, size_t) {
                     return plan.Run(recorded, {.a = a.data(), .b = b.data(), .d = product.data()});
                   }));
  return 2.0 * spec.rows * spec.cols * spec.inner / seconds;
}

absl::Status MeasureProducts(const Stream& stream, uint32_t side, Ceilings* ceilings) {
  Rng rng(2);
  MatmulSpec spec{.precision = Precision::kTf32,
                  .rows = side,
                  .cols = side,
                  .inner = side,
                  .a = {.stride = side},
                  .b = {.stride = side},
                  .d_stride = side};
  const size_t elements = size_t{side} * side;
  ASSIGN_OR_RETURN(const auto a, RandomFloats(stream, elements, &rng));
  ASSIGN_OR_RETURN(const auto b, RandomFloats(stream, elements, &rng));
  ASSIGN_OR_RETURN(ceilings->tf32_flops, ProductSpeed(stream, spec, a, b));
  spec.precision = Precision::kBf16;
  spec.d_element = Element::kBf16;
  ASSIGN_OR_RETURN(const auto narrow_a, RandomBf16(stream, elements, &rng));
  ASSIGN_OR_RETURN(const auto narrow_b, RandomBf16(stream, elements, &rng));
  ASSIGN_OR_RETURN(ceilings->bf16_flops, ProductSpeed(stream, spec, narrow_a, narrow_b));
  return absl::OkStatus();
}

}  // namespace

Ceilings::Bound Ceilings::Of(const StepWork& work, Precision precision) const {
  const bool narrow = precision == Precision::kBf16;
  Bound longest{.seconds = work.flops / (narrow ? bf16_flops : tf32_flops), .by = "products"};
  for (const Bound& part : {Bound{work.bytes / copy_bytes, "device bytes"},
                            Bound{work.upload_bytes / upload_bytes, "bytes from host"}}) {
    if (part.seconds > longest.seconds) longest = part;
  }
  return longest;
}

absl::Status MeasureCeilings(Scale scale, Ceilings* ceilings) {
  const bool full = scale == Scale::kFull;
  ASSIGN_OR_RETURN(const Stream stream, Stream::Make());
  absl::Status status = MeasureCopies(stream, full ? size_t{1} << 26 : 1024, ceilings);
  status.Update(MeasureProducts(stream, full ? 8192 : 16, ceilings));
  return status;
}

}  // namespace rubato
