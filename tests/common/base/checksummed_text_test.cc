#include "common/base/checksummed_text.h"

#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

constexpr char kJson[] = "{\"a\": 1,\n \"b\": [2]\n}\n";
constexpr char kToml[] = "[data]\npath = \"x\"\n";

TEST(ChecksummedText, StaysJsonAndToml) {
  EXPECT_EQ(WithChecksum("a.json", "{\"a\": 1}\n"),
            "{\"a\": 1,\n\"sha256\": "
            "\"e8c628edc9968ef0c668f54e0ba2636b35503357eb1aca0ddc828aeace432f67\"}\n");
  EXPECT_EQ(WithChecksum("a.toml", "a = 1\n"),
            "a = 1\n# sha256 = "
            "\"cb78bd8a17f7b751fe0d4663366dcbc257204033ef7ddd64b1f2969573b5b2e2\"\n");
}

TEST(ChecksummedText, IsTakenAsItWasWrittenAndNotOtherwise) {
  for (const auto& [path, text] : {std::pair("x/job.json", kJson), {"x/run.toml", kToml}}) {
    const std::string checksummed = WithChecksum(path, text);
    EXPECT_EQ(WithoutChecksum(path, checksummed).value(), text);
    for (size_t i = 0; i < checksummed.size(); ++i) {
      for (const char change : {'\x01', '\x20'}) {
        std::string bad = checksummed;
        bad[i] = static_cast<char>(bad[i] ^ change);
        const absl::Status status = WithoutChecksum(path, bad).status();
        EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << i;
        EXPECT_NE(status.message().find(path), std::string::npos) << status;
      }
      EXPECT_FALSE(WithoutChecksum(path, checksummed.substr(0, i)).ok()) << i;
    }
    EXPECT_FALSE(WithoutChecksum(path, checksummed + "\n").ok());
    EXPECT_FALSE(WithoutChecksum(path, text).ok());
  }
}

TEST(ChecksummedText, IsReadFromAFile) {
  const ScratchFolder folder;
  const std::string path = folder.path() + "/job.json";
  EXPECT_EQ(ReadChecksummedText(path).status().code(), absl::StatusCode::kNotFound);
  std::ofstream(path) << WithChecksum(path, kJson);
  EXPECT_EQ(ReadChecksummedText(path).value(), kJson);
  std::ofstream(path, std::ios::trunc).close();
  EXPECT_EQ(ReadChecksummedText(path).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace rubato
