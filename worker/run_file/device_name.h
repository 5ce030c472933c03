// The run file's `device`: what a worker computes on.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace rubato {

enum class DeviceKind { kCpu, kCuda };

struct DeviceName {
  DeviceKind kind = DeviceKind::kCpu;
  // "cuda:1": that GPU of the host, for all workers. None: the workers are dealt out to its GPUs in
  // turn.
  std::optional<int> index = std::nullopt;
  friend bool operator==(const DeviceName&, const DeviceName&) = default;
};

// "cpu", "cuda" or "cuda:N"; else InvalidArgument.
absl::StatusOr<DeviceName> ParseDeviceName(const std::string& text);

}  // namespace rubato
