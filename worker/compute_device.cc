#include "worker/compute_device.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "common/base/status.h"
#include "worker/compute/cpu/network_on_cpu.h"
#include "worker/run_file/device_name.h"

namespace rubato {
namespace {

absl::Status Refused(const std::string& device, const absl::Status& why, const char* remedy) {
  return absl::InvalidArgumentError(
      absl::StrFormat("device = \"%s\": %s; %s, or use device = \"cpu\"", device,
                      std::string(why.message()), remedy));
}

}  // namespace

std::string BuiltBackend() {
  std::error_code failed;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", failed);
  return (self.parent_path().parent_path() / "librubato_cuda.so").string();
}

absl::StatusOr<ComputeDevice> ComputeDevice::Find(const std::string& device,
                                                  const std::string& library) {
  ASSIGN_OR_RETURN(const DeviceName name, ParseDeviceName(device));
  ComputeDevice found;
  if (name.kind == DeviceKind::kCpu) return found;
  const absl::StatusOr<Backend*> backend = LoadBackend(library);
  if (!backend.ok()) {
    return Refused(device, backend.status(),
                   "install the CUDA 13 toolkit and build with RUBATO_CUDA=ON");
  }
  const absl::StatusOr<std::vector<GpuInfo>> gpus = (*backend)->FindGpus();
  if (!gpus.ok()) {
    return Refused(device, gpus.status(), "install NVIDIA's driver and check with `nvidia-smi`");
  }
  const auto count = static_cast<int>(gpus->size());
  if (name.index.has_value() && *name.index >= count) {
    const auto few = absl::NotFoundError(
        absl::StrFormat("this host has %d GPU%s, numbered from 0", count, count == 1 ? "" : "s"));
    return Refused(device, few, "name one of them");
  }
  found.backend_ = *backend;
  for (int i = 0; i < count; ++i) {
    if (name.index.value_or(i) == i) found.gpus_.push_back(i);
  }
  return found;
}

int ComputeDevice::GpuOf(uint32_t local_rank) const { return gpus_[local_rank % gpus_.size()]; }

absl::StatusOr<std::unique_ptr<Model>> ComputeDevice::MakeModel(const ModelSpec& spec,
                                                                Precision precision,
                                                                uint32_t local_rank) const {
  if (backend_ == nullptr) return MakeNetworkOnCpu(spec);
  return backend_->MakeModel({.spec = spec, .precision = precision, .gpu = GpuOf(local_rank)});
}

absl::StatusOr<std::unique_ptr<Pipeline>> ComputeDevice::MakePipeline(Model* model,
                                                                      Precision precision,
                                                                      uint32_t local_rank) const {
  if (backend_ == nullptr) return rubato::MakePipeline(model);
  return backend_->MakePipeline(
      {.spec = model->spec(), .precision = precision, .gpu = GpuOf(local_rank)});
}

absl::StatusOr<std::unique_ptr<LocalTraining>> ComputeDevice::MakeLocalTraining(
    const ModelSpec& spec, Precision precision, uint64_t seed) const {
  CHECK(backend_ != nullptr, "the run file's check refuses fleet.servers = 0 on the CPU");
  return backend_->MakeLocalTraining(
      {.spec = spec, .precision = precision, .seed = seed, .gpu = GpuOf(0)});
}

}  // namespace rubato
