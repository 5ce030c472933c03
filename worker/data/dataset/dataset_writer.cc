#include "worker/data/dataset/dataset_writer.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/draft.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/system_error.h"
#include "common/memory/finite.h"
#include "worker/data/dataset/dataset_format.h"

namespace rubato {
namespace {

constexpr size_t kBufferBytes = 256 * 1024;  // per section in use: at most 10 x 256 KiB
constexpr mode_t kMode = 0644;

// After so many bytes the disk is told to begin, so that it is not waited for at the end.
constexpr uint64_t kBegunBytes = uint64_t{4} << 20;

absl::Status WriteAllAt(int fd, absl::string_view bytes, uint64_t offset, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError(errno, "writing", path);
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return absl::OkStatus();
}

// One section on its way to the disk; hashed as it passes.
class Spill {
 public:
  Spill() { XXH3_64bits_reset(hash_.get()); }

  // The section stands there in the file itself; before the first Append.
  void Place(int file, uint64_t offset) {
    placed_in_ = file;
    offset_ = begun_ = offset;
  }

  absl::Status Append(const void* data, size_t bytes, const std::string& path) {
    if (bytes == 0) return absl::OkStatus();
    if (buffer_.capacity() == 0) buffer_.reserve(kBufferBytes);
    buffer_.append(static_cast<const char*>(data), bytes);
    bytes_ += bytes;
    return buffer_.size() < kBufferBytes ? absl::OkStatus() : Flush(path);
  }

  template <class T>
  absl::Status Append(std::span<const T> values, const std::string& path) {
    return Append(values.data(), values.size_bytes(), path);
  }

  // Pads to the alignment of a section; no Append after it.
  absl::StatusOr<SectionLayout> Close(const std::string& path) {
    const uint64_t bytes = bytes_;
    const std::array<char, kSectionAlignment> zeros = {};
    RETURN_IF_ERROR(Append(zeros.data(), PaddedBytes(bytes) - bytes, path));
    RETURN_IF_ERROR(Flush(path));
    return SectionLayout{.bytes = bytes, .xxh3 = XXH3_64bits_digest(hash_.get())};
  }

