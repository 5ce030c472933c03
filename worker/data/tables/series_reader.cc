#include "worker/data/tables/series_reader.h"

#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

constexpr std::array<const char*, 7> kWeekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                  "Thursday", "Friday", "Saturday"};
constexpr std::array<const char*, 12> kMonths = {"January",   "February", "March",    "April",
                                                 "May",       "June",     "July",     "August",
                                                 "September", "October",  "November", "December"};

// Nine digits give back the very float that a model sees.
std::string ShowNumber(double value) { return absl::StrFormat("%.9g", value); }

std::vector<std::string> ColumnNames(const SeriesConfig& series) {
  std::vector<std::string> names = {kDateColumn, kNextDateColumn};
  for (const std::string& price : series.prices) {
    const std::vector<std::string> of_price = ReturnFeatures::Names(price);
    names.insert(names.end(), of_price.begin(), of_price.end());
  }
  for (const char* name : {kWeekdayColumn, kMonthColumn, "gap_days", kNextReturnColumn}) {
    names.emplace_back(name);
  }
  return names;
}

}  // namespace

SeriesReader::SeriesReader(std::string path, const SeriesConfig& series, LastDay last_day)
    : TableReader(std::move(path)),
      series_(series),
      last_day_(last_day),
      features_(series.prices.size(),
                ReturnFeatures(series.scale.empty() ? ReturnFeatures::Unit::kPercent
                                                    : ReturnFeatures::Unit::kVolatility)) {}

absl::StatusOr<std::unique_ptr<SeriesReader>> SeriesReader::Open(const std::string& path,
                                                                 const CsvLayout& layout,
                                                                 const SeriesConfig& series,
                                                                 LastDay last_day) {
  std::unique_ptr<SeriesReader> reader(new SeriesReader(path, series, last_day));
  ASSIGN_OR_RETURN(reader->history_, LoadPrices(path, layout, series));
  RETURN_IF_ERROR(reader->CheckDays());
  reader->NameColumns(ColumnNames(series));
  return reader;
}

absl::Status SeriesReader::CheckDays() const {
  const size_t least = kWarmUpReturns + (last_day_ == LastDay::kGiven ? 1 : 2);
  if (history_.days.size() >= least) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat(
      "%s: has %d days with all prices, and %d are the least: features look back on %d returns; "
      "give a longer history",
      name(), history_.days.size(), least, kWarmUpReturns));
}

std::vector<std::string> SeriesReader::remarks() const {
  std::vector<std::string> remarks = {
      absl::StrFormat("the first %d of %d days give no row, as the features of a day look back on "
                      "so many returns",
                      kWarmUpReturns, history_.days.size())};
  const uint64_t left_out = history_.rows - history_.days.size();
  if (left_out == 0) return remarks;
  std::vector<std::string> columns;
  for (size_t i = 0; i < series_.prices.size(); ++i) {
    if (history_.missing[i] == 0) continue;
    columns.push_back(
        absl::StrFormat("'%s' in %s", ShowText(series_.prices[i]), ShowRows(history_.missing[i])));
  }
  remarks.push_back(absl::StrFormat(
      "%d of %d days lack a price (%s) and are left out, so that the next return spans them",
      left_out, history_.rows, absl::StrJoin(columns, ", ")));
  return remarks;
}

double SeriesReader::Return(size_t column, size_t day) const {
  const std::vector<double>& prices = history_.prices[column];
  return 100.0 * std::log(prices[day] / prices[day - 1]);
}

void SeriesReader::AppendCalendar(size_t day, std::vector<std::string>* texts) const {
  const std::chrono::sys_days today = history_.days[day];
  const std::chrono::sys_days before = history_.days[day - 1];
  texts->emplace_back(kWeekdays[std::chrono::weekday(today).c_encoding()]);
  texts->emplace_back(kMonths[static_cast<unsigned>(history_.days[day].month()) - 1]);
  texts->push_back(absl::StrCat((today - before).count()));
}

absl::StatusOr<bool> SeriesReader::NextRow() {
  const size_t days = history_.days.size();
  const size_t end = last_day_ == LastDay::kGiven ? days : days - 1;
  if (day_ + 1 >= end) return false;
  do {
    ++day_;
    for (size_t i = 0; i < features_.size(); ++i) features_[i].Add(Return(i, day_));
  } while (!features_.front().warm());
  const bool known = day_ + 1 < days;  // what comes next
  texts_ = {ShowDay(history_.days[day_]), known ? ShowDay(history_.days[day_ + 1]) : ""};
  std::vector<double> values;
  for (const ReturnFeatures& features : features_) features.Append(&values);
  for (const double value : values) texts_.push_back(ShowNumber(value));
  AppendCalendar(day_, &texts_);
  texts_.push_back(known ? ShowNumber(Return(0, day_ + 1)) : "");
  fields_.assign(texts_.begin(), texts_.end());
  line_of_row_ = history_.lines[day_];
  return true;
}

}  // namespace rubato
