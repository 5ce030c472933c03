// The label: which of two values counts as 1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rubato {

// A value of the label column; those that are the same number ("1", "1.0", "+1") are one.
struct LabelValue {
  std::string text;
  uint64_t rows = 0;
};

// More distinct values than this are no longer told apart: the label is not binary.
inline constexpr size_t kMaxLabelValues = 32;

// The same text or the same number. Both trimmed.
bool SameLabel(absl::string_view a, absl::string_view b);
// Counts a row with the label `text`; its index in `values`, at most kMaxLabelValues.
size_t CountLabel(absl::string_view text, std::vector<LabelValue>* values);

struct LabelRule {
  std::string positive;
  std::string negative;
  // Whether the trimmed `text` is positive; nullopt when it is neither.
  std::optional<bool> IsPositive(absl::string_view text) const;
};

// `where` names the file and column in errors (FailedPrecondition), which show the values seen;
// InvalidArgument when `positive` is none of the two.
absl::StatusOr<LabelRule> MakeLabelRule(const std::vector<LabelValue>& values,
                                        const std::string& positive, const std::string& where);

}  // namespace rubato
