#include "common/telemetry/told_line.h"

#include <fstream>
#include <string>

#include "common/base/status.h"
#include "gtest/gtest.h"

namespace rubato {
namespace {

TEST(ToldLine, EachEventSaysWhoseItIsAndWhatItIs) {
  std::ifstream file(RUBATO_SOURCE_DIR "/tests/common/telemetry/events.jsonl");
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    const auto told = ReadToldLine(line);
    ASSERT_TRUE(told.ok()) << line;
    const std::string begin =
        "{\"time_ms\":1000,\"process\":\"" + told->process + "\",\"event\":\"" + told->event + "\"";
    EXPECT_EQ(line.substr(0, begin.size()), begin);
  }
  EXPECT_GT(lines, 20);
}

TEST(ToldLine, WhatCouldBeTakenForAnotherIsRefused) {
  const std::string good = R"({"time_ms":1,"process":"worker-0","event":"done","clock":1})";
  ASSERT_TRUE(ReadToldLine(good).ok());
  for (const char* line : {
           "",
           "{",
           "7",
           "[]",
           "{}",
           R"({"time_ms":1})",
           R"({"time_ms":1,"process":"worker-0","event":"done"} )"
           R"({"time_ms":1,"process":"worker-0","event":"done"})",
           R"({"time_ms":1,"process":"worker-0","event":"done"},)",
           R"({"process":"worker-0","time_ms":1,"event":"done"})",
           R"({"time_ms":1,"process":"worker-0","event":"done","process":"scheduler"})",
           R"({"time_ms":1,"process":"worker-0","event":"done","pro\u0063ess":"scheduler"})",
           R"({"time_ms":1,"process":"worker-0","event":"done","event":"signal"})",
           R"({"time_ms":"1","process":"worker-0","event":"done"})",
           R"({"time_ms":1,"process":7,"event":"done"})",
           R"({"time_ms":1,"process":"worker-0","event":null})",
           "{\"time_ms\":1,\"process\":\"worker-0\",\"event\":\"\xff\"}",
       }) {
    EXPECT_EQ(ReadToldLine(line).status().code(), absl::StatusCode::kInvalidArgument) << line;
  }
}

// Fields of objects in it are its own business.
TEST(ToldLine, NamesWithinAreOthers) {
  EXPECT_TRUE(
      ReadToldLine(R"({"time_ms":1,"process":"a","event":"b","c":{"process":"d","event":1}})")
          .ok());
}

TEST(ToldLine, DeepNestingIsNoDanger) {
  const std::string open(60000, '[');
  EXPECT_FALSE(ReadToldLine(R"({"time_ms":1,"process":"a","event":"b","c":)" + open + "}").ok());
}

}  // namespace
}  // namespace rubato
