#include "worker/data/generate/books.h"

#include "absl/algorithm/container.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "worker/data/generate/policy_book.h"
#include "worker/data/generate/return_book.h"

namespace rubato {

std::vector<std::string> BookKinds() {
  std::vector<std::string> kinds = PolicyKinds();
  kinds.insert(kinds.begin(), "binary");
  kinds.emplace_back("quantile");
  return kinds;
}

absl::StatusOr<GeneratedBook> GenerateBook(const TargetConfig& target, const BookSpec& spec,
                                           const std::string& path) {
  if (target.kind == "binary") {
    RETURN_IF_ERROR(GenerateLoanBook(spec, path));
    return GeneratedBook{.rows = "loans", .label = kLoanBookLabel, .oracle = {kLoanBookOracle}};
  }
  if (target.kind == "quantile") {
    RETURN_IF_ERROR(GenerateReturns(target, spec.rows, spec.seed, path));
    return GeneratedBook{.rows = "days",
                         .label = kReturnLabel,
                         .scale = ReturnScale(),
                         .time = kReturnDay,
                         .oracle = ReturnOracle(target)};
  }
  const char* const label = PolicyLabel(target.kind);
  if (label == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrFormat("there is no book for target.kind = \"%s\", but for \"%s\"; name a file "
                        "instead",
                        target.kind, absl::StrJoin(BookKinds(), "\", \"")));
  }
  RETURN_IF_ERROR(GeneratePolicies(target.kind, spec, path));
  return GeneratedBook{.rows = "policies",
                       .label = label,
                       .exposure = kPolicyYears,
                       .oracle = PolicyOracle(target.kind)};
}

}  // namespace rubato
