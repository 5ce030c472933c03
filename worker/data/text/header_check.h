// A file without a header would lose its first row in silence, and its columns would be called by
// that row's values. Told from the first rows: a name that is a number above a column of numbers,
// or that stands in its own column again, speaks against a header; a word above a column of
// numbers, or above a few words of which it is none, speaks for one. Numbers that count up evenly
// (0, 1, 2, ...; years) are names that programs give.
#pragma once

#include "absl/status/status.h"
#include "worker/data/text/table_reader.h"

namespace rubato {

// Rows that are looked at.
inline constexpr size_t kHeaderRows = 1000;

// `reader`: of a layout without a header, at its beginning; it is read on. InvalidArgument when the
// first line looks like a row, with what to do in either case. Rows that cannot be read are left to
// the reader that follows.
absl::Status CheckHeader(TableReader& reader);

}  // namespace rubato
