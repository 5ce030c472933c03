#include "worker/data/prepare/column_plan.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "worker/data/text/find_column.h"
#include "worker/data/text/name_words.h"
#include "worker/data/text/show_text.h"
#include "worker/run_file/nearest_key.h"

namespace rubato {
namespace {

// Different dates in digits without which they may be codes.
constexpr uint64_t kFewestDates = 12;

absl::Status CheckNames(const std::vector<std::string>& header,
                        const std::vector<std::string>& names, absl::string_view key) {
  for (const std::string& name : names) RETURN_IF_ERROR(FindColumn(header, name, key).status());
  return absl::OkStatus();
}

// Texts that are missing values do not make a column of amounts an id, and marks make amounts.
bool LooksLikeId(const ColumnScan& column, FeatureKind kind) {
  if (column.counted < kIdLikeRows || column.fractions > 0) return false;
  if (kind == FeatureKind::kNumeric) {
    return column.texts == 0 && column.marks.marked() == 0 && column.distinct == column.counted;
  }
  return static_cast<double>(column.distinct) >= kIdLikeShare * static_cast<double>(column.counted);
}

// The form of nearly all texts of a column, else kOther.
TextForm MainForm(const ColumnScan& column) {
  const uint64_t texts = std::accumulate(column.forms.begin(), column.forms.end(), uint64_t{0});
  const auto most = std::max_element(column.forms.begin(), column.forms.end());
  const bool clear =
      texts > 0 && static_cast<double>(*most) >= kFormShare * static_cast<double>(texts);
  return clear ? static_cast<TextForm>(most - column.forms.begin()) : TextForm::kOther;
}

std::string ShowTexts(const std::vector<TextCount>& texts) {
  std::vector<std::string> shown;
  for (const TextCount& text : texts) {
    if (shown.size() == kShownTexts) {
      shown.push_back(absl::StrFormat("%d others", texts.size() - kShownTexts));
      break;
    }
    shown.push_back(absl::StrFormat("'%s' (%s)", ShowText(text.text), ShowRows(text.rows)));
  }
  return absl::StrJoin(shown, ", ");
}

// A category of what were meant as dates. False when the texts are words.
bool WarnOfDates(const ColumnScan& column, std::vector<Warning>* warnings) {
  const TextForm form = MainForm(column);
  if (form == TextForm::kOther) return false;
  const char* advice = form == TextForm::kIsoTime
                           ? "to split by it, name it in data.time (split.kind = \"time\")"
                           : "to split by it, write them like 2015-03-31, see data.time";
  const bool one_each = column.counted >= kIdLikeRows && column.distinct == column.counted;
  const char* days = one_each && form == TextForm::kIsoTime
                         ? "; if each row is a day with its prices, see data.format = \"series\""
                         : "";
  warnings->push_back(
      {column.name, "date",
       absl::StrFormat("column '%s' holds dates, the first '%s' in line %d; %s; as they are, each "
                       "is a level of a category%s",
                       ShowText(column.name), ShowText(column.first_text), column.first_text_line,
                       advice, days)});
  return true;
}

bool IsNamedAsTime(const std::string& name) {
  static constexpr std::array<absl::string_view, 10> kWords = {
      "date", "dates", "day", "month", "dt", "period", "datum", "monat", "yyyymm", "yyyymmdd"};
  const std::vector<std::string> words = WordsOf(name);
  return std::any_of(words.begin(), words.end(),
                     [](const std::string& word) { return absl::c_linear_search(kWords, word); });
}

// Numbers such as 20150331 or 201503: nearly all by their name, else all of many.
bool HoldsDigitsOfDates(const ColumnScan& column) {
  const auto dates = static_cast<double>(column.digits_of_dates);
  if (dates == 0.0 || dates < kFormShare * static_cast<double>(column.counted)) return false;
  return IsNamedAsTime(column.name) ||
         (column.digits_of_dates == column.counted && column.counted >= kIdLikeRows &&
          column.distinct >= kFewestDates);
}

void WarnOfDigitsOfDates(const ColumnScan& column, std::vector<Warning>* warnings) {
  warnings->push_back(
      {column.name, "date",
       absl::StrFormat("column '%s' holds dates in digits, the first '%s'; to split by it, name it "
                       "in data.time (split.kind = \"time\"); as they are, they are read as "
                       "numbers",
                       ShowText(column.name), ShowText(column.examples.front()))});
}

// Codes, perhaps, that were read as numbers.
void WarnOfLeadingZeros(const ColumnScan& column, std::vector<Warning>* warnings) {
  if (column.leading_zeros == 0 || column.fractions > 0) return;
  warnings->push_back(
      {column.name, "leading_zeros",
       absl::StrFormat(
           "column '%s': numbers that begin with 0 (%d of %d), as '%s', are read like others; "
           "name it in data.categorical if they are codes, else in data.numeric",
           ShowText(column.name), column.leading_zeros, column.numbers,
           ShowText(column.first_leading_zero))});
}

void WarnOfFooter(const CsvScan& scan, const DataConfig& data, std::vector<Warning>* warnings) {
  if (!scan.footer) return;
  warnings->push_back(
      {data.label, "footer",
       absl::StrFormat("what stands at the end, from line %d ('%s') on, has no label and is left "
                       "out (%s); a footer must be taken off files to be scored",
                       scan.footer->line, ShowText(scan.footer->text),
                       ShowRows(scan.footer->rows))});
}

// Features with the same values in every row.
void WarnOfCopies(const CsvScan& scan, const std::vector<Feature>& features,
                  std::vector<Warning>* warnings) {
  if (scan.rows > kDistinctRows) return;  // later rows were not compared
  absl::flat_hash_map<uint64_t, const std::string*> first;
  for (const Feature& feature : features) {
    const ColumnScan& column = scan.columns[feature.field];
    if (column.distinct < 2) continue;
    const auto [seen, added] = first.emplace(column.digest, &column.name);
    if (added) continue;
    warnings->push_back(
        {column.name, "copy",
         absl::StrFormat("column '%s' holds what '%s' does; leave one of them out with data.drop",
                         ShowText(column.name), ShowText(*seen->second))});
  }
}

// Whether two numbers alone could be of one column.
bool MarksAgree(const std::string& a, const std::string& b) {
  NumberMarks marks;
  for (const std::string& text : {a, b}) {
    if (const auto number = ParseNumber(text, DecimalComma::kNo)) {
      marks.AddPlain(text, *number);
    } else {
      marks.AddText(text);
    }
  }
  return marks.Agreed(2, {}).has_value();
}

// Two of the column's numbers that differ in their marks; many, where none do so by themselves.
std::string ShowDifferentMarks(const ColumnScan& column) {
  std::vector<std::string> texts;
  if (!column.first_plain.empty()) texts.push_back(column.first_plain);
  for (const TextCount& marked : column.few_marked.seen) texts.push_back(marked.text);
  for (size_t i = 0; i < texts.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (MarksAgree(texts[j], texts[i])) continue;
      return absl::StrFormat("'%s' and '%s'", ShowText(texts[j]), ShowText(texts[i]));
    }
  }
  return ShowTexts(column.few_marked.seen);
}

// A category of numbers whose marks say different things.
bool WarnOfMarks(const ColumnScan& column, std::vector<Warning>* warnings) {
  if (!MarksDisagree(column)) return false;
  warnings->push_back(
      {column.name, "marks_differ",
       absl::StrFormat("column '%s' holds numbers with different marks, as %s; write them alike; "
                       "as they are, each is a level of a category",
                       ShowText(column.name), ShowDifferentMarks(column))});
  return true;
}

// Texts in a column of numbers, or numbers in one of texts.
void WarnOfMixture(const ColumnScan& column, const KindChoice& choice,
                   std::vector<Warning>* warnings) {
  if (choice.kind == FeatureKind::kNumeric && column.few_texts.many) {
    warnings->push_back({column.name, "mixed",
                         absl::StrFormat("column '%s': %d values that are no numbers, the first "
                                         "'%s' in line %d, are taken as missing",
                                         ShowText(column.name), column.texts,
                                         ShowText(column.first_text), column.first_text_line)});
  } else if (choice.kind == FeatureKind::kNumeric) {
    warnings->push_back({column.name, "taken",
                         absl::StrFormat("column '%s': taken as missing: %s; name it in "
                                         "data.categorical if they mean something",
                                         ShowText(column.name), ShowTexts(choice.taken))});
  } else if (column.numbers > 9 * column.texts) {
    warnings->push_back(
        {column.name, "mixed",
         absl::StrFormat(
             "column '%s' is taken as a category for its %d values that are no numbers, "
             "the first '%s' in line %d; name it in data.numeric to take those as "
             "missing",
             ShowText(column.name), column.texts, ShowText(column.first_text),
             column.first_text_line)});
  }
}

void WarnOf(const ColumnScan& column, const KindChoice& choice, std::vector<Warning>* warnings) {
  if (choice.kind == FeatureKind::kCategory &&
      (WarnOfMarks(column, warnings) || WarnOfDates(column, warnings))) {
    return;
  }
  if (choice.kind == FeatureKind::kNumeric && !choice.named) {
    if (HoldsDigitsOfDates(column)) return WarnOfDigitsOfDates(column, warnings);
    WarnOfLeadingZeros(column, warnings);
  }
  if (LooksLikeId(column, choice.kind)) {
    warnings->push_back(
        {column.name, "id_like",
         absl::StrFormat(
             "column '%s' looks like an id: %d distinct values in %d; leave it out with "
             "data.drop unless it means something",
             ShowText(column.name), column.distinct, column.counted)});
  }
  if (column.texts > 0 && column.numbers > 0) WarnOfMixture(column, choice, warnings);
}

Feature MakeFeature(size_t field, const ColumnScan& column, const KindChoice& choice) {
  Feature feature = {field,       column.name,          choice.kind,
                     choice.form, column.named_missing, choice.reason};
  for (const TextCount& text : choice.taken) feature.missing.push_back(text.text);
  return feature;
}

// Warnings of a kind that is said of column after column; `what` of them all.
void SayTogether(absl::string_view kind, absl::string_view what, std::vector<Warning>* warnings) {
  const auto is_it = [kind](const Warning& warning) { return warning.kind == kind; };
  const auto count = static_cast<size_t>(absl::c_count_if(*warnings, is_it));
  if (count <= kNamedOneByOne) return;
  const auto first = absl::c_find_if(*warnings, is_it);
  const Warning together = {
      "", first->kind,
      absl::StrFormat("%d columns %s; the first is '%s'", count, what, ShowText(first->column))};
  const auto kept = std::remove_if(first + 1, warnings->end(), is_it);
  *first = together;
  warnings->erase(kept, warnings->end());
}

}  // namespace

