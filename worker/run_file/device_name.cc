#include "worker/run_file/device_name.h"

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"

namespace rubato {

absl::StatusOr<DeviceName> ParseDeviceName(const std::string& text) {
  if (text == "cpu") return DeviceName{};
  if (text == "cuda") return DeviceName{.kind = DeviceKind::kCuda};
  absl::string_view rest = text;
  int index = 0;
  if (absl::ConsumePrefix(&rest, "cuda:") && rest.size() <= 3 && absl::SimpleAtoi(rest, &index) &&
      index >= 0 && absl::StrCat(index) == rest) {
    return DeviceName{.kind = DeviceKind::kCuda, .index = index};
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("device must be \"cpu\", \"cuda\", or \"cuda:N\" for one GPU of the host: "
                      "\"%s\"",
                      text));
}

}  // namespace rubato
