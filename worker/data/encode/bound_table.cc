#include "worker/data/encode/bound_table.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

// The first of `names` that is not in `header`; nullptr when all are.
const std::string* FirstLacking(const std::vector<std::string>& names,
                                const std::vector<std::string>& header) {
  const auto lacks = [&header](const std::string& name) {
    return !absl::c_linear_search(header, name);
  };
  const auto found = std::find_if(names.begin(), names.end(), lacks);
  return found == names.end() ? nullptr : &*found;
}

// For a reader that lacks `column`.
absl::StatusOr<std::shared_ptr<const JoinTable>> LoadJoin(const JoinConfig& join,
                                                          const TableReader& reader,
                                                          const std::string& column) {
  const auto key = FindJoinKey(reader.header(), join);
  if (!key.ok()) return Annotate(key.status(), reader.name());
  auto table = JoinTable::Load(join);
  if (table.ok()) return table;
  return absl::Status(table.status().code(),
                      absl::StrFormat("%s; %s lacks the column '%s', which that file brings "
                                      "(data.join), so put it there, or give rows that have it",
                                      table.status().message(), reader.name(), ShowText(column)));
}

absl::Status JoinWhatLacks(const Encoding& encoding, std::shared_ptr<const JoinTable> table,
                           BoundTable* bound) {
  const std::vector<std::string>& header = bound->reader->header();
  const auto& wanted = table != nullptr ? table->names() : encoding.join.columns;
  const std::string* const lacking = FirstLacking(wanted, header);
  if (lacking == nullptr) return absl::OkStatus();
  if (table == nullptr) {
    ASSIGN_OR_RETURN(table, LoadJoin(encoding.join.source, *bound->reader, *lacking));
  }
  ASSIGN_OR_RETURN(bound->joined, JoinedColumns::AppendTo(std::move(table), bound->reader.get()));
  return absl::OkStatus();
}

absl::StatusOr<BoundTable> Bind(const Encoding& encoding, const TableFile& file,
                                const std::shared_ptr<const JoinTable>& table = nullptr) {
  BoundTable bound;
  ASSIGN_OR_RETURN(OpenedTable opened, OpenTable(file));
  bound.reader = std::move(opened.reader);
  RETURN_IF_ERROR(JoinWhatLacks(encoding, table, &bound));
  auto encoder = Encoder::Bind(encoding, bound.reader->header(), bound.reader->decimal_comma());
  if (!encoder.ok()) return Annotate(encoder.status(), file.path);
  bound.encoder = *std::move(encoder);
  return bound;
}

// Of a file whose columns are known by their position: its first line, as if it were a row. Errors
// of it are told by whoever reads it then.
absl::StatusOr<Acquaintance> MeetFirstLine(const Encoding& encoding, const TableFile& file) {
  ASSIGN_OR_RETURN(const BoundTable bound, Bind(encoding, file));
  ASSIGN_OR_RETURN(const bool found, bound.reader->Next());
  return found ? bound.encoder->Meet(bound.reader->fields()) : Acquaintance();
}

absl::StatusOr<BoundTable> OpenByNames(const Encoding& encoding, TableFile file,
                                       const std::shared_ptr<const JoinTable>& table) {
  file.layout.skip_lines = 0;
  absl::StatusOr<BoundTable> bound = Bind(encoding, file, table);
  if (bound.ok() || encoding.layout.skip_lines == 0) return bound;
  file.layout = encoding.layout;
  return Bind(encoding, file, table);
}

// A title, or names of columns: the model knows nothing in it, and a text stands where a number
// should. Nothing known alone does not tell it, a row may hold missing values and new levels only.
bool IsNoRow(const Acquaintance& line) { return line.known == 0 && line.texts > 0; }

absl::StatusOr<BoundTable> OpenByPositions(const Encoding& encoding, TableFile file) {
  CsvLayout& layout = file.layout;
  layout.columns = encoding.columns;
  layout.skip_lines = 0;
  absl::StatusOr<Acquaintance> first = MeetFirstLine(encoding, file);
  if (encoding.layout.skip_lines > 0 && (!first.ok() || IsNoRow(*first))) {
    layout.skip_lines = encoding.layout.skip_lines;
    first = MeetFirstLine(encoding, file);
  }
  if (first.ok() && IsNoRow(*first)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: line %d looks like the names of columns, and the training file had none "
        "(data.header = false); take it off",
        file.path, layout.skip_lines + 1));
  }
  return Bind(encoding, file);
}

}  // namespace

JoinEncoding EncodeJoin(const JoinTable& table, const Encoding& encoding) {
  JoinEncoding join{.source = table.join(), .columns = {}};
  for (const std::string& name : table.names()) {
    if (encoding.Reads(name)) join.columns.push_back(name);
  }
  return join;
}

std::optional<ColumnNovelty> JoinNovelty(const JoinedColumns* joined) {
  if (joined == nullptr) return std::nullopt;
  ColumnNovelty novelty;
  novelty.column = joined->table().join().key;
  novelty.cells = joined->rows();
  novelty.unmatched = joined->unmatched();
  novelty.joined = joined->table().join().path;
  return novelty;
}

// Columns are joined by their names, so that a file without a header has none to join.
absl::StatusOr<BoundTable> OpenBoundTable(const Encoding& encoding, TableFile file,
                                          const std::shared_ptr<const JoinTable>& table) {
  file.format = encoding.format;
  file.layout = encoding.layout;
  file.item = encoding.item;
  file.series = encoding.series;
  return encoding.layout.header || encoding.format != "csv"
             ? OpenByNames(encoding, std::move(file), table)
             : OpenByPositions(encoding, std::move(file));
}

}  // namespace rubato