void SettleWarnings(const CsvScan& scan, std::vector<Warning>* warnings) {
  if (!scan.item.empty()) {
    const auto of_a_pixel = [](const Warning& warning) {
      return warning.kind != "constant" && absl::StartsWith(warning.column, "pixel");
    };
    warnings->erase(std::remove_if(warnings->begin(), warnings->end(), of_a_pixel),
                    warnings->end());
  }
  SayTogether("constant", "have one value each in all training rows, which tells the model nothing",
              warnings);
  SayTogether("copy", "hold what another one does, and may be left out with data.drop", warnings);
}

std::string RoleOf(const RunConfig& config, const std::vector<std::string>& oracle,
                   const std::string& column) {
  if (absl::c_linear_search(oracle, column)) return "oracle";
  if (column == config.data.label) return "label";
  if (column == config.data.time) return "time";
  if (column == config.split.group) return "group";
  if (column == config.data.join.key) return "key";
  if (column == config.target.offset) return "offset";
  if (column == config.target.exposure) return "exposure";
  if (column == config.target.weight) return "weight";
  return column == config.target.scale ? "scale" : "dropped";
}

DataConfig PlannedData(const RunConfig& config) {
  DataConfig data = config.data;
  const TargetConfig& target = config.target;
  for (const std::string& column : {config.split.group, data.join.key, target.offset,
                                    target.exposure, target.weight, target.scale}) {
    const auto names = [&column](const std::vector<std::string>& list) {
      return absl::c_linear_search(list, column);
    };
    if (!column.empty() && !names(data.categorical) && !names(data.numeric) && !names(data.drop)) {
      data.drop.push_back(column);
    }
  }
  return data;
}

