#include "worker/evaluate/worst_images.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/algorithm/container.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/base/json_text.h"

namespace rubato {
namespace {

constexpr const char* kColumns[] = {"row", "actual", "predicted", "probability"};

// Rows and columns of an image whose bytes the numeric columns are.
std::optional<std::pair<uint64_t, uint64_t>> SizeOf(const Encoding& encoding) {
  const std::vector<std::string> sizes = absl::StrSplit(encoding.item, " x ");
  uint64_t rows = 0;
  uint64_t columns = 0;
  if (encoding.format != "idx" || sizes.size() != 2 || !absl::SimpleAtoi(sizes[0], &rows) ||
      !absl::SimpleAtoi(sizes[1], &columns) || rows * columns != encoding.numeric.size()) {
    return std::nullopt;
  }
  return std::make_pair(rows, columns);
}

int PixelOf(const NumericEncoding& column, float encoded) {
  const double value = static_cast<double>(encoded) * column.deviation + column.mean;
  return static_cast<int>(std::lround(std::clamp(value, 0.0, 255.0)));
}

}  // namespace

std::vector<WorstImage> WorstImagesOf(const Encoding& encoding, const Dataset& data,
                                      const Figures& figures) {
  const auto size = SizeOf(encoding);
  const auto worst =
      absl::c_find_if(figures.tables, [](const FigureTable& t) { return t.name == "worst"; });
  if (!size || worst == figures.tables.end()) return {};
  std::vector<uint64_t> rows;
  for (const std::vector<double>& row : worst->rows) rows.push_back(static_cast<uint64_t>(row[0]));
  Batch batch;
  data.Read(rows, &batch);
  std::vector<WorstImage> images;
  for (size_t r = 0; r < rows.size(); ++r) {
    WorstImage& image = images.emplace_back();
    image = {.row = worst->rows[r], .width = size->second, .height = size->first, .pixels = {}};
    for (size_t k = 0; k < encoding.numeric.size(); ++k) {
      const float encoded = batch.numeric[r * batch.numeric_columns + k];
      image.pixels.push_back(PixelOf(encoding.numeric[k], encoded));
    }
  }
  return images;
}

std::string FormatWorstImages(const std::vector<WorstImage>& images) {
  std::string json;
  for (const WorstImage& image : images) {
    std::string fields;
    for (size_t i = 0; i < std::size(kColumns); ++i) {
      AppendField(kColumns[i], image.row[i], &fields);
    }
    AppendField("width", image.width, &fields);
    AppendField("height", image.height, &fields);
    AppendField("pixels", image.pixels, &fields);
    absl::StrAppend(&json, json.empty() ? "{" : ",\n {", fields, "}");
  }
  return absl::StrCat("[", json, "]");
}

}  // namespace rubato
