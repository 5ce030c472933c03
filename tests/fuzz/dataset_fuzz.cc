// Opens any bytes as a dataset file, and reads all rows of what opens. Each input is tried as it
// is, and once more with its checksums made right, which no mutation would hit by chance: that is
// what gets at the header decoder and at the checks of the contents.
//
// Decoders: worker/data/dataset/dataset_format.cc worker/data/dataset/dataset.cc
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include <cstring>
#include <numeric>
#include <string>

#include "common/base/status.h"
#include "worker/data/dataset/dataset.h"
#include "worker/data/dataset/dataset_format.h"

namespace rubato {
namespace {

constexpr uint64_t kMaxRowsRead = 1000;

void OpenAndRead(const std::string& bytes) {
  const int fd = ::memfd_create("fuzz.rbd", 0);
  CHECK(fd >= 0);
  CHECK(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  const auto dataset = OpenDataset(absl::StrFormat("/proc/self/fd/%d", fd));
  ::close(fd);
  if (!dataset.ok()) {
    // Damaged, or of another version of the format.
    CHECK(absl::IsDataLoss(dataset.status()) || absl::IsFailedPrecondition(dataset.status()));
    return;
  }
  std::vector<uint64_t> rows(std::min((*dataset)->rows(), kMaxRowsRead));
  std::iota(rows.rbegin(), rows.rend(), 0);
  Batch batch;
  (*dataset)->Read(rows, &batch);
  for (const uint32_t level : batch.categories) CHECK(level < (*dataset)->shape().levels);
}

// Makes the size and the checksum of the head fit; see the grammar in dataset_format.h.
void SetHeadChecksum(std::string* bytes) {
  uint32_t header_bytes;
  std::memcpy(&header_bytes, bytes->data() + 12, sizeof(header_bytes));
  if (PaddedBytes(header_bytes) > bytes->size() - kPrefixBytes) return;
  const uint64_t file_bytes = bytes->size();
  std::memcpy(bytes->data() + 16, &file_bytes, sizeof(file_bytes));
  std::memset(bytes->data() + 24, 0, sizeof(uint64_t));
  const uint64_t seed = XXH3_64bits(bytes->data(), kPrefixBytes);
  const uint64_t hash =
      XXH3_64bits_withSeed(bytes->data() + kPrefixBytes, PaddedBytes(header_bytes), seed);
  std::memcpy(bytes->data() + 24, &hash, sizeof(hash));
}

void SetSectionChecksums(std::string* bytes) {
  auto layout = DecodeDatasetHeader(std::as_bytes(std::span(*bytes)));
  if (!layout.ok()) return;
  const std::string body = bytes->substr(layout->sections[0].offset);
  for (SectionLayout& section : layout->sections) {
    section.xxh3 = XXH3_64bits(bytes->data() + section.offset, PaddedBytes(section.bytes));
  }
  *bytes = EncodeDatasetHeader(*layout) + body;
}

}  // namespace
}  // namespace rubato

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  rubato::OpenAndRead(bytes);
  if (size < rubato::kPrefixBytes) return 0;
  rubato::SetHeadChecksum(&bytes);
  rubato::SetSectionChecksums(&bytes);
  rubato::OpenAndRead(bytes);
  return 0;
}
