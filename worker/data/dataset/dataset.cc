// Opens a dataset file: maps it, and looks at every byte once before anything is trusted, so that
// Read() can go without a check. A file that is cut short by somebody else while it is mapped ends
// the process with SIGBUS, as with every mapping.
#include "worker/data/dataset/dataset.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cmath>
#include <limits>
#include <utility>

#include "common/base/status.h"
#include "common/base/system_error.h"
#include "common/memory/finite.h"
#include "worker/data/dataset/dataset_format.h"

namespace rubato {
namespace {

// Rows whose memory is asked for before it is needed: a cache miss is about ten rows of copying.
constexpr size_t kPrefetchRows = 12;
constexpr size_t kCacheLineBytes = 64;

absl::Status CannotOpen(const std::string& path) {
  if (errno != ENOENT) return FileError(errno, "opening", path);
  return absl::NotFoundError(absl::StrFormat(
      "there is no dataset file %s; prepare the data again, or correct the path", path));
}

// Bytes of a file, read-only.
class Mapping {
 public:
  explicit Mapping(std::span<const std::byte> bytes) : bytes_(bytes) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }
  std::span<const std::byte> bytes() const { return bytes_; }

  static absl::StatusOr<std::unique_ptr<Mapping>> Open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return CannotOpen(path);
    auto mapping = Map(fd, path);
    ::close(fd);
    return mapping;
  }

 private:
  static absl::StatusOr<std::unique_ptr<Mapping>> Map(int fd, const std::string& path) {
    struct stat info;
    if (::fstat(fd, &info) != 0) return CannotOpen(path);
    if (S_ISDIR(info.st_mode)) {
      errno = EISDIR;
      return CannotOpen(path);
    }
    const auto size = static_cast<size_t>(info.st_size);
    if (size == 0) return std::make_unique<Mapping>(std::span<const std::byte>());
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    if (address == MAP_FAILED && errno == ENOMEM) {
      return absl::ResourceExhaustedError(absl::StrFormat(
          "not enough memory to map the %d bytes of dataset file %s; raise the limit (ulimit -v)",
          size, path));
    }
    if (address == MAP_FAILED) return CannotOpen(path);
    return std::make_unique<Mapping>(std::span(static_cast<const std::byte*>(address), size));
  }

  const std::span<const std::byte> bytes_;
};

class MappedDataset final : public Dataset {
 public:
  MappedDataset(std::unique_ptr<Mapping> mapping, DatasetLayout layout)
      : mapping_(std::move(mapping)),
        layout_(std::move(layout)),
        numeric_(Section<float>(SectionKind::kNumeric)),
        categories_(Section<uint32_t>(SectionKind::kCategories)),
        row_begin_(Section<uint64_t>(SectionKind::kRowBegin)),
        keys_(Section<uint64_t>(SectionKind::kKeys)),
        values_(Section<float>(SectionKind::kValues)),
        labels_(Section<float>(SectionKind::kLabels)),
        weights_(Section<float>(SectionKind::kWeights)),
        offsets_(Section<float>(SectionKind::kOffsets)),
        scales_(Section<float>(SectionKind::kScales)),
        oracle_(Section<float>(SectionKind::kOracle)) {}

  const DatasetShape& shape() const override { return layout_.shape; }
  uint64_t rows() const override { return layout_.rows; }
  std::span<const float> labels() const override { return labels_; }
  std::span<const float> weights() const override { return weights_; }
  std::span<const float> offsets() const override { return offsets_; }
  std::span<const float> scales() const override { return scales_; }
  std::span<const float> oracle() const override { return oracle_; }
  void Read(std::span<const uint64_t> indices, Batch* out) const override;

  // Checksums first, then what they cannot vouch for: a file can be wrong and have the right
  // checksums.
  absl::Status Verify() const;

