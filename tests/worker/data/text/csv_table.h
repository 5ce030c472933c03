// All that CsvReader gives of a text, for tests.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "worker/data/text/byte_source.h"
#include "worker/data/text/csv.h"

namespace rubato {

using Rows = std::vector<std::vector<std::string>>;

struct Table {
  std::vector<std::string> header;
  Rows rows;
  std::vector<uint64_t> lines;
  absl::Status status;
};

inline Table ReadAll(std::unique_ptr<ByteSource> source, const CsvLayout& layout = {}) {
  Table table;
  auto reader = CsvReader::Read(std::move(source), "t.csv", layout);
  table.status = reader.status();
  if (!reader.ok()) return table;
  table.header = (*reader)->header();
  for (;;) {
    const auto found = (*reader)->Next();
    table.status = found.status();
    if (!found.ok() || !*found) return table;
    EXPECT_EQ((*reader)->row(), table.rows.size());
    const auto fields = (*reader)->fields();
    table.rows.emplace_back(fields.begin(), fields.end());
    table.lines.push_back((*reader)->line());
  }
}

inline Table ReadAll(const std::string& text, const CsvLayout& layout = {}) {
  return ReadAll(MakeMemorySource(text), layout);
}

inline void ExpectError(const std::string& text, const std::string& part,
                        const CsvLayout& layout = {}) {
  const Table table = ReadAll(text, layout);
  EXPECT_EQ(table.status.code(), absl::StatusCode::kDataLoss) << text;
  EXPECT_TRUE(absl::StrContains(std::string(table.status.message()), part)) << table.status;
}

}  // namespace rubato
