#include "worker/compute/backend.h"

#include <dlfcn.h>
#include <unistd.h>

#include "common/base/status.h"

namespace rubato {

absl::StatusOr<Backend*> LoadBackend(const std::string& library) {
  if (access(library.c_str(), R_OK) != 0) {
    return absl::NotFoundError(absl::StrFormat("there is no %s", library));
  }
  // Never closed: it lives as long as the process, as CUDA wants it.
  void* const loaded = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (loaded == nullptr) {
    return absl::FailedPreconditionError(absl::StrFormat("it cannot be loaded: %s", dlerror()));
  }
  using Entry = Backend* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(loaded, kBackendEntry));
  if (entry == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s is of another build; build again", library));
  }
  return entry();
}

}  // namespace rubato
