#include "common/base/sealed_text.h"

#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

constexpr char kJson[] = "{\"a\": 1,\n \"b\": [2]\n}\n";
constexpr char kToml[] = "[data]\npath = \"x\"\n";

TEST(SealedText, StaysJsonAndToml) {
  EXPECT_EQ(SealText("a.json", "{\"a\": 1}\n"),
            "{\"a\": 1,\n\"sha256\": "
            "\"e8c628edc9968ef0c668f54e0ba2636b35503357eb1aca0ddc828aeace432f67\"}\n");
  EXPECT_EQ(SealText("a.toml", "a = 1\n"),
            "a = 1\n# sha256 = "
            "\"cb78bd8a17f7b751fe0d4663366dcbc257204033ef7ddd64b1f2969573b5b2e2\"\n");
}

TEST(SealedText, IsTakenAsItWasWrittenAndNotOtherwise) {
  for (const auto& [path, text] : {std::pair("x/job.json", kJson), {"x/run.toml", kToml}}) {
    const std::string sealed = SealText(path, text);
    EXPECT_EQ(UnsealText(path, sealed).value(), text);
    for (size_t i = 0; i < sealed.size(); ++i) {
      for (const char change : {'\x01', '\x20'}) {
        std::string bad = sealed;
        bad[i] = static_cast<char>(bad[i] ^ change);
        const absl::Status status = UnsealText(path, bad).status();
        EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << i;
        EXPECT_NE(status.message().find(path), std::string::npos) << status;
      }
      EXPECT_FALSE(UnsealText(path, sealed.substr(0, i)).ok()) << i;
    }
    EXPECT_FALSE(UnsealText(path, sealed + "\n").ok());
    EXPECT_FALSE(UnsealText(path, text).ok());
  }
}

TEST(SealedText, IsReadFromAFile) {
  const ScratchFolder folder;
  const std::string path = folder.path() + "/job.json";
  EXPECT_EQ(ReadSealedText(path).status().code(), absl::StatusCode::kNotFound);
  std::ofstream(path) << SealText(path, kJson);
  EXPECT_EQ(ReadSealedText(path).value(), kJson);
  std::ofstream(path, std::ios::trunc).close();
  EXPECT_EQ(ReadSealedText(path).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace rubato
