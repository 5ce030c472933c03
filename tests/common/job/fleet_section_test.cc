// What config.json says of a run's fleet.
#include "common/job/fleet_section.h"

#include <string>

#include "absl/strings/match.h"
#include "common/base/staged_file.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

constexpr char kFleet[] =
    R"({"fleet": {"servers": 3, "shards_per_server": 2, "host": "10.0.0.1", "port": 7000,
                   "interface": "eth1", "ports": "7000-7100"}})"
    "\n";

absl::StatusOr<FleetSection> Load(const std::string& text) {
  const ScratchFolder folder;
  EXPECT_TRUE(WriteChecksummedText(folder.path() + "/config.json", text).ok());
  return LoadFleetSection(folder.path());
}

TEST(FleetSection, IsRead) {
  const auto fleet = Load(kFleet);
  ASSERT_TRUE(fleet.ok()) << fleet.status();
  EXPECT_EQ(fleet->servers, 3u);
  EXPECT_EQ(fleet->shards_per_server, 2u);
  EXPECT_EQ(fleet->host, "10.0.0.1");
  EXPECT_EQ(fleet->interface, "eth1");
  EXPECT_EQ(fleet->port, 7000u);
  EXPECT_EQ(fleet->ports, "7000-7100");
}

TEST(FleetSection, ThatCannotBeRead) {
  EXPECT_EQ(LoadFleetSection("/nowhere").status().message(),
            "/nowhere/config.json: cannot be read; `rubato-data prepare RUN --out /nowhere` "
            "writes it");
  for (const char* bad :
       {"{}\n", "{[}\n", "{\"fleet\": {\"servers\": \"two\"}}\n", "{\"fleet\": 7}\n"}) {
    const absl::Status status = Load(bad).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << bad;
    EXPECT_TRUE(absl::StrContains(std::string(status.message()),
                                  "config.json: not what `rubato-data prepare` wrote"))
        << status;
  }
}

}  // namespace
}  // namespace rubato