absl::StatusOr<ColumnPlan> PlanColumns(const CsvScan& scan, const DataConfig& data,
                                       const std::vector<std::string>& oracle) {
  RETURN_IF_ERROR(Annotate(CheckNames(scan.header, data.drop, "data.drop"), scan.path));
  RETURN_IF_ERROR(
      Annotate(CheckNames(scan.header, data.categorical, "data.categorical"), scan.path));
  RETURN_IF_ERROR(Annotate(CheckNames(scan.header, data.numeric, "data.numeric"), scan.path));
  ColumnPlan plan;
  for (const std::string& remark : scan.remarks) plan.warnings.push_back({"", "rows", remark});
  WarnOfFooter(scan, data, &plan.warnings);
  for (size_t i = 0; i < scan.columns.size(); ++i) {
    const ColumnScan& column = scan.columns[i];
    if (absl::c_linear_search(data.drop, column.name)) {
      plan.dropped.push_back(column.name);
      continue;
    }
    if (column.name == data.label || column.name == data.time) continue;
    if (absl::c_linear_search(oracle, column.name)) continue;
    const KindChoice choice = ChooseKind(column, data);
    plan.features.push_back(MakeFeature(i, column, choice));
    WarnOf(column, choice, &plan.warnings);
  }
  WarnOfCopies(scan, plan.features, &plan.warnings);
  if (plan.features.empty()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: no column is left to learn from; %s", scan.path,
        plan.dropped.empty() ? "the file has none besides the label" : "shorten data.drop"));
  }
  return plan;
}

}  // namespace rubato
