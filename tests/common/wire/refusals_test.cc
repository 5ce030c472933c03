#include "common/wire/refusals.h"

#include "gtest/gtest.h"

namespace rubato {
namespace {

TEST(RefusalWatch, TellsTheFirstAtOnceAndMoreAWhileLater) {
  RefusalWatch watch;
  EndpointCounts counts;
  Instant now;
  EXPECT_FALSE(watch.Look(counts, now));
  counts.refused_connections = 1;
  EXPECT_EQ(watch.Look(counts, now), (Refusals{.connections = 1, .messages = 0, .why = ""}));
  counts.denied = 4;
  counts.last_refusal = "no";
  EXPECT_FALSE(watch.Look(counts, now + Duration::Seconds(1)));
  EXPECT_EQ(watch.Look(counts, now + Duration::Seconds(10)),
            (Refusals{.connections = 1, .messages = 4, .why = "no"}));
  EXPECT_FALSE(watch.Look(counts, now + Duration::Seconds(30)));
}

}  // namespace
}  // namespace rubato
