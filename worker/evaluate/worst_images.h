// The images among the rows that a classifier took for something else, as they were before they
// were prepared, for a report.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "worker/data/dataset/dataset.h"
#include "worker/data/encode/encoding.h"
#include "worker/evaluate/judge.h"

namespace rubato {

struct WorstImage {
  std::vector<double> row;  // of the judge's table "worst"
  uint64_t width = 0;
  uint64_t height = 0;
  std::vector<int> pixels;  // [height, width] 0 to 255
};

// Of the judge's table "worst", where the rows are images of two dimensions; else none.
std::vector<WorstImage> WorstImagesOf(const Encoding& encoding, const Dataset& data,
                                      const Figures& figures);

// A JSON array of {row, actual, predicted, probability, width, height, pixels}.
std::string FormatWorstImages(const std::vector<WorstImage>& images);

}  // namespace rubato