 private:
  template <class T>
  std::span<const T> Section(SectionKind kind) const {
    const SectionLayout& section = layout_.section(kind);
    return {reinterpret_cast<const T*>(mapping_->bytes().data() + section.offset),
            section.bytes / sizeof(T)};
  }
  absl::Status VerifyNumbers() const;
  absl::Status VerifyCategories() const;
  absl::Status VerifySparse() const;
  void Prefetch(uint64_t row) const;
  void ReadScales(std::span<const uint64_t> indices, Batch* out) const;
  void ReadSparse(std::span<const uint64_t> indices, Batch* out) const;

  const std::unique_ptr<Mapping> mapping_;
  const DatasetLayout layout_;
  // Views into the mapping; 64-byte aligned by the format.
  const std::span<const float> numeric_;        // [rows, numeric_columns]
  const std::span<const uint32_t> categories_;  // [rows, category_columns]
  const std::span<const uint64_t> row_begin_;   // [rows + 1], or empty
  const std::span<const uint64_t> keys_;
  const std::span<const float> values_;
  const std::span<const float> labels_;   // [rows]
  const std::span<const float> weights_;  // [rows]
  const std::span<const float> offsets_;  // [rows], or empty
  const std::span<const float> scales_;   // [rows], or empty
  const std::span<const float> oracle_;   // [rows, outputs], or empty
};

absl::Status MappedDataset::VerifyNumbers() const {
  for (const auto& numbers : {numeric_, values_, labels_, offsets_, oracle_}) {
    if (!AllFinite(numbers)) return absl::DataLossError("it has a number that is not finite");
  }
  for (const float weight : weights_) {
    if (!(weight >= 0.0f && std::isfinite(weight))) {
      return absl::DataLossError("it has a weight that is not >= 0");
    }
  }
  for (const float scale : scales_) {
    if (!(scale > 0.0f && std::isfinite(scale))) {
      return absl::DataLossError("it has a scale that is not above 0");
    }
  }
  return absl::OkStatus();
}

