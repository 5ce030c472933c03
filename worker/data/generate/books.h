// Data out of thin air for each target, of which the truth is known, so that a report can set the
// best possible figures beside the model's: loans (loan_book.h), motor policies (policy_book.h) and
// daily returns (return_book.h).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/generate/loan_book.h"
#include "worker/run_file/run_config.h"

namespace rubato {

// What stands in a generated CSV file with a header line.
struct GeneratedBook {
  std::string rows;  // what they are: "loans"
  std::string label;
  std::string exposure = {};        // column of it, for a target that reads one; "": none
  std::string scale = {};           // column of the label's unit; "": none
  std::string time = {};            // column that orders the rows; "": nothing does
  std::vector<std::string> oracle;  // columns of the truth
};

// Every target.kind that has a book.
std::vector<std::string> BookKinds();

// Writes the book of `target`. Errors: GenerateLoanBook's.
absl::StatusOr<GeneratedBook> GenerateBook(const TargetConfig& target, const BookSpec& spec,
                                           const std::string& path);

}  // namespace rubato
