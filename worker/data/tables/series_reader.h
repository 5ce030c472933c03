// A price series (data.format = "series") as a table: a row for each day, with what is known on its
// evening, and the return to the next day.
//
//   date         the day, "2015-03-31"
//   next_date    the next day of the file: that of the return
//   ...          of each price: worker/data/tables/return_features.h
//   weekday, month, gap_days    the day's name, its month's, and days since the one before it
//   next_return  of the first price, logarithmic and in percent: also where features are scaled
//
// Days have no row until kWarmUpReturns returns have been seen, nor has the last one in training,
// as its next return is not known; those who predict get it, with the last two fields of the day
// after it empty. What a day's row holds beside these depends on no later day, to the bit.
//
// One thread. Errors: LoadPrices's; DataLoss: too few days.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/tables/price_history.h"
#include "worker/data/tables/return_features.h"
#include "worker/data/text/csv_layout.h"
#include "worker/data/text/table_reader.h"
#include "worker/run_file/run_config.h"

namespace rubato {

inline constexpr char kDateColumn[] = "date";
inline constexpr char kNextDateColumn[] = "next_date";
inline constexpr char kWeekdayColumn[] = "weekday";
inline constexpr char kMonthColumn[] = "month";
inline constexpr char kNextReturnColumn[] = "next_return";

enum class LastDay : uint8_t { kLeftOut, kGiven };

class SeriesReader : public TableReader {
 public:
  static absl::StatusOr<std::unique_ptr<SeriesReader>> Open(const std::string& path,
                                                            const CsvLayout& layout,
                                                            const SeriesConfig& series,
                                                            LastDay last_day);
  size_t shown_columns() const override { return 2; }
  std::vector<std::string> remarks() const override;

 private:
  SeriesReader(std::string path, const SeriesConfig& series, LastDay last_day);
  absl::Status CheckDays() const;
  absl::StatusOr<bool> NextRow() override;
  double Return(size_t column, size_t day) const;
  void AppendCalendar(size_t day, std::vector<std::string>* texts) const;

  const SeriesConfig series_;
  const LastDay last_day_;
  PriceHistory history_;
  std::vector<ReturnFeatures> features_;  // [column]
  size_t day_ = 0;                        // the last one whose return has been added
  std::vector<std::string> texts_;        // of the current row
};

}  // namespace rubato
