// Columns of a second file behind the rows of others.
#include "worker/data/text/join.h"

#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "tests/scratch_folder.h"
#include "worker/data/text/byte_source.h"
#include "worker/data/text/csv.h"

namespace rubato {
namespace {

class JoinTest : public testing::Test {
 protected:
  std::string Path() const { return scratch_.path() + "/policies.csv"; }
  absl::StatusOr<std::shared_ptr<const JoinTable>> Load(const std::string& policies) {
    std::ofstream(Path(), std::ios::binary) << policies;
    return JoinTable::Load({.path = Path(), .key = "policy"});
  }
  // Loads, and opens the claims with the columns of the policies; their errors.
  absl::Status Open(const std::string& claims, const std::string& policies) {
    const auto table = Load(policies);
    if (!table.ok()) return table.status();
    reader_ = *CsvReader::Read(MakeMemorySource(claims, /*chunk_bytes=*/7), "claims.csv");
    const auto joined = JoinedColumns::AppendTo(*table, reader_.get());
    if (joined.ok()) joined_ = *joined;
    return joined.status();
  }
  // Fields of all rows, '|' behind each and a line end behind the row.
  std::string Rows() {
    std::string text;
    for (;;) {
      const auto found = reader_->Next();
      EXPECT_TRUE(found.ok()) << found.status();
      if (!found.ok() || !*found) return text;
      for (const absl::string_view field : reader_->fields()) absl::StrAppend(&text, field, "|");
      absl::StrAppend(&text, "\n");
    }
  }
  // The message, "PATH" for the path of the policies.
  std::string ErrorOf(const absl::Status& status) {
    std::string text(status.message());
    for (size_t at; (at = text.find(Path())) != std::string::npos;) {
      text.replace(at, Path().size(), "PATH");
    }
    return text;
  }

  ScratchFolder scratch_;
  std::unique_ptr<CsvReader> reader_;
  std::shared_ptr<const JoinedColumns> joined_;
};

TEST_F(JoinTest, EachRowGetsTheFieldsOfItsKeyBehindItsOwn) {
  ASSERT_TRUE(
      Open("amount,policy\n10,b\n20,a\n30,b\n", "area,policy,age\nNorth,a,20\n\"S,\"\"o\",b,\n")
          .ok());
  EXPECT_EQ(reader_->header(), (std::vector<std::string>{"amount", "policy", "area", "age"}));
  EXPECT_EQ(reader_->own_columns(), 2u);
  EXPECT_EQ(Rows(), "10|b|S,\"o||\n20|a|North|20|\n30|b|S,\"o||\n");
  EXPECT_EQ(joined_->rows(), 3u);
  EXPECT_EQ(joined_->unmatched().cells, 0u);
}

TEST_F(JoinTest, KeysAreComparedAsLevelsAre) {
  ASSERT_TRUE(Open("policy,y\n 5.0 ,1\n007,2\n7,3\nx ,4\nX,5\n",
                   "policy,area\n5,five\n 007,code\n7.00,seven\n\"x\",low\n")
                  .ok());
  EXPECT_EQ(Rows(), " 5.0 |1|five|\n007|2|code|\n7|3|seven|\nx |4|low|\nX|5||\n");
}

TEST_F(JoinTest, ARowWithoutMatchGetsEmptyFieldsAndIsCounted) {
  ASSERT_TRUE(
      Open("policy,y\na,1\nz,2\n,3\nNA,4\n", "policy,area,age\na,North,20\n,East,9\nNA,West,8\n")
          .ok());
  EXPECT_EQ(Rows(), "a|1|North|20|\nz|2|||\n|3|||\nNA|4|||\n");
  EXPECT_EQ(joined_->unmatched().cells, 3u) << "two missing keys are no match, and not twice one";
  EXPECT_EQ(joined_->unmatched().first, "z");
  EXPECT_EQ(joined_->unmatched().line, 3u);
}

TEST_F(JoinTest, AKeyThatStandsTwiceIsRefused) {
  const auto table = Load("policy,area\n5,a\n6,b\n\n5.0,c\n");
  EXPECT_EQ(table.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ErrorOf(table.status()),
            "PATH:5: the key '5' (column 'policy') stands in line 2 too, and a row can be joined "
            "to one of them only; keep one");
}

TEST_F(JoinTest, AKeyColumnThatAFileLacksIsNamedWithTheNearest) {
  EXPECT_EQ(ErrorOf(Open("policy,y\n1,1\n", "Policy,area\n1,a\n")),
            "PATH: there is no column 'policy' (data.join.key); did you mean 'Policy'?");
  EXPECT_EQ(ErrorOf(Open("polcy,y\n1,1\n", "policy,area\n1,a\n")),
            "claims.csv: there is no column 'policy' (data.join.key, by which a row gets columns "
            "of PATH); did you mean 'polcy'?");
}

TEST_F(JoinTest, ColumnsOfBothFilesAreRefused) {
  EXPECT_EQ(ErrorOf(Open("policy,y,area,sex\n1,1,a,f\n", "sex,policy,area,age\nf,1,a,20\n")),
            "claims.csv: has columns that PATH (data.join) has too: 'sex', 'area'; rename them in "
            "one of the files, or leave them out of it");
}

TEST_F(JoinTest, FilesWithOtherDecimalsAreRefused) {
  EXPECT_EQ(ErrorOf(Open("policy;y\n1;1,5\n", "policy,area\n1,a\n")),
            "claims.csv: one of it and PATH (data.join) separates fields by ';', where numbers may "
            "have a decimal comma, and the other does not; write both alike");
  EXPECT_TRUE(Open("policy;y\n1;1,5\n", "policy;age\n1;20,5\n").ok());
  EXPECT_EQ(Rows(), "1|1,5|20,5|\n");
  EXPECT_TRUE(Open("policy\ty\n1\t1\n", "policy,area\n1,a\n").ok());
}

TEST_F(JoinTest, ARaggedRowIsMeasuredByTheColumnsOfItsOwnFile) {
  ASSERT_TRUE(Open("policy,y\na,1\na,1,2\n", "policy,area\na,North\n").ok());
  ASSERT_TRUE(*reader_->Next());
  EXPECT_EQ(ErrorOf(reader_->Next().status()).substr(0, 62),
            "claims.csv:3: the row has 3 fields, the header has 2; correct ");
}

TEST_F(JoinTest, RowsThatEndWithASeparatorAreJoinedBehindIt) {
  ASSERT_TRUE(Open("policy,y\na,1,\n", "policy,area\na,North,\n").ok());
  EXPECT_EQ(Rows(), "a|1|North|\n");
}

}  // namespace
}  // namespace rubato
