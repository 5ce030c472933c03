// How a row of text becomes what a model sees: fitted on the training rows
// (worker/data/prepare/cleanse.h), saved with the run, and applied by the same code to training
// rows and, months later, by predict.
//
// A numeric column gives one float: the missing value replaced by the median, signed log
// (sign(x) log(1 + |x|)) where the column is heavy-tailed, standardised, clipped. When training
// rows missed values it gives a second float, 1 where the value was missing. What is not a number
// counts as missing. A category gives one level id out of its column's range: [level_begin[k]] =
// "other" (rare or never seen in training), the next = missing, then the levels in the order of
// `levels`. Numeric columns: first all values in column order, then all indicators in column order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/dataset/dataset.h"
#include "worker/data/encode/index_set.h"
#include "worker/data/encode/novelty.h"
#include "worker/data/encode/number_reader.h"
#include "worker/data/encode/offset_column.h"
#include "worker/data/encode/required_column.h"
#include "worker/data/text/csv_layout.h"
#include "worker/data/text/field.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/prior.h"

namespace rubato {

struct NumericEncoding {
  std::string name;
  double median = 0.0;      // in the column's own unit
  bool signed_log = false;  // mean and deviation are of the logs then
  double mean = 0.0;
  double deviation = 0.0;  // 0: a constant column, encoded as 0
  bool indicator = false;  // training rows missed values
  double low = 0.0;        // of the training rows
  double high = 0.0;
  NumberForm form = {};                   // NumberReader's
  std::vector<std::string> missing = {};  // NumberReader's
  // Training rows of numbers up to edges[0], of those up to edges[1], ..., above the last edge, and
  // of missing ones. The edges rise and are tenths of the numbers, fewer where these repeat.
  std::vector<double> edges = {};
  std::vector<uint64_t> rows = {};  // [edges + 2]
  friend bool operator==(const NumericEncoding&, const NumericEncoding&) = default;
};

struct CategoryEncoding {
  std::string name;
  std::vector<std::string> levels;        // LevelOf, most frequent first
  std::vector<std::string> missing = {};  // values that count as missing beside those of IsMissing
  // Training rows of "other", of missing, and of each of `levels`; [kReservedLevels + levels].
  std::vector<uint64_t> rows = {};
  // LevelHash of the levels that became "other", ascending; the most frequent kMaxRareLevels.
  std::vector<uint64_t> rare = {};
  friend bool operator==(const CategoryEncoding&, const CategoryEncoding&) = default;
};

// The join that the training rows went through.
struct JoinEncoding {
  JoinConfig source;
  std::vector<std::string> columns;  // that it brought and the model reads
  friend bool operator==(const JoinEncoding&, const JoinEncoding&) = default;
};

// The column that predictions are multiplied by (target.scale).
struct ScaleEncoding {
  std::string column;                     // "": none
  std::vector<std::string> missing = {};  // NumberReader's
  friend bool operator==(const ScaleEncoding&, const ScaleEncoding&) = default;
};

// Level ids within a category, before those of its `levels`.
inline constexpr uint64_t kOtherLevel = 0;
inline constexpr uint64_t kMissingLevel = 1;
inline constexpr uint64_t kReservedLevels = 2;

struct Encoding {
  // data.format of the file that trained; "libsvm": no columns, the keys of the rows as they are.
  std::string format = "csv";
  std::string item;     // TableReader::item() of it
  SeriesConfig series;  // series
  std::string label;
  std::vector<std::string> positive;  // label values that counted as 1, of two classes
  std::vector<std::string> classes;   // of several, in the order of their numbers
  OffsetEncoding offset;
  ScaleEncoding scale;
  JoinEncoding join;
  double clip_sigma = 8.0;
  std::vector<NumericEncoding> numeric;
  std::vector<CategoryEncoding> categories;
  CsvLayout layout;          // of the training file
  uint64_t columns = 0;      // csv: fields in a row of it
  uint64_t sparse_keys = 0;  // libsvm: one past the largest index of the training files
  IndexRange indices;        // libsvm: of the file that trained
  std::vector<IndexRange> trained_indices;  // libsvm: IndexSet's, of the training rows
  Prior prior;
  DatasetShape Shape() const;
  // Whether the model reads a column of such a name: a number, a category, the offset, the scale.
  bool Reads(const std::string& column) const;
  friend bool operator==(const Encoding&, const Encoding&) = default;
};

// Levels beyond are not remembered, and are told as perhaps never seen: 8 bytes each.
inline constexpr size_t kMaxRareLevels = 100'000;

// What a model can make of a row.
struct Acquaintance {
  size_t known = 0;  // numbers, and levels that training knew
  size_t texts = 0;  // where numbers should stand
};

// An encoding bound to the columns of one file. One thread.
class Encoder {
 public:
  // Columns are found by name, wherever the file has them; others are ignored. Without a header the
  // position is the name, so there must be as many as the training file had; one less where the
  // last one was the label. InvalidArgument names a column that `header` lacks, or both counts.
  // `encoding` must outlive the encoder.
  static absl::StatusOr<std::unique_ptr<Encoder>> Bind(const Encoding& encoding,
                                                       const std::vector<std::string>& header,
                                                       DecimalComma comma);
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  // fields: [header.size()] of one row, `line` where it stands. The results stay valid until the
  // next call.
  void Encode(std::span<const absl::string_view> fields, uint64_t line = 0);
  // What the reader's row adds to its margin; the reader is of such a file.
  absl::StatusOr<float> Offset(const TableReader& reader) const { return offset_.Read(reader); }
  // What its prediction is multiplied by, if there is a scale.
  absl::StatusOr<double> Scale(const TableReader& reader) const { return scale_.Read(reader); }
  // Of such fields; nothing is counted as a novelty.
  Acquaintance Meet(std::span<const absl::string_view> fields) const;
  std::span<const float> numeric() const { return numeric_; }           // [numeric_columns]
  std::span<const uint32_t> categories() const { return categories_; }  // [category_columns]
  // Of the rows so far; numeric columns, then categories.
  std::vector<ColumnNovelty> novelties() const;

 private:
  explicit Encoder(const Encoding& encoding, DecimalComma comma);
  std::optional<double> ReadNumber(size_t column, absl::string_view field, uint64_t line);
  float EncodeNumber(const NumericEncoding& column, double value) const;
  uint32_t FindLevel(size_t category, absl::string_view field, uint64_t line);
  void CountUnseen(size_t category, absl::string_view level, uint64_t line);

  const Encoding& encoding_;
  DecimalComma comma_;
  DatasetShape shape_;
  OffsetColumn offset_;
  RequiredColumn scale_;
  std::vector<size_t> numeric_fields_;   // [encoding.numeric.size()] index into a row
  std::vector<NumberReader> readers_;    // [encoding.numeric.size()]
  std::vector<MissingValues> missing_;   // [encoding.categories.size()]
  std::vector<size_t> category_fields_;  // [encoding.categories.size()]
  std::vector<absl::flat_hash_map<std::string, uint32_t>> level_ids_;  // [category]
  std::vector<float> numeric_;
  std::vector<uint32_t> categories_;
  std::string level_;  // LevelOf's memory
  std::vector<ColumnNovelty> novelties_;
  // Rows so far: of each number as NumericEncoding::rows, of each category as its rows.
  std::vector<std::vector<uint64_t>> met_;
  std::vector<absl::flat_hash_map<std::string, size_t>> lower_;  // [category] see CountUnseen
};

// sign(x) log(1 + |x|): keeps order, tames tails on both sides of 0.
double SignedLog(double value);

}  // namespace rubato
