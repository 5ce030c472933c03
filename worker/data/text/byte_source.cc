#include "worker/data/text/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/base/system_error.h"
#include "worker/data/text/file_kind.h"
#include "worker/data/text/unpack_bound.h"

namespace rubato {
namespace {

class FileSource : public ByteSource {
 public:
  FileSource(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  ~FileSource() override { close(descriptor_); }

  absl::StatusOr<size_t> Read(std::span<char> out) override {
    for (;;) {
      const ssize_t n = read(descriptor_, out.data(), out.size());
      if (n >= 0) {
        taken_ += static_cast<uint64_t>(n);
        return static_cast<size_t>(n);
      }
      if (errno != EINTR) return FileError(errno, "reading", path_);
    }
  }

  // Bytes read so far.
  uint64_t taken() const { return taken_; }

 private:
  int descriptor_;
  std::string path_;
  uint64_t taken_ = 0;
};

class GzipSource : public ByteSource {
 public:
  // inflateInit2's window bits for "a gzip header, the largest window".
  static constexpr int kGzipWindowBits = 15 + 16;

  GzipSource(std::unique_ptr<ByteSource> input, std::string path)
      : input_(std::move(input)), path_(std::move(path)), chunk_(kSourceChunkBytes) {
    CHECK(inflateInit2(&stream_, kGzipWindowBits) == Z_OK, "zlib out of memory");
  }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;
  ~GzipSource() override { inflateEnd(&stream_); }

  absl::StatusOr<size_t> Read(std::span<char> out) override {
    const size_t room = std::min<size_t>(out.size(), size_t{1} << 30);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(room);
    while (stream_.avail_out == room) {
      if (stream_.avail_in == 0) RETURN_IF_ERROR(Refill());
      if (stream_.avail_in == 0) return AtEnd();
      RETURN_IF_ERROR(Inflate());
    }
    return room - stream_.avail_out;
  }

 private:
  absl::Status Refill() {
    ASSIGN_OR_RETURN(const size_t n, input_->Read(chunk_));
    stream_.next_in = reinterpret_cast<Bytef*>(chunk_.data());
    stream_.avail_in = static_cast<uInt>(n);
    return absl::OkStatus();
  }

  absl::Status Inflate() {
    if (member_ended_) {
      inflateReset(&stream_);
      member_ended_ = false;
    }
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      member_ended_ = true;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return absl::DataLossError(
          absl::StrFormat("%s: its gzip data is damaged (%s); copy the file again", path_,
                          stream_.msg == nullptr ? "unknown error" : stream_.msg));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> AtEnd() const {
    if (member_ended_) return 0;
    return absl::DataLossError(
        absl::StrFormat("%s: its gzip data ends too early; copy the file again", path_));
  }

  std::unique_ptr<ByteSource> input_;
  std::string path_;
  std::vector<char> chunk_;
  z_stream stream_ = {};
  bool member_ended_ = false;
};

class ZstdSource : public ByteSource {
 public:
  ZstdSource(std::unique_ptr<ByteSource> input, std::string path)
      : input_(std::move(input)), path_(std::move(path)), chunk_(kSourceChunkBytes) {
    CHECK(stream_ != nullptr, "zstd out of memory");
  }

  absl::StatusOr<size_t> Read(std::span<char> out) override {
    ZSTD_outBuffer target = {out.data(), out.size(), 0};
    for (;;) {
      // Asked before more input is read: after a full output the decoder may still hold some.
      const size_t before = pending_.pos;
      const size_t result = ZSTD_decompressStream(stream_.get(), &target, &pending_);
      if (ZSTD_isError(result) != 0) return Damaged(ZSTD_getErrorName(result));
      if (pending_.pos > before || target.pos > 0) frame_open_ = result != 0;
      if (target.pos > 0) return target.pos;
      if (pending_.pos < pending_.size) continue;
      ASSIGN_OR_RETURN(const size_t n, input_->Read(chunk_));
      if (n == 0) return AtEnd();
      pending_ = {chunk_.data(), n, 0};
    }
  }

 private:
  struct FreeStream {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  absl::Status Damaged(const char* reason) const {
    return absl::DataLossError(
        absl::StrFormat("%s: its zstd data is damaged (%s); copy the file again", path_, reason));
  }
  absl::StatusOr<size_t> AtEnd() const {
    if (frame_open_) return Damaged("it ends too early");
    return 0;
  }

