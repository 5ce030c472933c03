#include "worker/data/encode/prepared_digests.h"

#include <filesystem>

#include "gtest/gtest.h"
#include "tests/worker/data/prepare/prepare_fixture.h"

namespace rubato {
namespace {

using PreparedDigests = PrepareFixture;

TEST_F(PreparedDigests, AreOfTheDataAndNotOfTheirFolder) {
  const auto prepared = Run(LoanConfig(1000));
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const DataDigests first = prepared->job.data;
  EXPECT_NE(first.encoding, 0u);
  EXPECT_EQ(*DigestsOfData(Path("out")), first);
  EXPECT_EQ(*DigestOfEncoding(Path("out")), (DataDigests{.encoding = first.encoding, .rows = 0}));
  const auto again = Run(LoanConfig(1000), PrepareMode::kResume);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->job.data, first);
  // The same rows, elsewhere.
  std::filesystem::rename(Path("out"), Path("moved"));
  const auto same = Run(LoanConfig(1000));
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_EQ(same->job.data, first);
  // One part of the split alone differs.
  std::filesystem::copy_file(Path("moved/data/validation.rbd"), Path("out/data/test.rbd"),
                             std::filesystem::copy_options::overwrite_existing);
  const DataDigests mixed = *DigestsOfData(Path("out"));
  EXPECT_EQ(mixed.encoding, first.encoding);
  EXPECT_NE(mixed.rows, first.rows);
  std::filesystem::remove_all(Path("out"));
  const auto fewer = Run(LoanConfig(900));
  ASSERT_TRUE(fewer.ok()) << fewer.status();
  EXPECT_NE(fewer->job.data.rows, first.rows);
  EXPECT_NE(fewer->job.data.encoding, first.encoding);
}

TEST_F(PreparedDigests, AFileThatIsMissingIsNamed) {
  ASSERT_TRUE(Run(LoanConfig(300)).ok());
  std::filesystem::remove(Path("out/data/test.rbd"));
  const auto none = DigestsOfData(Path("out"));
  ASSERT_FALSE(none.ok());
  EXPECT_TRUE(absl::StrContains(none.status().message(), "out/data/test.rbd"));
}

}  // namespace
}  // namespace rubato
