// Rows with named columns, one after another: what all that is read into a table looks like to
// those who clean, encode and score its rows, whatever kind of file it comes from.
//
// Fields are views that stay valid until the next call of Next. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "worker/data/text/field.h"

namespace rubato {

// What the rows of a file get behind their own fields.
class RowTail {
 public:
  virtual ~RowTail() = default;
  // Names of its columns.
  virtual const std::vector<std::string>& names() const = 0;
  // Appends a field for each of them, of the row of these fields in `line`; the views stay valid
  // until the next call.
  virtual void Append(uint64_t line, std::vector<absl::string_view>* fields) = 0;
};

class TableReader {
 public:
  virtual ~TableReader() = default;
  TableReader(const TableReader&) = delete;
  TableReader& operator=(const TableReader&) = delete;

  // Column names: trimmed, distinct.
  const std::vector<std::string>& header() const { return header_; }
  // Of these, how many the file has itself; the others are of a tail.
  size_t own_columns() const { return own_columns_; }
  // Of the file's fields; ',' where it is no text.
  char separator() const { return separator_; }
  // Numbers of a `;` file may have a decimal comma.
  DecimalComma decimal_comma() const {
    return separator_ == ';' ? DecimalComma::kYes : DecimalComma::kNo;
  }
  const std::string& name() const { return name_; }
  // The first columns of the file itself, those that predictions of its rows are shown beside.
  virtual size_t shown_columns() const { return own_columns_; }
  // What a row is made of where columns are no names that a person gave: "28 x 28" pixels. Rows of
  // another one cannot be told apart by the columns. "": nothing.
  virtual std::string item() const { return ""; }
  // Sentences for a person: how rows came to be that are not those of the file.
  virtual std::vector<std::string> remarks() const { return {}; }

  // Widens header and rows by `tail`, whose names the header lacks. Before the first Next, and
  // once.
  void Widen(std::shared_ptr<RowTail> tail);

  // Moves to the next row; false at the end.
  absl::StatusOr<bool> Next();
  // [header().size()] of the current row, not trimmed.
  std::span<const absl::string_view> fields() const { return fields_; }
  // Where the current row begins: its line of a text, from 1.
  uint64_t line() const { return line_of_row_; }
  // The file and the place in it of the current row, for errors: "FILE:LINE" of a text.
  virtual std::string where() const { return absl::StrCat(name_, ":", line_of_row_); }
  // Number of the current row, from 0.
  uint64_t row() const { return rows_ - 1; }

 protected:
  explicit TableReader(std::string name) : name_(std::move(name)) {}
  // The columns of the file itself, before the first Next.
  void NameColumns(std::vector<std::string> names);
  // Rows that Next has given.
  uint64_t rows() const { return rows_; }
  // Fills fields_ and line_of_row_ with the next row; false at the end.
  virtual absl::StatusOr<bool> NextRow() = 0;

  char separator_ = ',';
  uint64_t line_of_row_ = 1;
  std::vector<absl::string_view> fields_;

 private:
  std::string name_;
  std::vector<std::string> header_;
  size_t own_columns_ = 0;
  std::shared_ptr<RowTail> tail_;  // nullptr: none
  uint64_t rows_ = 0;
};

}  // namespace rubato
