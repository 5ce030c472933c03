// Columns of a second CSV file behind the rows of others (data.join): claims, say, get what is
// known of their policies. Who reads the rows sees one wider table.
//
// A row gets the fields of the row whose key is the same level (worker/data/text/level.h); where
// its key is missing or in no row, empty ones, which are missing values. Both files must agree on
// what a comma in a number is.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/text/field.h"
#include "worker/data/text/sighting.h"
#include "worker/data/text/table_reader.h"
#include "worker/run_file/run_config.h"

namespace rubato {

// The second file in memory: its text, and 17 to 34 bytes a row.
class JoinTable {
 public:
  // Errors: CsvReader's, FindColumn's with the path; DataLoss for a key that stands twice.
  static absl::StatusOr<std::shared_ptr<const JoinTable>> Load(const JoinConfig& join);
  JoinTable(const JoinTable&) = delete;
  JoinTable& operator=(const JoinTable&) = delete;

  const JoinConfig& join() const { return join_; }
  // Of its columns but for the key.
  const std::vector<std::string>& names() const { return names_; }
  DecimalComma decimal_comma() const { return comma_; }
  // Appends names().size() fields of the row of this level; false, and nothing, if there is none.
  bool Append(absl::string_view key, std::vector<absl::string_view>* fields) const;

 private:
  explicit JoinTable(const JoinConfig& join) : join_(join) {}
  // A row while the file is read: text_ moves until all is there.
  struct RowStart {
    size_t begin;  // of its key
    size_t size;
    uint64_t line;
  };
  absl::Status Read(TableReader* reader, size_t key);
  absl::Status Index(const std::vector<RowStart>& starts);

  const JoinConfig join_;
  std::vector<std::string> names_;
  DecimalComma comma_ = DecimalComma::kNo;
  std::string text_;  // of each row its key, then its fields, a NUL behind each
  absl::flat_hash_set<absl::string_view> keys_;  // in text_
};

class JoinedColumns : public RowTail {
 public:
  // Widens `reader`, which is at its first row. InvalidArgument: it has no such key, or columns of
  // the table's names, or other decimals.
  static absl::StatusOr<std::shared_ptr<const JoinedColumns>> AppendTo(
      std::shared_ptr<const JoinTable> table, TableReader* reader);

  const std::vector<std::string>& names() const override { return table_->names(); }
  void Append(uint64_t line, std::vector<absl::string_view>* fields) override;
  const JoinTable& table() const { return *table_; }
  uint64_t rows() const { return rows_; }
  // Keys without a row in the table, missing ones too.
  const Sighting& unmatched() const { return unmatched_; }

 private:
  JoinedColumns(std::shared_ptr<const JoinTable> table, size_t key)
      : table_(std::move(table)), key_(key) {}

  const std::shared_ptr<const JoinTable> table_;
  const size_t key_;  // field of it
  uint64_t rows_ = 0;
  Sighting unmatched_;
  std::string memory_;  // LevelOf's
};

// Index of the key in a header to which the join's columns are to be appended; FindColumn's error.
absl::StatusOr<size_t> FindJoinKey(const std::vector<std::string>& header, const JoinConfig& join);

}  // namespace rubato
