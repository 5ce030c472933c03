// The label: which of its values count as 1, which as 0, and which rows are left out.
//
// data.positive, data.negative and data.ignore name values. Where only data.positive is given, all
// other values are negative: "these against the rest", whatever a test file holds. Where
// data.negative is given too, or data.positive is left out (then it is "1"), a value that nothing
// names is an error. A value is the same as another if its text is, or its number ("1", "1.0").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/run_file/run_config.h"
#include "worker/spec/prior.h"

namespace rubato {

// A value of the label column; those that are the same number ("1", "1.0", "+1") are one.
struct LabelValue {
  std::string text;
  uint64_t rows = 0;
  friend bool operator==(const LabelValue&, const LabelValue&) = default;
};

// More distinct values than this are no longer told apart: the label is no class.
inline constexpr size_t kMaxLabelValues = 1000;

// The same text or the same number. Both trimmed.
bool SameLabel(absl::string_view a, absl::string_view b);

// Rows by label value. One thread.
class LabelCounter {
 public:
  // Counts a row with the trimmed label `text`; its index in values(), at most kMaxLabelValues,
  // which is that of all values beyond.
  size_t Count(absl::string_view text);
  // The same for the text that absl::StrCat makes of a finite number.
  size_t Count(double number);
  const std::vector<LabelValue>& values() const { return values_; }  // in order of appearance

 private:
  size_t Find(absl::string_view text);

  std::vector<LabelValue> values_;
  absl::flat_hash_map<std::string, size_t> by_text_;
  absl::flat_hash_map<double, size_t> by_number_;
  absl::flat_hash_map<double, size_t> by_value_;  // before it was made a text of six digits
};

enum class LabelClass : uint8_t { kNegative, kPositive, kIgnored, kOneOfSeveral };
inline constexpr size_t kLabelClasses = 4;
// "negative", "positive", "ignored", "class"
const char* LabelClassName(LabelClass label_class);

struct LabelRule {
  std::vector<std::string> positive;
  std::vector<std::string> negative;  // empty: all that the others do not name
  std::vector<std::string> ignore;
  // The class of the trimmed `text`; nullopt when nothing names it.
  std::optional<LabelClass> ClassOf(absl::string_view text) const;
};

// The rule of data.positive, data.negative and data.ignore for a label that holds `values`. `where`
// names the file and column in errors, which show the values: FailedPrecondition when they are no
// two classes, InvalidArgument when a value is named twice.
absl::StatusOr<LabelRule> MakeLabelRule(const std::vector<LabelValue>& values,
                                        const DataConfig& data, const std::string& where);
// InvalidArgument: a value that the run file names, and no row of `values` has.
absl::Status CheckLabelsSeen(const LabelRule& rule, const std::vector<LabelValue>& values,
                             const std::string& where);
// Of a label with several classes, the values that data.ignore does not name: by their size if all
// are numbers, else by their bytes. Errors: as MakeLabelRule's, of too few classes or too many.
absl::StatusOr<std::vector<std::string>> NameClasses(const std::vector<LabelValue>& values,
                                                     const DataConfig& data,
                                                     const std::string& where);
// The number of the class that the trimmed `text` names.
std::optional<size_t> FindClass(const std::vector<std::string>& classes, absl::string_view text);
// FailedPrecondition: no training row, numbered as `classes` are, has one of them. Without classes
// OK.
absl::Status CheckClassesTrained(const std::vector<std::string>& classes, const LabelSums& train,
                                 const std::string& where);

// Where no key names values, that "1" counts as 1 goes without saying beside 0 or -1 alone;
// beside another value a sentence for a person, "" otherwise.
std::string DescribeUnnamedPositive(const LabelRule& rule, const std::vector<LabelValue>& values,
                                    const DataConfig& data);
// Where the label holds more than two values, one of which is no label but comes from a line that
// is no row (the header once more, a total): what to do about it; "" otherwise.
std::string DescribeStrayLabel(const std::vector<LabelValue>& values, const std::string& label);
// "'0' (23364 rows), '1' (6636 rows)"; ", ..." behind thirty.
std::string ShowLabels(const std::vector<LabelValue>& values);

}  // namespace rubato
