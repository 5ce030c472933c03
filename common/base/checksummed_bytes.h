// The outermost layer of every small file that the servers keep: who wrote it, how long it is, and
// a checksum, so that a file is taken whole as it was written or not at all.
//
//   file         = magic length xxh3 payload, and nothing after it
//   magic        = 8 bytes, one value per kind of file
//   length       = u64, bytes of the payload
//   xxh3         = u64, XXH3-64 with seed 0 of the payload
//
// Numbers are little-endian. The payload is a FlatBuffer (schemas/snapshot.fbs), whose first field
// is the format version. Every bit is covered: magic and length are compared, the rest is hashed.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rubato {

// The payload at an address that a FlatBuffer may be read from.
class AlignedBytes {
 public:
  explicit AlignedBytes(absl::string_view bytes);
  const uint8_t* data() const;
  size_t size() const { return size_; }

 private:
  std::vector<uint64_t> words_;
  size_t size_;
};

// The `count` structs that lie at `from`, at an aligned address: FlatBuffers' verifier checks the
// alignment of a vector's length, not of its elements.
template <class Struct>
std::vector<Struct> CopyStructs(const uint8_t* from, size_t count) {
  static_assert(std::is_trivially_copyable_v<Struct>);
  std::vector<Struct> out(count);
  if (count > 0) std::memcpy(static_cast<void*>(out.data()), from, count * sizeof(Struct));
  return out;
}

// The file that holds `payload`. Requires magic.size() == 8.
std::string ChecksummedBytes(absl::string_view magic, absl::string_view payload);
// The payload of such a file. DataLoss with what is wrong, without the file's name: the caller
// knows it.
absl::StatusOr<AlignedBytes> PayloadOf(absl::string_view magic, absl::string_view file);

}  // namespace rubato
