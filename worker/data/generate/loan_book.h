// A loan book out of thin air, of which the truth is known: every loan's probability of default
// comes from a formula, so that a report can set the best possible AUC beside the model's.
//
// The book is made to be like real ones where it is hard: heavy-tailed amounts, missing values that
// tell something, a category of 1,200 brokers of whom many are rare. And it is made so that a model
// without interactions stays about 0.02 AUC short of the best possible: risk is V-shaped in age,
// utilisation counts for brokered loans and against branch loans, and tenants are risky in long
// terms. All that the formula uses is in the row, so the true probability is the best prediction
// anybody could make from it. About 18 % default; best possible AUC about 0.85.
//
// Row i depends on (seed, rate, i) only: a longer book starts with the shorter one.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace rubato {

struct BookSpec {
  uint64_t rows = 0;
  uint64_t seed = 0;
  double rate = 0.0;  // of what the label tells, below 1; 0: the book's own
};

inline constexpr char kLoanBookLabel[] = "default";   // column of the label, 0 or 1
inline constexpr char kLoanBookOracle[] = "true_pd";  // column of the true probability of 1

// Writes the book as CSV with a header line; the rate of defaults is its own at about 18 %. `path`
// appears when it is whole. Streams: memory does not grow with the rows. Errors: no rows asked for;
// a file that cannot be written, a full disk.
absl::Status GenerateLoanBook(const BookSpec& spec, const std::string& path);

}  // namespace rubato
