#include "worker/data/tables/idx_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "absl/strings/str_join.h"
#include "common/base/limits.h"
#include "common/base/status.h"

namespace rubato {
namespace {

constexpr uint8_t kUnsignedByte = 0x08;
constexpr size_t kMostDimensions = 4;
constexpr size_t kMagicBytes = 4;
constexpr size_t kSizeBytes = 4;

// Types of the format that are not read.
const char* OtherType(uint8_t type) {
  switch (type) {
    case 0x09:
      return "signed bytes";
    case 0x0b:
      return "whole numbers of 2 bytes";
    case 0x0c:
      return "whole numbers of 4 bytes";
    case 0x0d:
      return "floats of 4 bytes";
    case 0x0e:
      return "floats of 8 bytes";
    default:
      return nullptr;
  }
}

uint32_t BigEndian(const uint8_t* bytes) {
  return (uint32_t{bytes[0]} << 24) | (uint32_t{bytes[1]} << 16) | (uint32_t{bytes[2]} << 8) |
         bytes[3];
}

// "0" to "255": what a byte is as a field.
const std::array<std::string, 256>& Bytes() {
  static const std::array<std::string, 256> kBytes = [] {
    std::array<std::string, 256> bytes;
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = absl::StrCat(i);
    return bytes;
  }();
  return kBytes;
}

// In the order of the bytes: the last index runs fastest.
std::vector<std::string> PixelNames(const std::vector<uint64_t>& shape) {
  std::vector<std::string> names = {"pixel"};
  for (const uint64_t size : shape) {
    std::vector<std::string> longer;
    for (const std::string& name : names) {
      for (uint64_t i = 0; i < size; ++i) longer.push_back(absl::StrCat(name, "_", i));
    }
    names = std::move(longer);
  }
  return names;
}

std::string ShowShape(const std::vector<uint64_t>& shape) {
  return shape.empty() ? "1" : absl::StrJoin(shape, " x ");
}

absl::Status CheckLabels(const IdxFile& images, const IdxFile& labels) {
  if (!labels.shape().empty()) {
    return absl::DataLossError(absl::StrFormat(
        "%s: holds items of %s bytes, and a label is one; name the file of labels in data.labels "
        "and that of the images in data.path",
        labels.name(), ShowShape(labels.shape())));
  }
  if (labels.items() == images.items()) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat(
      "%s: has %d images, and %s has %d labels; name two files that belong together", images.name(),
      images.items(), labels.name(), labels.items()));
}

}  // namespace

IdxFile::IdxFile(std::unique_ptr<ByteSource> source, std::string name)
    : source_(std::move(source)), name_(std::move(name)), buffer_(kSourceChunkBytes) {}

absl::StatusOr<std::unique_ptr<IdxFile>> IdxFile::Open(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, OpenByteSource(path));
  return Read(std::move(source), path);
}

absl::StatusOr<std::unique_ptr<IdxFile>> IdxFile::Read(std::unique_ptr<ByteSource> source,
                                                       std::string name) {
  std::unique_ptr<IdxFile> file(new IdxFile(std::move(source), std::move(name)));
  RETURN_IF_ERROR(file->ReadHeader());
  return file;
}

absl::Status IdxFile::Error(absl::string_view sentence) const {
  return absl::DataLossError(absl::StrCat(name_, ": ", sentence));
}

absl::StatusOr<bool> IdxFile::Need(size_t size) {
  if (begin_ + size > buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    buffer_.resize(std::max(buffer_.size(), size));
  }
  while (end_ - begin_ < size) {
    ASSIGN_OR_RETURN(const size_t n, source_->Read({buffer_.data() + end_, buffer_.size() - end_}));
    if (n == 0) return false;
    end_ += n;
  }
  return true;
}

absl::Status IdxFile::ReadHeader() {
  ASSIGN_OR_RETURN(const bool whole, Need(kMagicBytes));
  uint8_t magic[kMagicBytes] = {};
  std::memcpy(magic, buffer_.data(), std::min(end_, kMagicBytes));
  const uint8_t type = magic[2];
  const uint8_t dimensions = magic[3];
  const bool known = type == kUnsignedByte || OtherType(type) != nullptr;
  if (!whole || magic[0] != 0 || magic[1] != 0 || !known || dimensions == 0 ||
      dimensions > kMostDimensions) {
    return Error(absl::StrFormat(
        "is no idx file of images or labels: it begins with 0x%08x, and such a file with "
        "0x000008 and its number of dimensions, 01 to 04; use another data.format, or name "
        "another file",
        BigEndian(magic)));
  }
  if (type != kUnsignedByte) {
    return Error(absl::StrFormat(
        "is an idx file of %s (type 0x%02x), and only unsigned bytes (0x08) are read; write the "
        "images as such",
        OtherType(type), type));
  }
  begin_ += kMagicBytes;
  return ReadSizes(dimensions);
}

