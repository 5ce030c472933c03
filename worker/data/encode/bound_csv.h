// A CSV file of rows for a model that is trained or being trained, as both the preparation of a
// test file and predict read it: laid out like the training file, its columns found by the
// encoding.
//
// The file need not have the titles above the table that the training file had (data.skip_lines):
// whether they are there is told by its first line, so that neither a row is skipped as a title nor
// a title is read as a row.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "worker/data/encode/encoding.h"
#include "worker/data/text/csv.h"

namespace rubato {

struct BoundCsv {
  std::unique_ptr<CsvReader> reader;  // at its first row
  std::unique_ptr<Encoder> encoder;
};

// `encoding` must outlive what is returned. Errors: CsvReader's and Encoder::Bind's, with the path;
// InvalidArgument for names of columns above rows of a model that knows its columns by their
// position.
absl::StatusOr<BoundCsv> OpenBoundCsv(const Encoding& encoding, const std::string& path);

}  // namespace rubato
