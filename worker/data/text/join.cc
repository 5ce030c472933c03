#include "worker/data/text/join.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "worker/data/text/csv.h"
#include "worker/data/text/find_column.h"
#include "worker/data/text/level.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

absl::Status CheckNames(const TableReader& reader, const JoinTable& table) {
  std::vector<std::string> both;
  for (const std::string& name : table.names()) {
    const auto& header = reader.header();
    if (std::find(header.begin(), header.end(), name) != header.end()) {
      both.push_back(absl::StrCat("'", ShowText(name), "'"));
    }
  }
  if (both.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s: has columns that %s (data.join) has too: %s; rename them in one of the files, or leave "
      "them out of it",
      reader.name(), table.join().path, absl::StrJoin(both, ", ")));
}

absl::Status CheckDecimals(const TableReader& reader, const JoinTable& table) {
  if (reader.decimal_comma() == table.decimal_comma()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s: one of it and %s (data.join) separates fields by ';', where numbers may have a decimal "
      "comma, and the other does not; write both alike",
      reader.name(), table.join().path));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const JoinTable>> JoinTable::Load(const JoinConfig& join) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CsvReader> reader, CsvReader::Open(join.path));
  const auto key = FindColumn(reader->header(), join.key, "data.join.key");
  if (!key.ok()) return Annotate(key.status(), join.path);
  std::shared_ptr<JoinTable> table(new JoinTable(join));
  table->names_ = reader->header();
  table->names_.erase(table->names_.begin() + static_cast<ptrdiff_t>(*key));
  table->comma_ = reader->decimal_comma();
  RETURN_IF_ERROR(table->Read(reader.get(), *key));
  return table;
}

absl::Status JoinTable::Read(TableReader* reader, size_t key) {
  std::vector<RowStart> starts;
  std::string memory;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, reader->Next());
    if (!found) break;
    const auto fields = reader->fields();
    const absl::string_view text = TrimField(fields[key]);
    if (IsMissing(text)) continue;
    const absl::string_view level = LevelOf(text, comma_, &memory);
    starts.push_back({text_.size(), level.size(), reader->line()});
    text_.append(level.data(), level.size()).push_back('\0');
    for (size_t i = 0; i < fields.size(); ++i) {
      if (i == key) continue;
      const absl::string_view field = TrimField(fields[i]);
      text_.append(field.data(), field.size()).push_back('\0');
    }
  }
  return Index(starts);
}

absl::Status JoinTable::Index(const std::vector<RowStart>& starts) {
  keys_.reserve(starts.size());
  for (const RowStart& row : starts) {
    const absl::string_view key(text_.data() + row.begin, row.size);
    const auto [known, added] = keys_.insert(key);
    if (added) continue;
    const auto begin = static_cast<size_t>(known->data() - text_.data());
    const auto first = std::find_if(starts.begin(), starts.end(), [begin](const RowStart& other) {
      return other.begin == begin;
    });
    return absl::DataLossError(
        absl::StrFormat("%s:%d: the key '%s' (column '%s') stands in line %d too, and a row can be "
                        "joined to one of "
                        "them only; keep one",
                        join_.path, row.line, ShowText(key), ShowText(join_.key), first->line));
  }
  return absl::OkStatus();
}

bool JoinTable::Append(absl::string_view key, std::vector<absl::string_view>* fields) const {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return false;
  const char* begin = found->data() + found->size() + 1;
  for (size_t i = 0; i < names_.size(); ++i) {
    const absl::string_view field(begin);  // to its NUL
    fields->push_back(field);
    begin += field.size() + 1;
  }
  return true;
}

absl::StatusOr<size_t> FindJoinKey(const std::vector<std::string>& header, const JoinConfig& join) {
  return FindColumn(header, join.key,
                    absl::StrCat("data.join.key, by which a row gets columns of ", join.path));
}

absl::StatusOr<std::shared_ptr<const JoinedColumns>> JoinedColumns::AppendTo(
    std::shared_ptr<const JoinTable> table, TableReader* reader) {
  const auto key = FindJoinKey(reader->header(), table->join());
  if (!key.ok()) return Annotate(key.status(), reader->name());
  RETURN_IF_ERROR(CheckNames(*reader, *table));
  RETURN_IF_ERROR(CheckDecimals(*reader, *table));
  std::shared_ptr<JoinedColumns> columns(new JoinedColumns(std::move(table), *key));
  reader->Widen(columns);
  return columns;
}

void JoinedColumns::Append(uint64_t line, std::vector<absl::string_view>* fields) {
  ++rows_;
  const absl::string_view key = TrimField((*fields)[key_]);
  const bool missing = IsMissing(key);
  if (!missing && table_->Append(LevelOf(key, table_->decimal_comma(), &memory_), fields)) return;
  unmatched_.Count(key, line);
  fields->resize(fields->size() + table_->names().size());
}

}  // namespace rubato
