// A stream of bytes for the text readers: a plain file, a .gz (zlib) or a .zst (zstd) one. Which of
// them it is, is told by the first bytes and not by the name; several gzip members or zstd frames
// one after another are one stream. What is no text, packed or not, is refused by its kind. The
// only user of zlib and zstd for text.
//
// Reads fill the caller's span from its front and return how much they gave; 0 is the end.
// Errors: NotFound when the file is missing, DataLoss when the compressed data is damaged or cut
// short or the file is of another kind (worker/data/text/file_kind.h), each a sentence that begins
// with the file's name. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace rubato {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // At most out.size() bytes; 0 only at the end. Requires a non-empty span.
  virtual absl::StatusOr<size_t> Read(std::span<char> out) = 0;
};

// Compressed bytes read from the disk at a time.
inline constexpr size_t kSourceChunkBytes = size_t{256} << 10;

absl::StatusOr<std::unique_ptr<ByteSource>> OpenByteSource(const std::string& path);
// The bytes of `text`, at most `chunk_bytes` a read: for tests and fuzzing.
std::unique_ptr<ByteSource> MakeMemorySource(std::string text,
                                             size_t chunk_bytes = kSourceChunkBytes);

}  // namespace rubato
