#include "worker/data/group_hint.h"

#include <optional>
#include <string>

#include "gtest/gtest.h"

namespace rubato {
namespace {

ColumnScan Column(const std::string& name, uint64_t distinct, uint64_t rows = 3000) {
  ColumnScan column;
  column.name = name;
  column.numbers = column.counted = rows;
  column.distinct = distinct;
  return column;
}

ColumnScan Texts(const std::string& first, uint64_t distinct) {
  ColumnScan column = Column("field", distinct);
  column.texts = column.numbers;
  column.numbers = 0;
  column.first_text = first;
  return column;
}

TEST(GroupHint, AnIdThatRepeatsIsOfferedAsGroup) {
  const std::optional<Warning> hint = HintAtGroup(Column("customer_id", 400));
  ASSERT_TRUE(hint.has_value());
  EXPECT_EQ(hint->kind, "repeating_id");
  EXPECT_EQ(hint->column, "customer_id");
  EXPECT_EQ(hint->sentence,
            "column 'customer_id' looks like an id that repeats: 400 distinct values in 3000; "
            "split.group = \"customer_id\" keeps rows of one in one part, and leaves the column "
            "out");
  for (const char* name : {"ID", "CustomerID", "userid", "Account No", "patient", "client.number",
                           "loan id", "POLICY_NR", "Kunden-Nr", "policyno", "AcctNum", "loan_no",
                           "contract number", "Vertragsnummer", "policy_no", "account_no"}) {
    EXPECT_TRUE(HintAtGroup(Column(name, 400)).has_value()) << name;
  }
  EXPECT_EQ(HintAtGroup(Texts("C1042", 500))->kind, "repeating_text");
}

TEST(GroupHint, AmountsCodesAndIdsThatDoNotRepeatAreNot) {
  for (const char* name : {"amount", "customer_age", "paid", "grid", "number", "user_rating",
                           "loan", "contract", "loans_number_of", "piano"}) {
    EXPECT_FALSE(HintAtGroup(Column(name, 400)).has_value()) << name;
  }
  EXPECT_FALSE(HintAtGroup(Column("customer_id", 3000)).has_value());
  EXPECT_FALSE(HintAtGroup(Column("region_id", 12)).has_value());
  EXPECT_FALSE(HintAtGroup(Column("branch_id", 25)).has_value());
  EXPECT_FALSE(HintAtGroup(Column("customer_id", 25, 50)).has_value());
  EXPECT_FALSE(HintAtGroup(Texts("Acme 2000 Ltd", 1000)).has_value());
  EXPECT_FALSE(HintAtGroup(Texts("41.0K", 1000)).has_value());
  EXPECT_FALSE(HintAtGroup(Texts("C1042", 250)).has_value());
  ColumnScan fractions = Column("id", 400);
  fractions.fractions = 1;
  EXPECT_FALSE(HintAtGroup(fractions).has_value());
}

}  // namespace
}  // namespace rubato
