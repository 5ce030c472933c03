// Fits the encoding of a CSV file: medians, scales and levels of the training rows, and of no other
// row, so that validation and test say what the model will do on rows it has not seen.
//
// Feed every training row once, then Finish. Memory: 8 bytes per number of a training row (10 M
// rows of 100 numbers: 8 GB), and each distinct category value once. Warnings name columns that are
// constant, or that alone order the classes nearly perfectly: in credit data that is most often a
// column written after the default.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/encode/encoding.h"
#include "worker/data/encode/missing_values.h"
#include "worker/data/encode/number_reader.h"
#include "worker/data/prepare/column_plan.h"
#include "worker/data/prepare/sentinel.h"
#include "worker/data/text/field.h"
#include "worker/run_file/run_config.h"

namespace rubato {

// Distinct values of one category: 4 M of 32 bytes are 400 MB with the table around them.
inline constexpr size_t kMaxLevels = size_t{1} << 22;
// AUC of a single column above which it is suspected to know the answer; told from at least
// kLeakRows rows of either class.
inline constexpr double kLeakAuc = 0.98;
inline constexpr uint64_t kLeakRows = 20;

// Rows of the two classes that share something.
struct ClassCounts {
  uint64_t negatives = 0;
  uint64_t positives = 0;
  uint64_t rows() const { return negatives + positives; }
  // Requires rows() > 0.
  double PositiveRate() const {
    return static_cast<double>(positives) / static_cast<double>(rows());
  }
};

struct ValueCounts {
  double value = 0.0;
  ClassCounts counts;
};

// What the values of a numeric column are like, for those who look at it.
struct NumericFacts {
  std::vector<ValueCounts> values;  // rising; none when they are more than kFewValues
  std::vector<Sentinel> sentinels;
  double p99 = 0.0;  // at least 99 % are at most this
};
inline constexpr size_t kFewValues = 100;

struct FitResult {
  Encoding encoding;                // label and positive left for the caller
  std::vector<NumericFacts> facts;  // [encoding.numeric.size()]
  std::vector<Warning> warnings;
};

class Cleanser {
 public:
  Cleanser(const std::vector<Feature>& features, const CleanseConfig& config, DecimalComma comma);
  Cleanser(const Cleanser&) = delete;
  Cleanser& operator=(const Cleanser&) = delete;

  enum class Class : uint8_t { kNegative, kPositive };
  // A training row. ResourceExhausted: a category with too many levels.
  absl::Status Add(std::span<const absl::string_view> fields, Class label);
  // The encoding of what was added. To be called once, last.
  FitResult Finish();

 private:
  struct NumericFit {
    NumberReader reader;
    std::vector<double> negatives;  // values of the rows that have one
    std::vector<double> positives;
    ClassCounts missing;
  };
  // Rows of a level, and every second one of them by class: what a guess of its rate is made of
  // that the others can be held against.
  struct LevelCounts {
    ClassCounts all;
    ClassCounts guessed;
  };
  struct CategoryFit {
    MissingValues named_missing;
    absl::flat_hash_map<std::string, LevelCounts> levels;
    LevelCounts missing;
  };

  absl::Status AddLevel(const Feature& feature, absl::string_view field, Class label,
                        CategoryFit* fit);
  void CountLevel(Class label, LevelCounts* level) const;
  // How well the rates of levels, guessed from half of the rows, order the classes of the others. A
  // category of many rare levels orders perfectly the rows that it was guessed from.
  double HeldOutAuc(const CategoryFit& fit) const;
  NumericEncoding FitNumeric(const Feature& feature, NumericFit* fit);
  // Smallest and largest value, once they are sorted.
  static std::pair<double, double> RangeOf(const NumericFit& fit);
  static void FitBins(const NumericFit& fit, NumericEncoding* encoding);
  CategoryEncoding FitCategory(const Feature& feature, const CategoryFit& fit);
  void WarnConstant(const std::string& name, absl::string_view what);
  // Numbers that stand apart and are taken as amounts all the same.
  void WarnSentinels(const std::string& name, const std::vector<Sentinel>& sentinels);
  void WarnLeak(const std::string& name, double auc, absl::string_view what);

  const std::vector<Feature> features_;
  const CleanseConfig config_;
  const DecimalComma comma_;
  std::string level_;  // LevelOf's memory
  ClassCounts rows_;
  std::vector<NumericFit> numeric_;  // in the order of the numeric features
  std::vector<NumericFacts> facts_;
  std::vector<CategoryFit> categories_;  // in the order of the category features
  std::vector<Warning> warnings_;
};

// Gives all numbers one deviation, the root of their mean variance; those that are constant keep
// theirs. For the pixels of images: each by its own deviation, a speck in a corner that is nearly
// always empty would outweigh the picture.
void ScaleTogether(Encoding* encoding);

// Probability that a random positive stands above a random negative when rows are ordered by group,
// ties counted half; 1/2 without rows of both classes. Groups in rising order.
double GroupedAuc(std::span<const ClassCounts> groups);

}  // namespace rubato
