// A book of motor policies out of thin air, of which the truth is known: what each is expected to
// claim, and what a claim is expected to cost, come from formulas over its row, so that a report
// can set the best possible figures beside the model's.
//
// The rows are like real ones where that is hard: frequency is V-shaped in age, young drivers of
// strong cars are worse than both together say, density is heavy-tailed, most policies claim
// nothing, and a policy runs for a part of a year.
//
//   target      label                                   the truth
//   "count"     claims, Poisson                         of these years
//   "amount"    cost of a claim, Gamma of shape 2       the same
//   "tweedie"   paid in all, a sum of so many amounts   by year (compound Poisson: Tweedie's law)
//   "real"      value, normal                           the same
//   "classes"   cause of a claim, one of four words     the probability of each
//
// The truth stands behind the label, as true_mean, or true_WORD for each of several.
//
// Row i depends on (seed, rate, i) and the target only: a longer book starts with the shorter one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "worker/data/generate/loan_book.h"

namespace rubato {

inline constexpr char kPolicyYears[] = "years";  // column of the exposure

// Every target.kind that has such a book.
std::vector<std::string> PolicyKinds();
// Column of the label; nullptr: there is no book for such a target.
const char* PolicyLabel(const std::string& target_kind);
// Columns of the oracle of a target that has a book.
std::vector<std::string> PolicyOracle(const std::string& target_kind);

// Writes the book of a target that has one as CSV with a header line, as GenerateLoanBook does.
// spec.rate: claims a year; 0: the book's own, about 0.15. Errors: GenerateLoanBook's.
absl::Status GeneratePolicies(const std::string& target_kind, const BookSpec& spec,
                              const std::string& path);

}  // namespace rubato
