#include "worker/data/tables/open_table.h"

#include <limits>
#include <utility>

#include "common/base/status.h"
#include "worker/data/tables/idx_reader.h"
#include "worker/data/tables/return_features.h"
#include "worker/data/text/csv.h"

namespace rubato {
namespace {

absl::StatusOr<std::unique_ptr<TableReader>> OpenIdx(const TableFile& file) {
  ASSIGN_OR_RETURN(std::unique_ptr<IdxFile> images, IdxFile::Open(file.path));
  std::unique_ptr<IdxFile> labels;
  if (!file.labels.empty()) {
    ASSIGN_OR_RETURN(labels, IdxFile::Open(file.labels));
  }
  return IdxReader::Make(std::move(images), std::move(labels));
}

absl::StatusOr<std::unique_ptr<TableReader>> OpenReader(const TableFile& file) {
  if (file.format == "idx") return OpenIdx(file);
  if (file.format == "series") {
    return SeriesReader::Open(file.path, file.layout, file.series, file.last_day);
  }
  return CsvReader::Open(file.path, file.layout);
}

}  // namespace

TableFile MainFile(const RunConfig& config) {
  const DataConfig& data = config.data;
  return {.path = data.path,
          .format = data.format == "generated" ? "csv" : data.format,
          .layout = LayoutOf(data),
          .labels = data.labels,
          .series = config.series};
}

TableFile TestTable(const RunConfig& config) {
  TableFile file = MainFile(config);
  file.path = config.data.test_path;
  file.labels = config.data.test_labels;
  return file;
}

RunConfig AsIfCsv(RunConfig config) {
  DataConfig& data = config.data;
  if (data.format == "series") {
    data.label = kNextReturnColumn;
    data.time = kNextDateColumn;
    data.drop.emplace_back(kDateColumn);
    data.categorical = {kWeekdayColumn, kMonthColumn};
    if (!config.series.scale.empty()) {
      config.target.scale = ReturnFeatures::ScaleName(config.series.prices.front());
      data.numeric = {config.target.scale};  // a feature all the same
    }
  }
  if (data.format != "idx") return config;
  data.label = kIdxLabelColumn;
  data.drop = {kImageColumn};
  // Pixels at the border are nearly always 0, and no more amounts than others.
  config.cleanse.signed_log_skew = std::numeric_limits<double>::infinity();
  return config;
}

absl::StatusOr<OpenedTable> OpenTable(const TableFile& file,
                                      const std::shared_ptr<const JoinTable>& table) {
  OpenedTable opened;
  ASSIGN_OR_RETURN(opened.reader, OpenReader(file));
  if (!file.item.empty() && opened.reader->item() != file.item) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: its images have %s pixels, and the model learns ones of %s; scale them to that size",
        file.path, opened.reader->item(), file.item));
  }
  if (table == nullptr) return opened;
  ASSIGN_OR_RETURN(opened.joined, JoinedColumns::AppendTo(table, opened.reader.get()));
  return opened;
}

}  // namespace rubato
