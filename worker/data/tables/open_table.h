// A file of rows with named columns, opened by what it is (data.format).
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "worker/data/tables/series_reader.h"
#include "worker/data/text/csv_layout.h"
#include "worker/data/text/join.h"
#include "worker/data/text/table_reader.h"
#include "worker/run_file/run_config.h"

namespace rubato {

struct TableFile {
  std::string path;
  std::string format = "csv";  // or "idx", "series"
  CsvLayout layout = {};       // csv, series
  std::string labels = {};     // idx: file of the labels; "": none
  std::string item = {};       // TableReader::item() that it must have; "": any
  SeriesConfig series = {};
  LastDay last_day = LastDay::kLeftOut;  // series
};
// data.path of a run file; data.test_path.
TableFile MainFile(const RunConfig& config);
TableFile TestTable(const RunConfig& config);

// `config` as it would be if the table were a CSV file, where it is made of something else: the
// keys that name columns name those of the table, so that who cleans and encodes its rows need not
// know what it was.
RunConfig AsIfCsv(RunConfig config);

struct OpenedTable {
  std::unique_ptr<TableReader> reader;          // at its first row
  std::shared_ptr<const JoinedColumns> joined;  // nullptr: none
};
// With the columns of `table`, if there is one. Errors: the reader's; InvalidArgument: an item of
// another shape, or what JoinedColumns refuses.
absl::StatusOr<OpenedTable> OpenTable(const TableFile& file,
                                      const std::shared_ptr<const JoinTable>& table = nullptr);

}  // namespace rubato
