#include "common/keys/key_ring.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "common/base/status.h"
#include "common/keys/key_folder.h"
#include "gtest/gtest.h"
#include "tests/scratch_folder.h"

namespace rubato {
namespace {

class KeyRingTest : public testing::Test {
 protected:
  // Keys that no mathematics has seen: "aaa...", "bbb...".
  KeyPair Next() {
    ++made_;
    return {std::string(kKeyLength, static_cast<char>('a' + made_)),
            std::string(kKeyLength, static_cast<char>('A' + made_))};
  }
  void MakeFolder() {
    ASSERT_TRUE(MakeKeyFolder(folder_, [this] { return Next(); }).ok());
  }
  void Rotate(KeyRole role) {
    ASSERT_TRUE(RotateKey(folder_, role, [this] { return Next(); }).ok());
  }
  static std::string Text(const std::string& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  void WriteList(const std::string& text) { std::ofstream(AllowListOf(folder_)) << text; }
  std::string Refusal(KeyRole role) const {
    return std::string(KeyRing::Open(folder_, role).status().message());
  }

  ScratchFolder scratch_;
  const std::string folder_ = scratch_.path() + "/keys";
  int made_ = -1;
};

TEST_F(KeyRingTest, AFolderHasAPairForEachRoleAndTheList) {
  MakeFolder();
  for (const KeyRole role : kKeyRoles) {
    const auto ring = KeyRing::Open(folder_, role);
    ASSERT_TRUE(ring.ok()) << ring.status();
    EXPECT_EQ((*ring)->allowed()->Find((*ring)->own().public_key)->role, role);
    struct stat is {};
    ASSERT_EQ(stat(KeyFileOf(folder_, role).c_str(), &is), 0);
    EXPECT_EQ(is.st_mode & 0777, 0600u);
  }
  const std::string list = Text(AllowListOf(folder_));
  EXPECT_EQ(list.find("AAAA"), std::string::npos) << "a secret stands in the list";
  EXPECT_TRUE(absl::IsFailedPrecondition(MakeKeyFolder(folder_, [this] { return Next(); })));
}

TEST_F(KeyRingTest, AKeyThatOthersMayReadIsRefused) {
  MakeFolder();
  const std::string path = KeyFileOf(folder_, KeyRole::kWorker);
  for (const mode_t mode : {0640u, 0604u, 0660u}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    EXPECT_EQ(Refusal(KeyRole::kWorker),
              absl::StrFormat("%s may be read by others (mode %04o), and a key must not; chmod 600 "
                              "it",
                              path, mode));
  }
}

TEST_F(KeyRingTest, AListThatOthersMayWriteIsRefused) {
  MakeFolder();
  ASSERT_EQ(chmod(AllowListOf(folder_).c_str(), 0664), 0);
  EXPECT_EQ(Refusal(KeyRole::kServer),
            AllowListOf(folder_) + " may be written by others (mode 0664); chmod go-w it");
}

TEST_F(KeyRingTest, APairThatTheListDoesNotKnowIsRefused) {
  MakeFolder();
  WriteList("worker " + std::string(kKeyLength, 'z') + "\n");
  EXPECT_EQ(Refusal(KeyRole::kWorker), AllowListOf(folder_) + " does not have the public key of " +
                                           KeyFileOf(folder_, KeyRole::kWorker) +
                                           " as that of a worker; are both of the same fleet?");
}

TEST_F(KeyRingTest, AnOldKeyIsGoodUntilItIsRetired) {
  MakeFolder();
  const auto before = *KeyRing::Open(folder_, KeyRole::kWorker);
  const auto server = *KeyRing::Open(folder_, KeyRole::kServer);
  const std::string old = before->own().public_key;
  Rotate(KeyRole::kWorker);
  const std::string fresh = (*KeyRing::Open(folder_, KeyRole::kWorker))->own().public_key;
  EXPECT_NE(old, fresh);
  EXPECT_EQ(server->allowed()->Find(fresh), nullptr);
  ASSERT_TRUE(server->Refresh().ok());
  EXPECT_NE(server->allowed()->Find(old), nullptr);
  EXPECT_NE(server->allowed()->Find(fresh), nullptr);
  ASSERT_TRUE(RetireKeys(folder_).ok());
  ASSERT_TRUE(server->Refresh().ok());
  EXPECT_EQ(server->allowed()->Find(old), nullptr);
  EXPECT_NE(server->allowed()->Find(fresh), nullptr);
}

TEST_F(KeyRingTest, LimitsStayWithARotatedKey) {
  MakeFolder();
  std::string list = Text(AllowListOf(folder_));
  const std::string key = (*KeyRing::Open(folder_, KeyRole::kReader))->own().public_key;
  list.replace(list.find(key), key.size(), key + " tables=linear");
  WriteList(list);
  Rotate(KeyRole::kReader);
  const auto ring = *KeyRing::Open(folder_, KeyRole::kReader);
  EXPECT_EQ(ring->allowed()->Find(ring->own().public_key)->tables,
            std::vector<std::string>{"linear"});
}

TEST_F(KeyRingTest, WhatIsNoListChangesNothingAndIsToldOnce) {
  MakeFolder();
  const auto ring = *KeyRing::Open(folder_, KeyRole::kServer);
  WriteList("nonsense\n");
  EXPECT_FALSE(ring->Refresh().ok());
  EXPECT_TRUE(ring->Refresh().ok());
  EXPECT_NE(ring->allowed()->Find(ring->own().public_key), nullptr);
}

TEST_F(KeyRingTest, WithoutASchedulersKeyThereIsNobodyToTrust) {
  MakeFolder();
  const std::string own = (*KeyRing::Open(folder_, KeyRole::kWorker))->own().public_key;
  WriteList("worker " + own + "\n");
  EXPECT_EQ(Refusal(KeyRole::kWorker),
            AllowListOf(folder_) + " has no scheduler's key, so there is nobody to trust; add it");
}

TEST_F(KeyRingTest, AFileWithoutKeysSaysHowToMakeThem) {
  MakeFolder();
  const std::string path = KeyFileOf(folder_, KeyRole::kAdmin);
  std::ofstream(path) << "hello\n";
  EXPECT_EQ(Refusal(KeyRole::kAdmin),
            path +
                ": is no key file, which has the lines \"public KEY\" and \"secret KEY\"; make "
                "one with `rubato keygen`");
}

}  // namespace
}  // namespace rubato
