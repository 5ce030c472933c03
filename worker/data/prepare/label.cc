#include "worker/data/prepare/label.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_join.h"
#include "common/base/json_text.h"
#include "common/base/status.h"
#include "worker/data/text/field.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

using Names = std::vector<std::string>;

// More values than this are no two classes, however they are named.
constexpr size_t kMostOfTwo = 200;

// Values that an error shows.
constexpr size_t kMostShown = 30;

// Fewer are two, or none.
constexpr size_t kFewestClasses = 3;

// Of those that are joined, each with a header.
constexpr uint64_t kFewestRowsOfAFile = 20;

std::optional<double> NumberOf(absl::string_view text) {
  return ParseNumber(text, DecimalComma::kNo);
}

bool Holds(const Names& names, absl::string_view text) {
  return std::any_of(names.begin(), names.end(),
                     [text](const std::string& name) { return SameLabel(name, text); });
}

std::array<std::pair<const char*, const Names*>, 3> ListsOf(const LabelRule& rule) {
  return {{{"data.positive", &rule.positive},
           {"data.negative", &rule.negative},
           {"data.ignore", &rule.ignore}}};
}

absl::Status CheckNamedOnce(const LabelRule& rule, const std::string& where) {
  std::vector<std::pair<const char*, std::string>> before;
  for (const auto& [key, names] : ListsOf(rule)) {
    for (const std::string& name : *names) {
      for (const auto& [other, text] : before) {
        if (!SameLabel(text, name)) continue;
        return absl::InvalidArgumentError(
            absl::StrFormat("%s: %s names '%s', and %s '%s', the same; keep one", where, other,
                            ShowText(text), key, ShowText(name)));
      }
      before.emplace_back(key, name);
    }
  }
  return absl::OkStatus();
}

// What a label is to name: `words`, in errors, of at most so many values.
struct Classes {
  const char* words;
  size_t most;
};

absl::Status CheckClassLabel(const std::vector<LabelValue>& values, const std::string& where,
                             const Classes& wanted) {
  if (values.empty()) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s: the label is missing in every row", where));
  }
  if (values.size() == 1) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s: the label has one value only, %s; a model needs rows of %s", where,
                        ShowLabels(values), wanted.words));
  }
  if (values.size() > wanted.most) {
    constexpr size_t kShown = 10;
    const std::vector<LabelValue> first(values.begin(), values.begin() + kShown);
    return absl::FailedPreconditionError(
        absl::StrFormat("%s: the label is no class, it has more than %d values, %s, ...; use "
                        "another column, or make it one of a few values",
                        where, wanted.most, ShowLabels(first)));
  }
  return absl::OkStatus();
}

// No value is named positive.
absl::Status NonePositive(const LabelRule& rule, const std::vector<LabelValue>& values,
                          const std::string& where) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: no row has the label data.positive = '%s'; the file holds %s: set "
                      "data.positive to the one that counts as 1",
                      where, ShowText(absl::StrJoin(rule.positive, "', '")), ShowLabels(values)));
}

absl::Status NotBinary(const std::vector<LabelValue>& values, const DataConfig& data,
                       const std::string& where) {
  const std::string stray = DescribeStrayLabel(values, data.label);
  if (!stray.empty()) return absl::FailedPreconditionError(absl::StrCat(where, ": ", stray));
  const auto fewer = [](const LabelValue& a, const LabelValue& b) { return a.rows < b.rows; };
  const auto rarest = std::min_element(values.begin(), values.end(), fewer);
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s: the label is not binary, it holds %s; name what counts as 1, as in data.positive = "
      "[\"%s\"] (the rest counts as 0, or what data.negative names), and what is neither in "
      "data.ignore",
      where, ShowLabels(values), ShowText(rarest->text)));
}

// Every value has a class, and both classes have values.
absl::Status CheckClasses(const LabelRule& rule, const std::vector<LabelValue>& values,
                          const DataConfig& data, const std::string& where) {
  std::array<size_t, kLabelClasses> seen = {};
  for (const LabelValue& value : values) {
    const std::optional<LabelClass> label = rule.ClassOf(value.text);
    if (!label) return NotBinary(values, data, where);
    ++seen[static_cast<size_t>(*label)];
  }
  if (seen[static_cast<size_t>(LabelClass::kPositive)] == 0) {
    return NonePositive(rule, values, where);
  }
  if (seen[static_cast<size_t>(LabelClass::kNegative)] > 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrFormat("%s: no row is left that counts as 0, the label holds %s; shorten "
                      "data.positive or data.ignore",
                      where, ShowLabels(values)));
}

