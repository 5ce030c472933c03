#include "common/job/fleet_section.h"

#include <nlohmann/json.hpp>

#include "common/base/checksummed_text.h"
#include "common/base/status.h"

namespace rubato {
namespace {

using Json = nlohmann::json;

FleetSection ReadFleet(const Json& fleet) {
  return {.servers = fleet.at("servers").get<uint32_t>(),
          .shards_per_server = fleet.at("shards_per_server").get<uint32_t>(),
          .host = fleet.at("host").get<std::string>(),
          .interface = fleet.value("interface", ""),
          .port = fleet.at("port").get<uint32_t>(),
          .ports = fleet.value("ports", "")};
}

}  // namespace

absl::StatusOr<FleetSection> LoadFleetSection(const std::string& run_folder) {
  const std::string path = run_folder + "/config.json";
  const absl::StatusOr<std::string> text = ReadChecksummedText(path);
  if (absl::IsNotFound(text.status())) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": cannot be read; `rubato-data prepare RUN --out ", run_folder, "` writes it"));
  }
  RETURN_IF_ERROR(text.status());
  try {
    return ReadFleet(Json::parse(*text).at("fleet"));
  } catch (const Json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": not what `rubato-data prepare` wrote; undo the edit: ", error.what()));
  }
}

}  // namespace rubato
