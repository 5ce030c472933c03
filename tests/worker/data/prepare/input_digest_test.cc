#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/digest.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"
#include "worker/data/prepare/digest.h"

namespace rubato {
namespace {

std::string WriteBytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

TEST(InputDigest, IsThatOfAllBytesWhoeverDigestsThem) {
  const ScratchFolder folder;
  for (const size_t size : {size_t{0}, size_t{3}, kDigestedAtOnce - 1, kDigestedAtOnce,
                            kDigestedAtOnce + 1, 5 * kDigestedAtOnce + 7}) {
    std::string bytes;
    while (bytes.size() < size) absl::StrAppend(&bytes, bytes.size(), ",");
    bytes.resize(size);
    const std::string path = WriteBytes(folder.path() + "/input", bytes);
    const auto digest = InputDigest::Begin(path);
    ASSERT_TRUE(digest.ok()) << digest.status();
    const auto file = (*digest)->Finish();
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(file->path, path);
    EXPECT_EQ(file->bytes, size);
    EXPECT_EQ(file->sha256, Sha256(bytes)) << size;
  }
}

TEST(InputDigest, GivesUpWhatNobodyWaitsFor) {
  const ScratchFolder folder;
  const std::string path =
      WriteBytes(folder.path() + "/input", std::string(64 * kDigestedAtOnce, 'x'));
  EXPECT_TRUE(InputDigest::Begin(path).ok());  // and is destroyed: a joined thread, no more
}

TEST(InputDigest, ErrorsNameTheFile) {
  const ScratchFolder folder;
  const std::string missing = folder.path() + "/missing";
  for (const std::string& path : {missing, folder.path()}) {
    const auto digest = InputDigest::Begin(path);
    ASSERT_FALSE(digest.ok()) << path;
    EXPECT_TRUE(absl::StrContains(digest.status().message(), path)) << digest.status();
  }
}

}  // namespace
}  // namespace rubato