// "" where no value is the label's name, or one that many rows have: a column 'default' may say so.
std::string DescribeHeaderAgain(const std::vector<LabelValue>& values, const std::string& label) {
  const auto has_name = [&label](const LabelValue& value) { return value.text == label; };
  const auto name = std::find_if(values.begin(), values.end(), has_name);
  if (name == values.end() || values.size() == 2) return "";
  uint64_t rows = 0;
  for (const LabelValue& value : values) rows += value.rows;
  if (name->rows * kFewestRowsOfAFile > rows) return "";
  return absl::StrFormat(
      "the label is '%s', its own name, in %s: the header stands again among the rows, as where "
      "files were joined; leave it out there, as in awk 'NR == 1 {h = $0; print} $0 != h'; if it "
      "is a label like others, name what counts as 1 (data.positive, or --positive)",
      ShowText(label), ShowRows(name->rows));
}

}  // namespace

const char* LabelClassName(LabelClass label_class) {
  switch (label_class) {
    case LabelClass::kNegative:
      return "negative";
    case LabelClass::kPositive:
      return "positive";
    case LabelClass::kOneOfSeveral:
      return "class";
    case LabelClass::kIgnored:
      break;
  }
  return "ignored";
}

std::string ShowLabels(const std::vector<LabelValue>& values) {
  Names shown;
  for (const LabelValue& value : values) {
    if (shown.size() == kMostShown) return absl::StrCat(absl::StrJoin(shown, ", "), ", ...");
    shown.push_back(absl::StrFormat("'%s' (%s)", ShowText(value.text), ShowRows(value.rows)));
  }
  return absl::StrJoin(shown, ", ");
}

bool SameLabel(absl::string_view a, absl::string_view b) {
  if (a == b) return true;
  const auto x = NumberOf(a);
  return x && x == NumberOf(b);
}

size_t LabelCounter::Count(absl::string_view text) {
  const auto found = by_text_.find(text);
  const size_t index = found == by_text_.end() ? Find(text) : found->second;
  ++values_[index].rows;
  return index;
}

size_t LabelCounter::Count(double number) {
  const auto found = by_value_.find(number);
  if (found != by_value_.end()) {
    ++values_[found->second].rows;
    return found->second;
  }
  const size_t index = Count(absl::StrCat(number));
  if (by_value_.size() < kMaxLabelValues) by_value_.emplace(number, index);
  return index;
}

// Spellings are remembered, but no end of them.
size_t LabelCounter::Find(absl::string_view text) {
  const auto number = NumberOf(text);
  const auto same = number ? by_number_.find(*number) : by_number_.end();
  const bool known = same != by_number_.end();
  if (!known && values_.size() > kMaxLabelValues) return kMaxLabelValues;
  const size_t index = known ? same->second : values_.size();
  if (!known) values_.push_back({std::string(text), 0});
  if (number) by_number_.emplace(*number, index);
  if (by_text_.size() < 8 * kMaxLabelValues) by_text_.emplace(std::string(text), index);
  return index;
}

std::optional<LabelClass> LabelRule::ClassOf(absl::string_view text) const {
  if (Holds(positive, text)) return LabelClass::kPositive;
  if (Holds(ignore, text)) return LabelClass::kIgnored;
  if (negative.empty() || Holds(negative, text)) return LabelClass::kNegative;
  return std::nullopt;
}

absl::StatusOr<LabelRule> MakeLabelRule(const std::vector<LabelValue>& values,
                                        const DataConfig& data, const std::string& where) {
  RETURN_IF_ERROR(CheckClassLabel(values, where, {"both classes", kMostOfTwo}));
  LabelRule rule{data.positive, data.negative, data.ignore};
  if (data.positive.empty()) rule.positive = {"1"};
  RETURN_IF_ERROR(CheckNamedOnce(rule, where));
  if (data.positive.empty() && data.negative.empty()) {
    // Nobody chose "1": it may stand against one other value only.
    std::vector<std::string> others;
    for (const LabelValue& value : values) {
      if (rule.ClassOf(value.text) == LabelClass::kNegative) others.push_back(value.text);
    }
    if (others.size() > 1) {
      return values.size() == 2 ? NonePositive(rule, values, where)
                                : NotBinary(values, data, where);
    }
    rule.negative = std::move(others);
  }
  RETURN_IF_ERROR(CheckClasses(rule, values, data, where));
  return rule;
}

