// The prices of a CSV file with a day in each row: read whole, checked, and without the days that
// lack a price.
//
// Days are dates like 2015-03-31, 2015/03/31 or 20150331, what stands behind a blank or a T (a time
// of day) left out; each stands once, and later ones below. Prices are numbers above 0. A day
// without a price in one of the columns is left out as if there had been no trading: the return to
// the next day spans it. Errors of a row are DataLoss, "FILE:LINE: sentence".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/text/csv_layout.h"
#include "worker/run_file/run_config.h"

namespace rubato {

// The day that a trimmed field names; nullopt: none.
std::optional<std::chrono::year_month_day> ReadDay(absl::string_view field);
// "2015-03-31".
std::string ShowDay(const std::chrono::year_month_day& day);

struct PriceHistory {
  std::vector<std::chrono::year_month_day> days;  // rising
  std::vector<uint64_t> lines;                    // [days] where each stands
  std::vector<std::vector<double>> prices;        // [column of series.prices][days]
  uint64_t rows = 0;                              // of the file, those left out too
  std::vector<uint64_t> missing;                  // [column] rows without its price
};

// InvalidArgument: a column of `series` that the file lacks.
absl::StatusOr<PriceHistory> LoadPrices(const std::string& path, const CsvLayout& layout,
                                        const SeriesConfig& series);

}  // namespace rubato