  std::unique_ptr<ByteSource> input_;
  std::string path_;
  std::vector<char> chunk_;
  ZSTD_inBuffer pending_ = {nullptr, 0, 0};
  bool frame_open_ = false;
  std::unique_ptr<ZSTD_DStream, FreeStream> stream_{ZSTD_createDStream()};
};

// Of a compressed file: ends with an error where there is more than `most`.
// Of `input`, which unpacks `file`, as much as `bound` allows of what has been read of it: a pipe
// has no size that could be asked for.
class BoundedSource : public ByteSource {
 public:
  BoundedSource(std::unique_ptr<ByteSource> input, const FileSource* file, UnpackBound bound,
                std::string path)
      : input_(std::move(input)), file_(file), bound_(bound), path_(std::move(path)) {}

  absl::StatusOr<size_t> Read(std::span<char> out) override {
    ASSIGN_OR_RETURN(const size_t n, input_->Read(out));
    given_ += n;
    const uint64_t most = bound_.bytes + bound_.times * file_->taken();
    if (given_ <= most) return n;
    return absl::DataLossError(absl::StrFormat(
        "%s: unpacks to more than %d bytes, far more than data of its size; unpack it yourself if "
        "that is what it is",
        path_, most));
  }

 private:
  const std::unique_ptr<ByteSource> input_;
  const FileSource* const file_;  // below it
  const UnpackBound bound_;
  const std::string path_;
  uint64_t given_ = 0;
};

class MemorySource : public ByteSource {
 public:
  MemorySource(std::string text, size_t chunk_bytes)
      : text_(std::move(text)), chunk_bytes_(chunk_bytes) {}

  absl::StatusOr<size_t> Read(std::span<char> out) override {
    const size_t n = std::min({out.size(), chunk_bytes_, text_.size() - position_});
    std::memcpy(out.data(), text_.data() + position_, n);
    position_ += n;
    return n;
  }

 private:
  std::string text_;
  size_t chunk_bytes_;
  size_t position_ = 0;
};

// Another source whose first bytes have been looked at.
class PeekedSource : public ByteSource {
 public:
  explicit PeekedSource(std::unique_ptr<ByteSource> input) : input_(std::move(input)) {}

  // The first kFileKindBytes, fewer only when the source ends; to be called before any Read.
  absl::StatusOr<absl::string_view> Peek() {
    head_.resize(kFileKindBytes);
    size_t size = 0;
    while (size < head_.size()) {
      ASSIGN_OR_RETURN(const size_t n, input_->Read({head_.data() + size, head_.size() - size}));
      if (n == 0) break;
      size += n;
    }
    head_.resize(size);
    return absl::string_view(head_);
  }
  absl::StatusOr<size_t> Read(std::span<char> out) override {
    if (position_ == head_.size()) return input_->Read(out);
    const size_t n = head_.copy(out.data(), out.size(), position_);
    position_ += n;
    return n;
  }

 private:
  std::unique_ptr<ByteSource> input_;
  std::string head_;
  size_t position_ = 0;
};

absl::StatusOr<std::unique_ptr<FileSource>> OpenFile(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return FileError(errno, "opening", path);
  auto file = std::make_unique<FileSource>(descriptor, path);
  struct stat status = {};
  if (fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    return absl::NotFoundError(absl::StrFormat("%s: is a folder; name a file in it", path));
  }
  return file;
}

// `source` unpacked, if it is compressed in a way that we read; `packed` tells.
absl::StatusOr<std::unique_ptr<ByteSource>> Unpack(std::unique_ptr<ByteSource> source,
                                                   const std::string& path, bool* packed) {
  auto peeked = std::make_unique<PeekedSource>(std::move(source));
  ASSIGN_OR_RETURN(const absl::string_view head, peeked->Peek());
  RETURN_IF_ERROR(CheckFileKind(head, path));
  *packed = true;
  if (IsGzip(head)) return std::make_unique<GzipSource>(std::move(peeked), path);
  if (IsZstd(head)) return std::make_unique<ZstdSource>(std::move(peeked), path);
  *packed = false;
  return peeked;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> OpenByteSource(const std::string& path) {
  return OpenBoundedSource(path, UnpackBound());
}

absl::StatusOr<std::unique_ptr<ByteSource>> OpenBoundedSource(const std::string& path,
                                                              UnpackBound bound) {
  ASSIGN_OR_RETURN(std::unique_ptr<FileSource> opened, OpenFile(path));
  const FileSource* const file = opened.get();
  bool packed = false;
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, Unpack(std::move(opened), path, &packed));
  if (!packed) return source;
  source = std::make_unique<BoundedSource>(std::move(source), file, bound, path);
  ASSIGN_OR_RETURN(source, Unpack(std::move(source), path, &packed));
  if (!packed) return source;
  return absl::DataLossError(absl::StrFormat("%s: is compressed twice; unpack it once", path));
}

std::unique_ptr<ByteSource> MakeMemorySource(std::string text, size_t chunk_bytes) {
  return std::make_unique<MemorySource>(std::move(text), chunk_bytes);
}

}  // namespace rubato
