// Any bytes: the idx reader gives whole images with their number, or a sentence, the same for every
// way the bytes arrive. Labels, if there are any, stand behind the first two bytes ff fe.
//
// Decoders: worker/data/tables/idx_reader.cc
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "worker/data/tables/idx_reader.h"

namespace {

struct Read {
  std::vector<std::string> rows;
  bool ok = false;
};

using File = std::unique_ptr<rubato::IdxFile>;

absl::StatusOr<File> Open(const std::string& text, size_t chunk_bytes) {
  return rubato::IdxFile::Read(rubato::MakeMemorySource(text, chunk_bytes), "fuzz");
}

Read ReadAll(const std::string& text, size_t chunk_bytes) {
  const size_t end = text.find("\xff\xfe");
  Read read;
  auto images = Open(text.substr(0, end), chunk_bytes);
  if (!images.ok()) return read;
  absl::StatusOr<File> labels = File();
  if (end != std::string::npos) labels = Open(text.substr(end + 2), chunk_bytes);
  if (!labels.ok()) return read;
  auto reader = rubato::IdxReader::Make(*std::move(images), *std::move(labels));
  if (!reader.ok()) return read;
  for (;;) {
    const auto found = (*reader)->Next();
    read.ok = found.ok();
    if (!found.ok() || !*found) return read;
    const auto fields = (*reader)->fields();
    if (fields.size() != (*reader)->header().size()) std::abort();
    std::string& row = read.rows.emplace_back();
    for (const absl::string_view field : fields) absl::StrAppend(&row, field, ",");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const Read read = ReadAll(text, text.size() + 1);
  const Read slow = ReadAll(text, 1);
  if (read.ok != slow.ok || read.rows != slow.rows) std::abort();
  return 0;
}