absl::Status MappedDataset::VerifyCategories() const {
  const size_t columns = layout_.shape.category_columns;
  const std::vector<uint64_t>& begin = layout_.shape.level_begin;
  for (size_t i = 0; i < categories_.size(); i += columns) {
    for (size_t k = 0; k < columns; ++k) {
      const uint32_t level = categories_[i + k];
      if (level < begin[k] || level >= begin[k + 1]) {
        return absl::DataLossError(
            absl::StrFormat("row %d has an unknown level of category %d", i / columns, k));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status MappedDataset::VerifySparse() const {
  if (row_begin_.empty()) return absl::OkStatus();
  bool ordered = row_begin_.front() == 0 && row_begin_.back() == keys_.size();
  for (size_t i = 1; i < row_begin_.size(); ++i) ordered &= row_begin_[i - 1] <= row_begin_[i];
  if (!ordered) return absl::DataLossError("its sparse rows do not follow each other");
  for (const uint64_t key : keys_) {
    if (key >= layout_.shape.sparse_keys)
      return absl::DataLossError("it has an unknown sparse key");
  }
  return absl::OkStatus();
}

absl::Status MappedDataset::Verify() const {
  for (size_t i = 0; i < kSectionKinds; ++i) {
    const SectionLayout& section = layout_.sections[i];
    const std::byte* begin = mapping_->bytes().data() + section.offset;
    if (XXH3_64bits(begin, PaddedBytes(section.bytes)) != section.xxh3) {
      return absl::DataLossError(absl::StrFormat("the checksum of section %d does not match", i));
    }
  }
  RETURN_IF_ERROR(VerifyNumbers());
  RETURN_IF_ERROR(VerifyCategories());
  return VerifySparse();
}

void PrefetchRange(const void* begin, size_t bytes) {
  const char* at = static_cast<const char*>(begin);
  for (size_t i = 0; i < bytes; i += kCacheLineBytes) __builtin_prefetch(at + i);
}

void MappedDataset::Prefetch(uint64_t row) const {
  const DatasetShape& shape = layout_.shape;
  PrefetchRange(numeric_.data() + row * shape.numeric_columns,
                shape.numeric_columns * sizeof(float));
  PrefetchRange(categories_.data() + row * shape.category_columns,
                shape.category_columns * sizeof(uint32_t));
  __builtin_prefetch(labels_.data() + row);
  __builtin_prefetch(weights_.data() + row);
  if (!offsets_.empty()) __builtin_prefetch(offsets_.data() + row);
  if (!row_begin_.empty()) __builtin_prefetch(row_begin_.data() + row);
}

void MappedDataset::ReadSparse(std::span<const uint64_t> indices, Batch* out) const {
  out->row_begin.clear();
  out->keys.clear();
  out->values.clear();
  if (row_begin_.empty()) return;
  out->row_begin.push_back(0);
  for (const uint64_t row : indices) {
    const auto begin = static_cast<ptrdiff_t>(row_begin_[row]);
    const auto end = static_cast<ptrdiff_t>(row_begin_[row + 1]);
    out->keys.insert(out->keys.end(), keys_.begin() + begin, keys_.begin() + end);
    out->values.insert(out->values.end(), values_.begin() + begin, values_.begin() + end);
    CHECK(out->keys.size() <= std::numeric_limits<uint32_t>::max(), "batch too large");
    out->row_begin.push_back(static_cast<uint32_t>(out->keys.size()));
  }
}

void MappedDataset::ReadScales(std::span<const uint64_t> indices, Batch* out) const {
  for (size_t i = 0; i < out->scales.size(); ++i) {
    out->scales[i] = scales_[indices[i]];
    out->labels[i] /= out->scales[i];
  }
}

void MappedDataset::Read(std::span<const uint64_t> indices, Batch* out) const {
  const size_t numeric = layout_.shape.numeric_columns;
  const size_t category = layout_.shape.category_columns;
  out->rows = indices.size();
  out->numeric_columns = numeric;
  out->category_columns = category;
  out->numeric.resize(indices.size() * numeric);
  out->categories.resize(indices.size() * category);
  out->labels.resize(indices.size());
  out->weights.resize(indices.size());
  out->offsets.resize(offsets_.empty() ? 0 : indices.size());
  out->scales.resize(scales_.empty() ? 0 : indices.size());
  for (size_t i = 0; i < indices.size(); ++i) {
    const uint64_t row = indices[i];
    CHECK(row < layout_.rows);
    if (i + kPrefetchRows < indices.size() && indices[i + kPrefetchRows] < layout_.rows) {
      Prefetch(indices[i + kPrefetchRows]);
    }
    std::copy_n(numeric_.data() + row * numeric, numeric, out->numeric.data() + i * numeric);
    std::copy_n(categories_.data() + row * category, category,
                out->categories.data() + i * category);
    out->labels[i] = labels_[row];
    out->weights[i] = weights_[row];
    if (!offsets_.empty()) out->offsets[i] = offsets_[row];
  }
  ReadScales(indices, out);
  ReadSparse(indices, out);
}

absl::StatusOr<std::unique_ptr<Dataset>> VerifiedDataset(std::unique_ptr<Mapping> mapping) {
  ASSIGN_OR_RETURN(DatasetLayout layout, DecodeDatasetHeader(mapping->bytes()));
  auto dataset = std::make_unique<MappedDataset>(std::move(mapping), std::move(layout));
  RETURN_IF_ERROR(dataset->Verify());
  return dataset;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Dataset>> OpenDataset(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<Mapping> mapping, Mapping::Open(path));
  auto dataset = VerifiedDataset(std::move(mapping));
  if (dataset.ok()) return dataset;
  if (absl::IsFailedPrecondition(dataset.status())) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s: %s; train into a new folder", path, dataset.status().message()));
  }
  return absl::DataLossError(absl::StrFormat(
      "dataset file is damaged: %s: %s; prepare the data again", path, dataset.status().message()));
}

}  // namespace rubato