absl::StatusOr<std::vector<std::string>> NameClasses(const std::vector<LabelValue>& values,
                                                     const DataConfig& data,
                                                     const std::string& where) {
  RETURN_IF_ERROR(CheckClassLabel(values, where, {"several classes", kMaxLabelValues}));
  RETURN_IF_ERROR(CheckLabelsSeen({{}, {}, data.ignore}, values, where));
  Names classes;
  for (const LabelValue& value : values) {
    if (!Holds(data.ignore, value.text)) classes.push_back(value.text);
  }
  if (classes.size() < kFewestClasses) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s: the label holds %s, which leaves %d of several classes; of two use target.kind = "
        "\"binary\"",
        where, ShowLabels(values), classes.size()));
  }
  const bool numbers = absl::c_all_of(classes, [](const std::string& c) { return NumberOf(c); });
  std::sort(classes.begin(), classes.end(), [numbers](const std::string& a, const std::string& b) {
    return numbers ? *NumberOf(a) < *NumberOf(b) : a < b;
  });
  return classes;
}

std::optional<size_t> FindClass(const std::vector<std::string>& classes, absl::string_view text) {
  const auto found =
      absl::c_find_if(classes, [text](const std::string& c) { return SameLabel(c, text); });
  return found == classes.end() ? std::nullopt : std::optional<size_t>(found - classes.begin());
}

absl::Status CheckClassesTrained(const std::vector<std::string>& classes, const LabelSums& train,
                                 const std::string& where) {
  if (classes.empty()) return absl::OkStatus();
  std::vector<uint64_t> rows(classes.size());
  for (const LabelRow& row : train.each) ++rows[static_cast<size_t>(row.label)];
  const auto none = static_cast<size_t>(absl::c_find(rows, 0) - rows.begin());
  if (none == rows.size()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s: no row to train on has the label '%s', so it can never be predicted; name it in "
      "data.ignore, add rows of it, or try another split.seed",
      where, ShowText(classes[none])));
}

std::string DescribeStrayLabel(const std::vector<LabelValue>& values, const std::string& label) {
  if (label.empty()) return "";  // LIBSVM has neither a header nor totals
  if (std::string again = DescribeHeaderAgain(values, label); !again.empty()) return again;
  const auto alone = [](const LabelValue& value) {
    return value.rows == 1 && NumberOf(value.text).has_value();
  };
  const auto once = [](const LabelValue& value) { return value.rows == 1; };
  const auto stray = std::find_if(values.begin(), values.end(), alone);
  if (values.size() != 3 || stray == values.end() || absl::c_count_if(values, once) > 1) return "";
  return absl::StrFormat(
      "the label holds %s; if the row of '%s' is a total or another footer, leave it out, as in "
      "head -n -1, else name what counts as 1 in data.positive",
      ShowLabels(values), ShowText(stray->text));
}

std::string DescribeUnnamedPositive(const LabelRule& rule, const std::vector<LabelValue>& values,
                                    const DataConfig& data) {
  if (!data.positive.empty() || !data.negative.empty()) return "";
  const auto plain = [](const LabelValue& value) {
    return SameLabel(value.text, "0") || SameLabel(value.text, "-1");
  };
  for (const LabelValue& value : values) {
    if (rule.ClassOf(value.text) != LabelClass::kNegative || plain(value)) continue;
    return absl::StrFormat(
        "the label holds %s, and '1' counts as 1 as data.positive is left out; if it is the other, "
        "set data.positive = %s",
        ShowLabels(values), QuotedText(ShowText(value.text)));
  }
  return "";
}

absl::Status CheckLabelsSeen(const LabelRule& rule, const std::vector<LabelValue>& values,
                             const std::string& where) {
  for (const auto& [key, names] : ListsOf(rule)) {
    for (const std::string& name : *names) {
      const auto same = [&name](const LabelValue& v) { return SameLabel(v.text, name); };
      if (std::any_of(values.begin(), values.end(), same)) continue;
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: no row has the label '%s' that %s names; the label holds %s", where,
                          ShowText(name), key, ShowLabels(values)));
    }
  }
  return absl::OkStatus();
}

}  // namespace rubato
