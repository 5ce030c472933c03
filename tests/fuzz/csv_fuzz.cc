// Any bytes: the CSV reader gives rows as wide as the header or a sentence, the same for every way
// the bytes arrive, and a second reading of what it gave (quoted anew) gives it again.
//
// Decoders: worker/data/text/csv.cc worker/data/text/header_check.cc
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "worker/data/text/csv.h"
#include "worker/data/text/header_check.h"

namespace {

using Rows = std::vector<std::vector<std::string>>;

struct Table {
  Rows rows;  // the header first
  bool ok = false;
};

Table ReadAll(const std::string& text, size_t chunk_bytes, const rubato::CsvLayout& layout = {}) {
  Table table;
  auto reader =
      rubato::CsvReader::Read(rubato::MakeMemorySource(text, chunk_bytes), "fuzz", layout);
  if (!reader.ok()) return table;
  table.rows.push_back((*reader)->header());
  for (;;) {
    const auto found = (*reader)->Next();
    table.ok = found.ok();
    if (!found.ok() || !*found) return table;
    const auto fields = (*reader)->fields();
    if (fields.size() != table.rows[0].size()) std::abort();
    table.rows.emplace_back(fields.begin(), fields.end());
  }
}

std::string Write(const Rows& rows, char separator) {
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) text += separator;
      text += '"';
      for (const char c : row[i]) text += c == '"' ? std::string("\"\"") : std::string(1, c);
      text += '"';
    }
    text += "\r\n";
  }
  return text;
}

// The bytes may arrive in any way.
Table ReadTwice(const std::string& text, const rubato::CsvLayout& layout) {
  const Table table = ReadAll(text, text.size() + 1, layout);
  const Table slow = ReadAll(text, 1, layout);
  if (table.ok != slow.ok || table.rows != slow.rows) std::abort();
  return table;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  ReadTwice(text, {.header = false});
  ReadTwice(text, {.header = true, .skip_lines = 2});
  auto bare = rubato::CsvReader::Read(rubato::MakeMemorySource(text), "fuzz", {.header = false});
  if (bare.ok()) static_cast<void>(rubato::CheckHeader(**bare));
  const Table table = ReadTwice(text, {});
  if (!table.ok) return 0;
  const Table again = ReadAll(Write(table.rows, ';'), 64);
  if (!again.ok || again.rows != table.rows) std::abort();
  return 0;
}
