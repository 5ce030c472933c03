#include "worker/data/text/table_reader.h"

#include "common/base/status.h"

namespace rubato {

void TableReader::NameColumns(std::vector<std::string> names) {
  header_ = std::move(names);
  own_columns_ = header_.size();
}

void TableReader::Widen(std::shared_ptr<RowTail> tail) {
  tail_ = std::move(tail);
  header_.insert(header_.end(), tail_->names().begin(), tail_->names().end());
}

absl::StatusOr<bool> TableReader::Next() {
  ASSIGN_OR_RETURN(const bool found, NextRow());
  if (!found) return false;
  ++rows_;
  if (tail_ != nullptr) tail_->Append(line_of_row_, &fields_);
  return true;
}

}  // namespace rubato