  absl::Status CopyTo(int to, const std::string& path) {
    if (bytes_ == 0) return absl::OkStatus();
    if (::lseek(fd_.get(), 0, SEEK_SET) != 0) return FileError(errno, "rewinding a part of", path);
    buffer_.resize(kBufferBytes);
    for (uint64_t left = bytes_; left > 0;) {
      const ssize_t n = ::read(fd_.get(), buffer_.data(), buffer_.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return FileError(errno, "reading back a part of", path);
      RETURN_IF_ERROR(WriteAll(to, {buffer_.data(), static_cast<size_t>(n)}, path));
      left -= static_cast<uint64_t>(n);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Flush(const std::string& path) {
    if (buffer_.empty()) return absl::OkStatus();
    XXH3_64bits_update(hash_.get(), buffer_.data(), buffer_.size());
    RETURN_IF_ERROR(placed_in_ < 0 ? WriteSpill(path) : WritePlaced(path));
    buffer_.clear();
    return absl::OkStatus();
  }

  absl::Status WritePlaced(const std::string& path) {
    RETURN_IF_ERROR(WriteAllAt(placed_in_, buffer_, offset_, path));
    offset_ += buffer_.size();
    if (offset_ - begun_ < kBegunBytes) return absl::OkStatus();
    // A file system that cannot do so does it when the draft is forced to the disk.
    ::sync_file_range(placed_in_, static_cast<off_t>(begun_), static_cast<off_t>(offset_ - begun_),
                      SYNC_FILE_RANGE_WRITE);
    begun_ = offset_;
    return absl::OkStatus();
  }

  absl::Status WriteSpill(const std::string& path) {
    if (fd_.get() < 0) {
      std::string name = path + ".spill.XXXXXX";
      fd_ = FileDescriptor(::mkostemp(name.data(), O_CLOEXEC));
      if (fd_.get() < 0) return FileError(errno, "creating a part of", path);
      ::unlink(name.c_str());
    }
    return WriteAll(fd_.get(), buffer_, path);
  }

  int placed_in_ = -1;   // not placed: in a spill
  uint64_t offset_ = 0;  // of the next byte, where it is placed
  uint64_t begun_ = 0;   // bytes of the section up to this offset go to the disk by now
  FileDescriptor fd_;    // without a name in the folder; -1 until there is something to write
  std::string buffer_;
  uint64_t bytes_ = 0;  // appended so far
  struct FreeState {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, FreeState> hash_{XXH3_createState()};
};

class FileWriter final : public DatasetWriter {
 public:
  FileWriter(std::string path, DatasetShape shape, std::optional<DatasetSize> size)
      : path_(std::move(path)), size_(size) {
    layout_.shape = std::move(shape);
  }

  absl::Status AddRow(const RowView& row) override;
  absl::Status Finish() override;
  uint64_t rows() const override { return layout_.rows; }

  // Finds out about a bad folder before any row is worked on.
  absl::Status Start() {
    ASSIGN_OR_RETURN(Draft draft, Draft::OfFile(path_, kMode));
    if (size_) Place(std::move(draft));
    if (layout_.shape.sparse_keys == 0) return absl::OkStatus();
    return spill(SectionKind::kRowBegin).Append(&entries_, sizeof(entries_), path_);
  }

 private:
  Spill& spill(SectionKind kind) { return spills_[static_cast<size_t>(kind)]; }
  absl::Status Invalid(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrFormat("row %d of dataset file %s: %s", layout_.rows, path_, what));
  }
  absl::Status CheckRow(const RowView& row) const;
  absl::Status CheckFeatures(const RowView& row) const;
  absl::Status AppendSparse(const RowView& row);
  // The bytes of the sections of a file of that size.
  std::array<uint64_t, kSectionKinds> BytesOf(const DatasetSize& size) const;
  // Gives each section its place in the draft.
  void Place(Draft draft);
  absl::Status JoinSpills();
  absl::Status FinishPlaced();

  const std::string path_;
  const std::optional<DatasetSize> size_;
  std::optional<Draft> draft_;  // of a file of known size
  DatasetLayout layout_;
  uint64_t entries_ = 0;    // of the sparse part
  size_t oracle_size_ = 0;  // of each row
  std::array<Spill, kSectionKinds> spills_;
};

absl::Status FileWriter::CheckFeatures(const RowView& row) const {
  const DatasetShape& shape = layout_.shape;
  if (!AllFinite(row.numeric) || !AllFinite(row.values)) return Invalid("a value is not finite");
  for (size_t k = 0; k < row.categories.size(); ++k) {
    if (row.categories[k] < shape.level_begin[k] || row.categories[k] >= shape.level_begin[k + 1]) {
      return Invalid(absl::StrFormat("category %d has level id %d, outside [%d, %d)", k,
                                     row.categories[k], shape.level_begin[k],
                                     shape.level_begin[k + 1]));
    }
  }
  for (const uint64_t key : row.keys) {
    if (key >= shape.sparse_keys) {
      return Invalid(absl::StrFormat("key %d is not below %d", key, shape.sparse_keys));
    }
  }
  return absl::OkStatus();
}

absl::Status FileWriter::CheckRow(const RowView& row) const {
  const DatasetShape& shape = layout_.shape;
  if (row.numeric.size() != shape.numeric_columns ||
      row.categories.size() != shape.category_columns || row.keys.size() != row.values.size()) {
    return Invalid(absl::StrFormat("%d numbers, %d categories, %d keys and %d values do not fit",
                                   row.numeric.size(), row.categories.size(), row.keys.size(),
                                   row.values.size()));
  }
  if (size_ && (layout_.rows == size_->rows || row.oracle.size() != size_->oracle ||
                row.keys.size() > size_->entries - entries_)) {
    return Invalid("the file was to have other rows");
  }
  if (!std::isfinite(row.label)) return Invalid("the label is not finite");
  if (!std::isfinite(row.weight) || row.weight < 0.0f) return Invalid("the weight is not >= 0");
  if (!std::isfinite(row.offset) || (row.offset != 0.0f && !shape.offsets)) {
    return Invalid("the offset is not finite, or the shape has none");
  }
  if (!std::isfinite(row.scale) || row.scale <= 0.0f || (row.scale != 1.0f && !shape.scales)) {
    return Invalid("the scale is not above 0, or the shape has none");
  }
  if (layout_.rows > 0 && row.oracle.size() != oracle_size_) {
    return Invalid("the oracle must be given for all rows alike, or for none");
  }
  for (const float oracle : row.oracle) {
    if (!std::isfinite(oracle)) return Invalid("the oracle is not finite");
  }
  return CheckFeatures(row);
}

absl::Status FileWriter::AppendSparse(const RowView& row) {
  if (layout_.shape.sparse_keys == 0) return absl::OkStatus();
  entries_ += row.keys.size();
  RETURN_IF_ERROR(spill(SectionKind::kRowBegin).Append(&entries_, sizeof(entries_), path_));
  RETURN_IF_ERROR(spill(SectionKind::kKeys).Append(row.keys, path_));
  return spill(SectionKind::kValues).Append(row.values, path_);
}

absl::Status FileWriter::AddRow(const RowView& row) {
  RETURN_IF_ERROR(CheckRow(row));
  oracle_size_ = row.oracle.size();
  RETURN_IF_ERROR(spill(SectionKind::kNumeric).Append(row.numeric, path_));
  RETURN_IF_ERROR(spill(SectionKind::kCategories).Append(row.categories, path_));
  RETURN_IF_ERROR(AppendSparse(row));
  RETURN_IF_ERROR(spill(SectionKind::kLabels).Append(&row.label, sizeof(float), path_));
  RETURN_IF_ERROR(spill(SectionKind::kWeights).Append(&row.weight, sizeof(float), path_));
  if (layout_.shape.offsets) {
    RETURN_IF_ERROR(spill(SectionKind::kOffsets).Append(&row.offset, sizeof(float), path_));
  }
  if (layout_.shape.scales) {
    RETURN_IF_ERROR(spill(SectionKind::kScales).Append(&row.scale, sizeof(float), path_));
  }
  RETURN_IF_ERROR(spill(SectionKind::kOracle).Append(row.oracle, path_));
  ++layout_.rows;
  return absl::OkStatus();
}

std::array<uint64_t, kSectionKinds> FileWriter::BytesOf(const DatasetSize& size) const {
  const DatasetShape& shape = layout_.shape;
  const uint64_t begins = shape.sparse_keys > 0 ? size.rows + 1 : 0;
  std::array<uint64_t, kSectionKinds> bytes = {};
  const auto set = [&bytes](SectionKind kind, uint64_t of) {
    bytes[static_cast<size_t>(kind)] = of;
  };
  set(SectionKind::kNumeric, size.rows * shape.numeric_columns * sizeof(float));
  set(SectionKind::kCategories, size.rows * shape.category_columns * sizeof(uint32_t));
  set(SectionKind::kRowBegin, begins * sizeof(uint64_t));
  set(SectionKind::kKeys, size.entries * sizeof(uint64_t));
  set(SectionKind::kValues, size.entries * sizeof(float));
  set(SectionKind::kLabels, size.rows * sizeof(float));
  set(SectionKind::kWeights, size.rows * sizeof(float));
  set(SectionKind::kOracle, size.rows * size.oracle * sizeof(float));
  if (shape.offsets) set(SectionKind::kOffsets, size.rows * sizeof(float));
  if (shape.scales) set(SectionKind::kScales, size.rows * sizeof(float));
  return bytes;
}

void FileWriter::Place(Draft draft) {
  DatasetLayout told = layout_;
  told.rows = size_->rows;
  const auto bytes = BytesOf(*size_);
  for (size_t i = 0; i < kSectionKinds; ++i) told.sections[i].bytes = bytes[i];
  // As long as the head will be: a checksum takes as many bytes whatever it is.
  uint64_t offset = EncodeDatasetHeader(told).size();
  draft_.emplace(std::move(draft));
  for (size_t i = 0; i < kSectionKinds; ++i) {
    spills_[i].Place(draft_->fd(), offset);
    offset += PaddedBytes(bytes[i]);
  }
}

absl::Status FileWriter::JoinSpills() {
  ASSIGN_OR_RETURN(Draft draft, Draft::OfFile(path_, kMode));
  RETURN_IF_ERROR(WriteAll(draft.fd(), EncodeDatasetHeader(layout_), path_));
  for (Spill& spill : spills_) RETURN_IF_ERROR(spill.CopyTo(draft.fd(), path_));
  return draft.Publish();
}

absl::Status FileWriter::FinishPlaced() {
  RETURN_IF_ERROR(WriteAllAt(draft_->fd(), EncodeDatasetHeader(layout_), 0, path_));
  return draft_->Publish();
}

absl::Status FileWriter::Finish() {
  const bool whole = !size_ || (layout_.rows == size_->rows && entries_ == size_->entries);
  if (!whole) return Invalid("the file was to have other rows");
  for (size_t i = 0; i < kSectionKinds; ++i) {
    ASSIGN_OR_RETURN(layout_.sections[i], spills_[i].Close(path_));
  }
  return size_ ? FinishPlaced() : JoinSpills();
}

absl::StatusOr<std::unique_ptr<DatasetWriter>> StartWriter(const std::string& path,
                                                           const DatasetShape& shape,
                                                           std::optional<DatasetSize> size) {
  RETURN_IF_ERROR(ValidateShape(shape));
  auto writer = std::make_unique<FileWriter>(path, shape, size);
  RETURN_IF_ERROR(writer->Start());
  return writer;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DatasetWriter>> DatasetWriter::Create(const std::string& path,
                                                                     const DatasetShape& shape) {
  return StartWriter(path, shape, std::nullopt);
}

absl::StatusOr<std::unique_ptr<DatasetWriter>> DatasetWriter::Create(const std::string& path,
                                                                     const DatasetShape& shape,
                                                                     const DatasetSize& size) {
  return StartWriter(path, shape, size);
}

}  // namespace rubato
