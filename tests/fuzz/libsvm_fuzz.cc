// Any bytes: the LIBSVM reader gives rows with increasing indices and finite values, or a sentence,
// the same for every way the bytes arrive.
//
// Decoders: worker/data/text/libsvm.cc
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "worker/data/text/libsvm.h"

namespace {

struct Read {
  std::vector<rubato::LibsvmRow> rows;
  bool ok = false;
};

Read ReadAll(const std::string& text, size_t chunk_bytes) {
  rubato::LibsvmReader reader(rubato::MakeMemorySource(text, chunk_bytes), "fuzz");
  Read read;
  for (;;) {
    rubato::LibsvmRow row;
    const auto found = reader.Next(&row);
    read.ok = found.ok();
    if (!found.ok() || !*found) return read;
    read.rows.push_back(row);
  }
}

void Check(const rubato::LibsvmRow& row) {
  if (!std::isfinite(row.label) || row.keys.size() != row.values.size()) std::abort();
  for (size_t i = 0; i < row.keys.size(); ++i) {
    if (row.keys[i] > rubato::kMaxLibsvmIndex) std::abort();
    if (i > 0 && row.keys[i] <= row.keys[i - 1]) std::abort();
    if (!std::isfinite(row.values[i])) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const Read read = ReadAll(text, text.size() + 1);
  const Read slow = ReadAll(text, 1);
  if (read.ok != slow.ok || read.rows.size() != slow.rows.size()) std::abort();
  for (size_t i = 0; i < read.rows.size(); ++i) {
    Check(read.rows[i]);
    if (read.rows[i].keys != slow.rows[i].keys) std::abort();
  }
  return 0;
}
