// The rows of an input file as a model sees them, encoded as the training rows were, with the text
// that stands before each of them in a file of predictions. Of the format that the encoding says.
//
// Rows are appended to a chunk, which its owner clears, so that memory does not grow with the file.
// No label is needed: a label column is a column like any other here, and a LIBSVM label is read
// over.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/dataset/dataset.h"
#include "worker/data/encode/encoding.h"

namespace rubato {

struct RowChunk {
  Batch batch;               // without labels and weights
  std::string text;          // of all rows, one after another
  std::vector<size_t> ends;  // [batch.rows] where each row's text ends

  // Without rows, of this shape; memory is kept.
  void Clear(const DatasetShape& shape);
};

class RowSource {
 public:
  virtual ~RowSource() = default;
  // What the first line of the predictions begins with: the names of the columns and a separator,
  // as the input writes them; empty for LIBSVM.
  virtual const std::string& header() const = 0;
  // Between columns, of the predictions too.
  virtual char separator() const = 0;
  // Appends the next row; its text ends with a separator. False at the end.
  virtual absl::StatusOr<bool> Next(RowChunk* chunk) = 0;
  // Of the rows so far, for each column that the model reads; LIBSVM: of all features together,
  // whose column is "". With a join, of its key too.
  virtual std::vector<ColumnNovelty> Novelties() const = 0;
};

// InvalidArgument: a column that the model reads is missing (the nearest name is offered), or one
// is named like one of `predictions`, the columns of the predictions, or, from Next, a LIBSVM file
// counts from another number. DataLoss from Next names the line. `encoding` must outlive the
// source.
absl::StatusOr<std::unique_ptr<RowSource>> OpenRowSource(
    const Encoding& encoding, const std::string& path, const std::vector<std::string>& predictions);

// Appends `field` as RFC 4180 writes it: in quotes when it holds a quote, a line end or
// `separator`.
void AppendCsvField(absl::string_view field, char separator, std::string* out);

}  // namespace rubato
