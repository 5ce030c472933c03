// Images in the idx format (MNIST and its kin) as a table: a row for each image, a column for each
// of its bytes, and the label behind them.
//
//   0 0 type dimensions | size of each dimension, 4 bytes, the greatest first | the bytes
//
// Type 8, unsigned bytes, is the only one read; the first of one to four dimensions counts the
// images, the others are the image's own. The labels are a file of one dimension. Either file may
// be compressed (worker/data/text/byte_source.h), and both must end where their headers say.
//
// Columns: "image", the image's number from 0; "pixel_ROW_COLUMN", from 0, with as many numbers as
// an image has dimensions ("pixel" where it is one byte); with labels, "label". One thread. Errors
// are DataLoss, a sentence that begins with the file's name.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/text/byte_source.h"
#include "worker/data/text/table_reader.h"

namespace rubato {

inline constexpr char kImageColumn[] = "image";
inline constexpr char kIdxLabelColumn[] = "label";

// One idx file, item by item.
class IdxFile {
 public:
  static absl::StatusOr<std::unique_ptr<IdxFile>> Open(const std::string& path);
  // The same of bytes; `name` stands in errors.
  static absl::StatusOr<std::unique_ptr<IdxFile>> Read(std::unique_ptr<ByteSource> source,
                                                       std::string name);

  const std::string& name() const { return name_; }
  uint64_t items() const { return items_; }
  // Sizes of an item's own dimensions; none where it is one byte.
  const std::vector<uint64_t>& shape() const { return shape_; }
  // The bytes of the next item, valid until the next call; nullptr behind the last one.
  absl::StatusOr<const uint8_t*> Next();

 private:
  IdxFile(std::unique_ptr<ByteSource> source, std::string name);
  absl::Status ReadHeader();
  absl::Status ReadSizes(size_t dimensions);
  // Makes the next `size` bytes stand at begin_; false where the file ends before.
  absl::StatusOr<bool> Need(size_t size);
  absl::Status Error(absl::string_view sentence) const;

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  uint64_t items_ = 0;
  std::vector<uint64_t> shape_;
  size_t item_bytes_ = 1;
  uint64_t given_ = 0;
  std::vector<char> buffer_;  // [begin_, end_) is not yet given
  size_t begin_ = 0;
  size_t end_ = 0;
};

class IdxReader : public TableReader {
 public:
  // `labels`: nullptr for images alone.
  static absl::StatusOr<std::unique_ptr<IdxReader>> Make(std::unique_ptr<IdxFile> images,
                                                         std::unique_ptr<IdxFile> labels);

  size_t shown_columns() const override { return 1; }
  std::string item() const override;
  std::string where() const override;

 private:
  IdxReader(std::unique_ptr<IdxFile> images, std::unique_ptr<IdxFile> labels);
  absl::StatusOr<bool> NextRow() override;

  std::unique_ptr<IdxFile> images_;
  std::unique_ptr<IdxFile> labels_;
  size_t pixels_ = 1;
  std::string number_;  // of the current image, as text
};

}  // namespace rubato
