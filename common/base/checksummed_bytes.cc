#include "common/base/checksummed_bytes.h"

#include <xxhash.h>

#include <bit>

#include "common/base/status.h"

namespace rubato {
namespace {

static_assert(std::endian::native == std::endian::little, "disk formats are little-endian");
constexpr size_t kMagicBytes = 8;
constexpr size_t kHeaderBytes = kMagicBytes + 2 * sizeof(uint64_t);

uint64_t ReadU64(const char* at) {
  uint64_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

void AppendU64(std::string* out, uint64_t value) {
  char bytes[sizeof(value)];
  std::memcpy(bytes, &value, sizeof(value));
  out->append(bytes, sizeof(bytes));
}

}  // namespace

AlignedBytes::AlignedBytes(absl::string_view bytes)
    : words_(bytes.size() / sizeof(uint64_t) + 1), size_(bytes.size()) {
  std::memcpy(words_.data(), bytes.data(), bytes.size());
}

const uint8_t* AlignedBytes::data() const {
  return reinterpret_cast<const uint8_t*>(words_.data());
}

std::string ChecksummedBytes(absl::string_view magic, absl::string_view payload) {
  CHECK(magic.size() == kMagicBytes);
  std::string out(magic);
  AppendU64(&out, payload.size());
  AppendU64(&out, XXH3_64bits(payload.data(), payload.size()));
  out.append(payload.data(), payload.size());
  return out;
}

absl::StatusOr<AlignedBytes> PayloadOf(absl::string_view magic, absl::string_view file) {
  if (file.size() < kHeaderBytes) {
    return absl::DataLossError(absl::StrFormat("it is cut short at %d bytes", file.size()));
  }
  if (file.substr(0, kMagicBytes) != magic) {
    return absl::DataLossError(absl::StrFormat("it does not begin with %s", magic));
  }
  const absl::string_view payload = file.substr(kHeaderBytes);
  if (const uint64_t length = ReadU64(file.data() + kMagicBytes); length != payload.size()) {
    return absl::DataLossError(
        absl::StrFormat("it holds %d bytes after its header, not %d", payload.size(), length));
  }
  if (ReadU64(file.data() + kMagicBytes + 8) != XXH3_64bits(payload.data(), payload.size())) {
    return absl::DataLossError("its checksum is wrong");
  }
  return AlignedBytes(payload);
}

}  // namespace rubato
