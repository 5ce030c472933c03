#include "common/keys/allow_list.h"

#include "gtest/gtest.h"

namespace rubato {
namespace {

constexpr const char* kOne = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
constexpr const char* kTwo = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";

std::string Refusal(const std::string& text) {
  return std::string(AllowList::Parse(text, "allowed").status().message());
}

TEST(AllowList, HoldsEachKeyWithItsRoleAndItsLimits) {
  const auto list =
      AllowList::Parse(absl::StrCat("# comment\n\n  worker  ", kOne, "\r\nreader\t", kTwo,
                                    " tables=linear,fm  pull_mib_per_second=50"
                                    " push_mib_per_second=7 messages_per_second=1000\n"),
                       "allowed");
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(*list->Find(kOne), (Grant{.role = KeyRole::kWorker, .tables = {}}));
  EXPECT_EQ(*list->Find(kTwo), (Grant{.role = KeyRole::kReader,
                                      .tables = {"linear", "fm"},
                                      .pull_bytes_per_second = uint64_t{50} << 20,
                                      .push_bytes_per_second = uint64_t{7} << 20,
                                      .messages_per_second = 1000}));
  EXPECT_EQ(list->Find("0000000000000000000000000000000000000000"), nullptr);
}

TEST(AllowList, SeveralKeysOfARoleKeepTheirOrder) {
  const auto list =
      AllowList::Parse(absl::StrCat("scheduler ", kTwo, "\nscheduler ", kOne), "allowed");
  EXPECT_EQ(list->KeysOf(KeyRole::kScheduler), (std::vector<std::string>{kTwo, kOne}));
  EXPECT_TRUE(list->KeysOf(KeyRole::kAdmin).empty());
}

TEST(AllowList, RefusesWithLineAndReason) {
  const std::string one = absl::StrCat("worker ", kOne);
  EXPECT_EQ(Refusal(absl::StrCat(one, "\nboss ", kTwo)),
            "allowed:2: 'boss' is no role; it must be one of scheduler, server, worker, reader, "
            "admin");
  EXPECT_EQ(Refusal("worker"), "allowed:1: after 'worker' comes a public key of 40 characters");
  EXPECT_EQ(Refusal("worker short"),
            "allowed:1: after 'worker' comes a public key of 40 characters");
  EXPECT_EQ(Refusal(absl::StrCat(one, "\n", one)), "allowed:2: this key stands there twice");
  EXPECT_EQ(Refusal(absl::StrCat(one, " all")),
            "allowed:1: 'all' is no limit; there are tables=NAME,NAME, pull_mib_per_second=N, "
            "push_mib_per_second=N and messages_per_second=N");
  EXPECT_EQ(Refusal(absl::StrCat(one, " tables=")), "allowed:1: tables= names no table");
  EXPECT_EQ(Refusal(absl::StrCat(one, " pull_mib_per_second=0")),
            "allowed:1: 'pull_mib_per_second=0' is no whole number of MiB from 1 to 1048576");
}

TEST(AllowList, PeopleAreToldTheBeginningOfAKey) {
  EXPECT_EQ(ShortKey(kOne), "rq:rM>}U");
  EXPECT_EQ(ShortKey(""), "");
}

TEST(AllowList, AKeyIsFortyCharactersOfItsAlphabet) {
  EXPECT_TRUE(IsKey(kOne));
  EXPECT_FALSE(IsKey("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf"));
  EXPECT_FALSE(IsKey("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf "));
  EXPECT_FALSE(IsKey("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf\""));
}

}  // namespace
}  // namespace rubato
