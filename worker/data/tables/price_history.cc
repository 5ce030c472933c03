#include "worker/data/tables/price_history.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "worker/data/text/csv.h"
#include "worker/data/text/digits.h"
#include "worker/data/text/find_column.h"
#include "worker/data/text/show_text.h"

namespace rubato {
namespace {

// Requires digits.
unsigned ReadDigits(absl::string_view digits) {
  unsigned value = 0;
  for (const char c : digits) value = 10 * value + static_cast<unsigned>(c - '0');
  return value;
}

class PriceReader {
 public:
  static absl::StatusOr<PriceReader> Open(const std::string& path, const CsvLayout& layout,
                                          const SeriesConfig& series);
  absl::StatusOr<PriceHistory> ReadAll();

 private:
  explicit PriceReader(const SeriesConfig& series) : series_(series) {}
  absl::Status AddRow();
  // Of the current row, which must be later than the one before.
  absl::StatusOr<std::chrono::year_month_day> NextDay();
  // nullopt: missing.
  absl::StatusOr<std::optional<double>> ReadPrice(size_t column) const;
  absl::Status Error(absl::string_view sentence) const;

  const SeriesConfig& series_;
  std::unique_ptr<CsvReader> reader_;
  size_t date_ = 0;             // field
  std::vector<size_t> prices_;  // [column] field
  std::optional<std::chrono::year_month_day> last_;
  uint64_t last_line_ = 0;
  std::vector<double> row_;  // [column] prices
  PriceHistory history_;
};

absl::StatusOr<PriceReader> PriceReader::Open(const std::string& path, const CsvLayout& layout,
                                              const SeriesConfig& series) {
  PriceReader prices(series);
  ASSIGN_OR_RETURN(prices.reader_, CsvReader::Open(path, layout));
  const auto find = [&](const std::string& name, const char* key) {
    auto field = FindColumn(prices.reader_->header(), name, key);
    return field.ok() ? field : Annotate(field.status(), path);
  };
  ASSIGN_OR_RETURN(prices.date_, find(series.date, "series.date"));
  for (const std::string& name : series.prices) {
    ASSIGN_OR_RETURN(prices.prices_.emplace_back(), find(name, "series.prices"));
  }
  prices.row_.resize(series.prices.size());
  prices.history_.prices.resize(series.prices.size());
  prices.history_.missing.resize(series.prices.size());
  return prices;
}

absl::StatusOr<PriceHistory> PriceReader::ReadAll() {
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, reader_->Next());
    if (!found) return std::move(history_);
    RETURN_IF_ERROR(AddRow());
  }
}

absl::Status PriceReader::AddRow() {
  ASSIGN_OR_RETURN(const auto day, NextDay());
  ++history_.rows;
  bool whole = true;
  for (size_t i = 0; i < prices_.size(); ++i) {
    ASSIGN_OR_RETURN(const std::optional<double> price, ReadPrice(i));
    row_[i] = price.value_or(0.0);
    if (price) continue;
    ++history_.missing[i];
    whole = false;
  }
  if (!whole) return absl::OkStatus();
  history_.days.push_back(day);
  history_.lines.push_back(reader_->line());
  for (size_t i = 0; i < row_.size(); ++i) history_.prices[i].push_back(row_[i]);
  return absl::OkStatus();
}

absl::StatusOr<std::chrono::year_month_day> PriceReader::NextDay() {
  const absl::string_view text = TrimField(reader_->fields()[date_]);
  const auto day = ReadDay(text);
  if (!day) {
    return Error(absl::StrFormat(
        "column '%s' (series.date) holds '%s', which is no day like 2015-03-31; rewrite the column",
        ShowText(series_.date), ShowText(text)));
  }
  if (last_ && *day == *last_) {
    return Error(
        absl::StrFormat("the day %s stands in line %d too, and a day has one price; keep "
                        "one of the rows",
                        ShowDay(*day), last_line_));
  }
  if (last_ && *day < *last_) {
    return Error(
        absl::StrFormat("the day %s comes after %s in line %d; sort the rows by column "
                        "'%s' (series.date), the oldest first",
                        ShowDay(*day), ShowDay(*last_), last_line_, ShowText(series_.date)));
  }
  last_ = day;
  last_line_ = reader_->line();
  return *day;
}

absl::StatusOr<std::optional<double>> PriceReader::ReadPrice(size_t column) const {
  const absl::string_view text = TrimField(reader_->fields()[prices_[column]]);
  if (IsMissing(text) || IsMissingAmongNumbers(text)) return std::nullopt;
  const auto price = ParseNumber(text, reader_->decimal_comma());
  if (price && *price > 0.0) return price;
  return Error(
      absl::StrFormat("column '%s' (series.prices) holds '%s', which is no price above 0; "
                      "correct it, or leave it empty: the day is left out then",
                      ShowText(series_.prices[column]), ShowText(text)));
}

absl::Status PriceReader::Error(absl::string_view sentence) const {
  return absl::DataLossError(absl::StrCat(reader_->where(), ": ", sentence));
}

}  // namespace

std::optional<std::chrono::year_month_day> ReadDay(absl::string_view field) {
  constexpr size_t kYear = 4;
  constexpr size_t kPart = 2;  // a month, a day
  const size_t end = field.find_first_of("T ");
  std::string digits(field.substr(0, end));
  if (digits.size() == kYear + 2 * kPart + 2) {
    const char mark = digits[kYear];
    if ((mark != '-' && mark != '/') || digits[kYear + 1 + kPart] != mark) return std::nullopt;
    digits.erase(kYear + 1 + kPart, 1).erase(kYear, 1);
  }
  if (digits.size() != kYear + 2 * kPart || LeadingDigits(digits) != digits.size()) {
    return std::nullopt;
  }
  const absl::string_view text(digits);
  const std::chrono::year_month_day day(
      std::chrono::year(static_cast<int>(ReadDigits(text.substr(0, kYear)))),
      std::chrono::month(ReadDigits(text.substr(kYear, kPart))),
      std::chrono::day(ReadDigits(text.substr(kYear + kPart))));
  return day.ok() ? std::optional(day) : std::nullopt;
}

std::string ShowDay(const std::chrono::year_month_day& day) {
  return absl::StrFormat("%04d-%02d-%02d", static_cast<int>(day.year()),
                         static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

absl::StatusOr<PriceHistory> LoadPrices(const std::string& path, const CsvLayout& layout,
                                        const SeriesConfig& series) {
  ASSIGN_OR_RETURN(PriceReader reader, PriceReader::Open(path, layout, series));
  return reader.ReadAll();
}

}  // namespace rubato
