#include "worker/data/split.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "worker/data/digest.h"
#include "worker/data/field.h"
#include "worker/data/text_form.h"

namespace rubato {
namespace {

// The time at which `percent` of the rows have passed: rows from it on belong to the next part.
double TimeBound(const std::vector<double>& sorted, int64_t percent) {
  const size_t index = sorted.size() * static_cast<size_t>(percent) / 100;
  return index < sorted.size() ? sorted[index] : std::numeric_limits<double>::infinity();
}

}  // namespace

const char* SplitPartName(SplitPart part) {
  switch (part) {
    case SplitPart::kTrain:
      return "train";
    case SplitPart::kValidation:
      return "validation";
    case SplitPart::kTest:
      return "test";
    case SplitPart::kDropped:
      break;
  }
  return "dropped";
}

uint32_t SplitHash(uint64_t row) { return Md5Prefix(absl::StrCat(row)) % 100; }

SplitPart HashSplit(uint64_t row, const SplitConfig& split, TestFile test_file) {
  const int64_t h = SplitHash(row);
  if (h < split.train_percent) return SplitPart::kTrain;
  if (h < split.train_percent + split.validation_percent) return SplitPart::kValidation;
  return test_file == TestFile::kGiven ? SplitPart::kTrain : SplitPart::kTest;
}

std::optional<double> ParseTime(absl::string_view field) {
  if (!LooksLikeIsoTime(field)) return ParseNumber(field, DecimalComma::kNo);
  constexpr size_t kDigits = 14;  // YYYYMMDDhhmmss, exact in a double
  double value = 0.0;
  size_t digits = 0;
  for (const char c : field) {
    if (digits == kDigits || !(c == '-' || c == '/' || c == ':' || c == 'T' || c == ' ' ||
                               absl::ascii_isdigit(static_cast<unsigned char>(c)))) {
      break;  // fractions of a second and the zone
    }
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) continue;
    value = value * 10.0 + (c - '0');
    ++digits;
  }
  return value * std::pow(10.0, static_cast<double>(kDigits - digits));
}

std::vector<SplitPart> TimeSplit(const std::vector<double>& times, const SplitConfig& split,
                                 TestFile test_file) {
  std::vector<double> sorted;
  std::copy_if(times.begin(), times.end(), std::back_inserter(sorted),
               [](double time) { return !std::isnan(time); });
  std::sort(sorted.begin(), sorted.end());
  const double validation_from = TimeBound(sorted, split.train_percent);
  const double test_from = test_file == TestFile::kGiven
                               ? std::numeric_limits<double>::infinity()
                               : TimeBound(sorted, split.train_percent + split.validation_percent);
  std::vector<SplitPart> parts;
  parts.reserve(times.size());
  for (const double time : times) {
    parts.push_back(std::isnan(time)         ? SplitPart::kDropped
                    : time < validation_from ? SplitPart::kTrain
                    : time < test_from       ? SplitPart::kValidation
                                             : SplitPart::kTest);
  }
  return parts;
}

}  // namespace rubato