absl::Status IdxFile::ReadSizes(size_t dimensions) {
  ASSIGN_OR_RETURN(const bool whole, Need(dimensions * kSizeBytes));
  if (!whole) return Error("ends within its header; copy the file again");
  for (size_t i = 0; i < dimensions; ++i, begin_ += kSizeBytes) {
    uint8_t bytes[kSizeBytes];
    std::memcpy(bytes, buffer_.data() + begin_, kSizeBytes);
    const uint64_t size = BigEndian(bytes);
    if (i == 0) {
      items_ = size;
    } else {
      shape_.push_back(size);
      item_bytes_ *= std::min<uint64_t>(size, kMaxColumns);  // so that no product wraps
    }
  }
  if (items_ == 0 || item_bytes_ == 0) {
    return Error(
        absl::StrFormat("is an idx file of %d items of %s bytes, so there is nothing in "
                        "it; name another file",
                        items_, ShowShape(shape_)));
  }
  constexpr size_t kBesides = 2;  // the number and the label of an image
  if (item_bytes_ + kBesides <= kMaxColumns) return absl::OkStatus();
  return Error(
      absl::StrFormat("its images have %s bytes, and more than %d are not read; write "
                      "smaller ones",
                      ShowShape(shape_), kMaxColumns - kBesides));
}

absl::StatusOr<const uint8_t*> IdxFile::Next() {
  if (given_ == items_) {
    ASSIGN_OR_RETURN(const bool more, Need(1));
    if (!more) return nullptr;
    return Error(
        absl::StrFormat("goes on behind the last of the %d items that its header counts; "
                        "copy the file again, or correct the header",
                        items_));
  }
  ASSIGN_OR_RETURN(const bool whole, Need(item_bytes_));
  if (!whole) {
    return Error(
        absl::StrFormat("ends within item %d, counted from 0, of the %d that its header "
                        "counts; copy the file again",
                        given_, items_));
  }
  ++given_;
  const char* const item = buffer_.data() + begin_;
  begin_ += item_bytes_;
  return reinterpret_cast<const uint8_t*>(item);
}

IdxReader::IdxReader(std::unique_ptr<IdxFile> images, std::unique_ptr<IdxFile> labels)
    : TableReader(images->name()), images_(std::move(images)), labels_(std::move(labels)) {}

absl::StatusOr<std::unique_ptr<IdxReader>> IdxReader::Make(std::unique_ptr<IdxFile> images,
                                                           std::unique_ptr<IdxFile> labels) {
  if (labels != nullptr) RETURN_IF_ERROR(CheckLabels(*images, *labels));
  std::vector<std::string> names = PixelNames(images->shape());
  std::unique_ptr<IdxReader> reader(new IdxReader(std::move(images), std::move(labels)));
  reader->pixels_ = names.size();
  names.insert(names.begin(), kImageColumn);
  if (reader->labels_ != nullptr) names.push_back(kIdxLabelColumn);
  reader->NameColumns(std::move(names));
  return reader;
}

std::string IdxReader::item() const { return ShowShape(images_->shape()); }

std::string IdxReader::where() const { return absl::StrFormat("%s: image %d", name(), row()); }

absl::StatusOr<bool> IdxReader::NextRow() {
  ASSIGN_OR_RETURN(const uint8_t* const image, images_->Next());
  const uint8_t* label = nullptr;
  if (labels_ != nullptr) {
    ASSIGN_OR_RETURN(label, labels_->Next());
  }
  if (image == nullptr) return false;
  const auto& bytes = Bytes();
  number_ = absl::StrCat(rows());
  line_of_row_ = rows() + 1;
  fields_.clear();
  fields_.push_back(number_);
  for (size_t i = 0; i < pixels_; ++i) fields_.push_back(bytes[image[i]]);
  if (label != nullptr) fields_.push_back(bytes[*label]);
  return true;
}

}  // namespace rubato
