#include "worker/data/prepare/group_hint.h"

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/worker/data/prepare/prepare_fixture.h"
#include "tests/worker/data/prepare/scan_text.h"

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

// Each of the whole numbers from `first` to `end`, ten times.
ColumnScan Numbers(const std::string& name, uint64_t first, uint64_t end,
                   const std::string& behind = "") {
  std::string text = name + ",y\n";
  for (uint64_t n = 10 * first; n < 10 * end; ++n) absl::StrAppend(&text, n / 10, behind, ",1\n");
  return ScanText(text).columns[0];
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
  for (const char* name : {"ID", "CustomerID", "userid", "Account No", "client.number", "loan id",
                           "POLICY_NR", "Kunden-Nr", "policyno", "AcctNum", "loan_no",
                           "contract number", "Vertragsnummer", "policy_no", "account_no"}) {
    EXPECT_TRUE(HintAtGroup(Column(name, 400)).has_value()) << name;
  }
  EXPECT_EQ(HintAtGroup(Texts("C1042", 500))->kind, "repeating");
}

TEST(GroupHint, WhomRowsAreOfIsAFeatureUnlessItIsNumbered) {
  for (const char* name : {"merchant", "device", "Employee", "patient"}) {
    const std::optional<Warning> hint = HintAtGroup(Column(name, 400));
    ASSERT_TRUE(hint.has_value()) << name;
    EXPECT_EQ(hint->kind, "repeating") << name;
    EXPECT_TRUE(absl::StrContains(hint->sentence, "' may be an id that repeats: ")) << name;
    EXPECT_FALSE(HintAtGroup(Column(name, 250)).has_value()) << name << ", many rows of each";
  }
}

TEST(GroupHint, NumbersOfThingsAreNoIds) {
  for (const char* name : {"claim_number", "claim_no", "order_num", "card_num", "LoanNbr"}) {
    EXPECT_FALSE(HintAtGroup(Numbers(name, 0, 26)).has_value()) << name;
    EXPECT_FALSE(HintAtGroup(Numbers(name, 1, 61, ".0")).has_value()) << name;
    EXPECT_TRUE(HintAtGroup(Numbers(name, 30, 80)).has_value()) << name << ", none small";
    EXPECT_TRUE(HintAtGroup(Numbers(name, 800, 900)).has_value()) << name;
    EXPECT_TRUE(HintAtGroup(Numbers(name, 980, 1060, ".0")).has_value()) << name;
    EXPECT_TRUE(HintAtGroup(Numbers(name, 1, 251)).has_value()) << name << ", many";
  }
  EXPECT_TRUE(HintAtGroup(Numbers("customer_id", 0, 40)).has_value());
}

TEST(GroupHint, DatesAreNoIds) {
  ColumnScan column = Texts("31DEC2015", 500);
  EXPECT_TRUE(HintAtGroup(column).has_value());
  column.forms[static_cast<size_t>(TextForm::kDate)] = column.texts;
  EXPECT_FALSE(HintAtGroup(column).has_value());
  column.name = "order_id";
  EXPECT_TRUE(HintAtGroup(column).has_value());
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

using GroupHintFile = PrepareFixture;

TEST_F(GroupHintFile, WhatIsLeftOutAndDatesAreOfferedAsGroupByTheirNameAlone) {
  std::string text = "merchant,code,opened,x,y\n";
  for (int i = 0; i < 600; ++i) {
    absl::StrAppend(&text, "Shop ", i / 5, ",C", i / 5, ",", i / 25 + 1, "DEC2015,", i * 37 % 101,
                    ",", i % 2, "\n");
  }
  RunConfig config;
  config.data.path = Write("shops.csv", text);
  config.data.label = "y";
  const auto hints = [&] {
    const auto prepared = Run(config);
    EXPECT_TRUE(prepared.ok()) << prepared.status();
    std::filesystem::remove_all(Path("out"));
    std::string columns;
    for (const Warning& warning : prepared->report.warnings) {
      if (warning.kind == "repeating") absl::StrAppend(&columns, warning.column, " ");
    }
    return columns;
  };
  EXPECT_EQ(hints(), "merchant code ");
  config.data.drop = {"merchant", "code", "opened"};
  EXPECT_EQ(hints(), "");
}

}  // namespace
}  // namespace rubato
