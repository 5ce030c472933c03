#include "worker/data/encode/bound_csv.h"

#include <utility>

#include "common/base/status.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

absl::StatusOr<BoundCsv> Bind(const Encoding& encoding, const std::string& path,
                              const CsvLayout& layout) {
  BoundCsv bound;
  ASSIGN_OR_RETURN(bound.reader, CsvReader::Open(path, layout));
  auto encoder = Encoder::Bind(encoding, bound.reader->header(), bound.reader->decimal_comma());
  if (!encoder.ok()) return Annotate(encoder.status(), path);
  bound.encoder = *std::move(encoder);
  return bound;
}

// Of a file whose columns are known by their position: its first line, as if it were a row. Errors
// of it are told by whoever reads it then.
absl::StatusOr<Acquaintance> MeetFirstLine(const Encoding& encoding, const std::string& path,
                                           const CsvLayout& layout) {
  ASSIGN_OR_RETURN(const BoundCsv bound, Bind(encoding, path, layout));
  ASSIGN_OR_RETURN(const bool found, bound.reader->Next());
  return found ? bound.encoder->Meet(bound.reader->fields()) : Acquaintance();
}

absl::StatusOr<BoundCsv> OpenByNames(const Encoding& encoding, const std::string& path) {
  CsvLayout untitled = encoding.layout;
  untitled.skip_lines = 0;
  absl::StatusOr<BoundCsv> bound = Bind(encoding, path, untitled);
  if (bound.ok() || encoding.layout.skip_lines == 0) return bound;
  return Bind(encoding, path, encoding.layout);
}

// A title, or names of columns: the model knows nothing in it, and a text stands where a number
// should. Nothing known alone does not tell it, a row may hold missing values and new levels only.
bool IsNoRow(const Acquaintance& line) { return line.known == 0 && line.texts > 0; }

absl::StatusOr<BoundCsv> OpenByPositions(const Encoding& encoding, const std::string& path) {
  CsvLayout layout = encoding.layout;
  layout.columns = encoding.columns;
  layout.skip_lines = 0;
  absl::StatusOr<Acquaintance> first = MeetFirstLine(encoding, path, layout);
  if (encoding.layout.skip_lines > 0 && (!first.ok() || IsNoRow(*first))) {
    layout.skip_lines = encoding.layout.skip_lines;
    first = MeetFirstLine(encoding, path, layout);
  }
  if (first.ok() && IsNoRow(*first)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: line %d looks like the names of columns, and the training file had none "
        "(data.header = false); take it off",
        path, layout.skip_lines + 1));
  }
  return Bind(encoding, path, layout);
}

}  // namespace

absl::StatusOr<BoundCsv> OpenBoundCsv(const Encoding& encoding, const std::string& path) {
  return encoding.layout.header ? OpenByNames(encoding, path) : OpenByPositions(encoding, path);
}

}  // namespace rubato
