// A file of rows for a model that is trained or being trained, as both the preparation of a test
// file and predict read it: of the kind and layout of the training file, its columns found by the
// encoding.
//
// A CSV file need not have the titles above the table that the training file had (data.skip_lines):
// whether they are there is told by its first line, so that neither a row is skipped as a title nor
// a title is read as a row.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "worker/data/encode/encoding.h"
#include "worker/data/encode/novelty.h"
#include "worker/data/tables/open_table.h"
#include "worker/data/text/join.h"
#include "worker/data/text/table_reader.h"

namespace rubato {

struct BoundTable {
  std::unique_ptr<TableReader> reader;  // at its first row
  std::unique_ptr<Encoder> encoder;
  std::shared_ptr<const JoinedColumns> joined;  // of `reader`; nullptr: none
};
// For `encoding`, whose columns are fitted to rows that went through the join.
JoinEncoding EncodeJoin(const JoinTable& table, const Encoding& encoding);
// Of the rows so far: keys that the join has no row for; nullopt without a join.
std::optional<ColumnNovelty> JoinNovelty(const JoinedColumns* joined);

// `file`: its format, layout and item are the encoding's, whatever it says of them. `encoding` must
// outlive what is returned. Errors: CsvReader's and Encoder::Bind's, with the path;
// InvalidArgument for names of columns above rows of a model that knows its columns by their
// position.
//
// A CSV file may have the columns of a join itself, and is read as it is then. Else they are joined
// to it: of `table`, which it must have all names of to be read as it is; or, without one, of the
// file that trained, which is not read unless columns that the model reads are lacking.
absl::StatusOr<BoundTable> OpenBoundTable(const Encoding& encoding, TableFile file,
                                          const std::shared_ptr<const JoinTable>& table = nullptr);

}  // namespace rubato
